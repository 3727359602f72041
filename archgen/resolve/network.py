"""Files to graphs: blocks on first use, libraries with their own defaults, the network and its heads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archgen.diagnostics import (
    Diagnostic,
    Findings,
    Severity,
    Span,
    did_you_mean,
    suggest,
)
from archgen.ir.graph import Allowance, Block, Expectation, Head, NetworkGraph, Ref, StatedSizes
from archgen.ir.shape import Grid, Shape
from archgen.ops import OPS_BY_NAME
from archgen.ops.slots import IntSlot, SettingError, Slot
from archgen.resolve.echoes import Region, join_echoes
from archgen.resolve.expectations import read_expect
from archgen.resolve.names import MODULE_ATTRIBUTES, Scope, check_name, is_identifier
from archgen.resolve.params import (
    Unreadable,
    read_params,
    read_requirements,
    read_variants,
    shape_names,
    undeclared,
)
from archgen.resolve.settings import Defaults, lost_defaults, read_defaults
from archgen.resolve.steps import UNKNOWN, Context, Erratum, StepResolver, allowances
from archgen.rules import (
    BAD_NAME,
    BAD_VALUE,
    MISSING_KEY,
    RECURSION,
    UNKNOWN_LIBRARY,
    WRONG_INPUTS,
    WRONG_TYPE,
)
from archgen.spec import model as written
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, around
from archgen.spec.files import start_of
from archgen.spec.loader import SpecFile
from archgen.spec.mappings import read_model

SIZE = IntSlot(minimum=1, maximum=65536)
OUTPUT_FIELDS = frozenset(("logits",))  # what an emitted network calls its own output
_SIDES = re.compile("[0-9]+x[0-9]+")


@dataclass(frozen=True)
class Resolved:
    """All of a file: its blocks, and its network unless it is a library or cannot be read."""

    file: SpecFile
    blocks: Mapping[str, Block | None]
    network: NetworkGraph | None = None
    errata: tuple[Erratum, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    used_libraries: frozenset[str] = frozenset()


def resolve(file: SpecFile, findings: Findings) -> Resolved:
    """Every name of the file looked up, its errata read in both forms."""
    shared = _Shared(findings)
    resolver = _FileResolver(file, shared)
    blocks = {name: resolver.own(name) for name in file.blocks}
    network = resolver.network(file.model) if isinstance(file.model, written.Network) else None
    named = (block for block in file.blocks.values() if block is not None)
    rest = Region(start_of(file.text.source), _declared(file.model))
    join_echoes(findings, (Region(block.span, _declared(block)) for block in named), rest)
    return Resolved(
        file,
        blocks,
        network,
        tuple(shared.errata),
        tuple(shared.allowances),
        frozenset(resolver.used_libraries),
    )


def _declared(model: written.Network | written.Library | written.Block) -> Span | None:
    """Where the params of a network or block stand."""
    params = None if isinstance(model, written.Library) else model.params
    return params.span if params else None


@dataclass(frozen=True)
class _Shared:
    """What the resolvers of a file and its libraries share."""

    findings: Findings
    errata: list[Erratum] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    open_lists: list[Span] = field(default_factory=list)
    resolvers: dict[int, _FileResolver] = field(default_factory=dict)


class _FileResolver:
    """Finds and resolves the blocks of one file; `find` serves its steps."""

    def __init__(self, file: SpecFile, shared: _Shared) -> None:
        self._file = file
        self._shared = shared
        self._findings = shared.findings
        shared.resolvers[id(file)] = self
        shared.allowances.extend(allowances(file.model.allow))
        self.used_libraries: set[str] = set()
        for alias, _ in file.model.use.entries if file.model.use else ():
            check_name(alias.text, alias.span, "a library", self._findings, frozenset())
        self.defaults = self._read_defaults()
        self._resolved: dict[str, Block | None] = {}
        self._open: list[tuple[str, Span]] = []

    def _read_defaults(self) -> Defaults:
        node = self._file.model.defaults
        if not isinstance(node, ScalarNode):
            return read_defaults(node, self._findings)
        name, known = node.text, self._file.libraries
        if name not in known:
            suggestion = suggest(name, known, own=known)
            near, help = suggestion.word, suggestion.help("name one under `use:`")
            message = f"`{name}` is no library of this file"
            unknown = UNKNOWN_LIBRARY.at(node.span, message, help=help, instead=suggestion)
            self._findings.add(unknown)
            if near is None:
                return lost_defaults(unknown, self._findings)
            name = near
        self.used_libraries.add(name)
        library = known[name]
        if library is None:
            return lost_defaults(self._why_unreadable(node), self._findings)
        return self._resolver(library).defaults

    def _why_unreadable(self, library: ScalarNode) -> Diagnostic:
        """Why a library could not be read, which was reported."""
        reported = (f for f in self._findings.diagnostics if f.severity is Severity.ERROR)
        unread = UNKNOWN_LIBRARY.at(library.span, f"`{library.text}` cannot be read")
        return next(reported, unread)

    def _resolver(self, file: SpecFile) -> _FileResolver:
        known = self._shared.resolvers.get(id(file))
        return known if known is not None else _FileResolver(file, self._shared)

    def known(self) -> list[str]:
        names = list(self._file.blocks)
        for alias, library in self._file.libraries.items():
            names.extend(f"{alias}.{name}" for name in (library.blocks if library else ()))
        return names

    def find(self, name: str) -> Block | None:
        alias, dot, inner = name.partition(".")
        if not dot:
            return self.block(self._meant(name))
        library = self._file.libraries[alias]
        self.used_libraries.add(alias)
        return None if library is None else self._resolver(library).block(inner)

    def _meant(self, name: str) -> str:
        """The name itself, or one that is near and that no block can bear, which is told where it stands."""
        if name in self._file.blocks:
            return name
        refused = [block for block in self._file.blocks if not is_identifier(block)]
        return did_you_mean(name, refused) or name

    def own(self, name: str) -> Block | None:
        """A block of this file by its plain name."""
        return self.block(name)

    def block(self, name: str) -> Block | None:
        """A block of this file by its plain name, resolved on first use. Raises KeyError."""
        if name not in self._resolved:
            block = self._file.blocks[name]
            if any(open_name == name for open_name, _ in self._open):
                self._report_cycle(name)
                return None
            key = self._key(name)
            self._open.append((name, key))
            resolved = None if block is None else self._define(name, key, block)
            self._open.pop()
            self._resolved.setdefault(name, resolved)
        return self._resolved[name]

    def _key(self, name: str) -> Span:
        blocks = self._file.model.blocks
        key = blocks.key(name) if blocks else None
        assert key is not None
        return key.span

    def _report_cycle(self, name: str) -> None:
        names = [open_name for open_name, _ in self._open]
        cycle = [*names[names.index(name) :], name]
        message = f"the block `{name}` contains itself: {' -> '.join(cycle)}"
        self._findings.add(
            RECURSION.at(
                self._key(name), message, help="a repeated block is written with `repeat:`"
            )
        )
        self._resolved[name] = None

    def _define(self, name: str, key: Span, block: written.Block) -> Block:
        check_name(name, key, "a block", self._findings, MODULE_ATTRIBUTES)
        if name in (*OPS_BY_NAME, *written.Step.keys()):
            owner = "an op" if name in OPS_BY_NAME else "a key of steps"
            help = f"write `{name}_block` or another name"
            message = f"`{name}` is the name of {owner} and cannot name a block"
            self._findings.add(BAD_NAME.at(key, message, help=help))
        inputs = tuple(port.text for port in block.inputs)
        ports = Scope(self._findings)
        for port in block.inputs:
            ports.take(port.text, port.span, "an input")
        shapes = shape_names("in", inputs)
        params = read_params(block.params, shapes, self._findings)
        names: dict[str, Slot] = {**shapes, **_slots(params)}
        steps = StepResolver(self._context(names), block.inputs)
        graph = steps.body(block.body)
        scope = Span(key.source, key.start, block.span.end)
        self._shared.allowances.extend(allowances(block.allow, scope))
        params |= undeclared(self._findings, block.span)
        return Block(
            name=name,
            graph=graph,
            span=key,
            params=params,
            variants=read_variants(block.variants, f"`{name}`", params, self._findings),
            requires=read_requirements(block.require, names, self._findings),
            inputs=inputs,
            outputs=self._ports(block.outputs, steps),
            expect=read_expect(block.expect, names, self._findings),
            source=written.citation(block.source, self._file.model.source),
            note=block.note or "",
            inputs_span=around(block.inputs),
        )

    def _context(self, names: Mapping[str, Slot]) -> Context:
        shared = self._shared
        return Context(
            self,
            self.defaults,
            names,
            shared.findings,
            shared.errata,
            shared.allowances,
            shared.open_lists,
        )

    def _ports(self, node: MappingNode | None, steps: StepResolver) -> dict[str, Ref]:
        ports: dict[str, Ref] = {}
        for key, value in node.entries if node else ():
            check_name(key.text, key.span, "an output", self._findings, MODULE_ATTRIBUTES)
            refs: tuple[Ref, ...] = ()
            if isinstance(value, ScalarNode):
                refs = steps.reference((value,), steps.top)
            else:
                message, help = (
                    "an output is the name of one step",
                    f"write `{key.text}: step_name`",
                )
                self._findings.add(WRONG_TYPE.at(value.span, message, help=help))
            is_whole = bool(refs) and steps.whole(refs[0], value.span, "an output")
            ports[key.text] = refs[0] if is_whole else UNKNOWN
        return ports

    def network(self, model: written.Network) -> NetworkGraph | None:
        shapes = shape_names("in")
        params = read_params(model.params, shapes, self._findings)
        names: dict[str, Slot] = {**shapes, **_slots(params)}
        check_name(model.name.text, model.name.span, "a network", self._findings, MODULE_ATTRIBUTES)
        for param in list(params.values()):
            if param.default is None:
                message = f"the param `{param.name}` of a network needs a default"
                help = f"write `{param.name}: {{type: {param.kind}, default: ...}}`"
                missing = MISSING_KEY.at(param.span, message, help=help)
                params[param.name] = param._replace(default=Unreadable(missing, self._findings))
        steps = StepResolver(self._context(names))
        graph = steps.body(model.network)
        heads = tuple(self._heads(model, steps))
        stated = self._read_input(model.input)
        shape = None if stated is None else self._input(stated)
        if stated is None or shape is None:
            return None
        block = Block(
            name=model.name.text,
            graph=graph,
            span=model.name.span,
            params=params,
            requires=read_requirements(model.require, names, self._findings),
            expect=self._expected(model, names),
            source=written.citation(model.source, None),
            note=model.note or "",
        )
        return NetworkGraph(block, shape, heads, model.name.text, self._stated(stated, shape))

    def _expected(
        self, model: written.Network, names: Mapping[str, Slot]
    ) -> tuple[Expectation, ...]:
        """What the network expects; nothing of its heads where one of them cannot be read."""
        lines = read_expect(model.expect, names, self._findings, of_network=True)
        is_whole = None not in self._file.outputs.values()
        return tuple(line for line in lines if is_whole or line.key != "params_training")

    def _heads(self, model: written.Network, steps: StepResolver) -> Iterator[Head]:
        for key, _ in model.outputs.entries if model.outputs else ():
            output = self._file.outputs[key.text]
            if output is None:
                continue
            check_name(key.text, key.span, "an output", self._findings, OUTPUT_FIELDS)
            start = steps.reference(output.from_, steps.top)
            if len(output.from_) != 1:
                message = f"an output starts from one step, and `from` names {len(output.from_)}"
                self._findings.add(WRONG_INPUTS.at(key.span, message, help="name one"))
            is_whole = bool(start) and steps.whole(start[0], key.span, "an output")
            graph = steps.head(key, output.body, start[0] if is_whole else UNKNOWN)
            yield Head(
                key.text,
                graph,
                key.span,
                output.training_only,
                output.loss_weight,
                written.citation(output.source, model.source),
            )

    def _read_input(self, node: Node) -> written.Input | None:
        """The input as written; what follows is checked without it where it cannot be read."""
        if not isinstance(node, SequenceNode):
            before = len(self._findings.diagnostics)
            read = read_model(written.Input, node, self._findings)
            return read if len(self._findings.diagnostics) == before else None
        sides = [item.value for item in node.items if isinstance(item, ScalarNode)]
        help = "write `input: {channels: 3, grid: 224}`"
        if len(sides) == 3 and all(type(side) is int for side in sides):
            channels, height, width = sides
            help = f"write `input: {{channels: {channels}, height: {height}, width: {width}}}`"
        message = "the input must be a mapping, not a list"
        self._findings.add(WRONG_TYPE.at(node.span, message, help=help))
        return None

    def _input(self, node: written.Input) -> Shape | None:
        channels = self._size("channels", node.channels)
        if node.grid is not None:
            if node.height is not None or node.width is not None:
                message = "the input has a `grid` and a `height` or `width` beside it"
                self._findings.add(BAD_VALUE.at(node.span, message, help="keep one of the two"))
            height, width = self._grid(node.grid)
        elif node.height is not None and node.width is not None:
            height, width = self._size("height", node.height), self._size("width", node.width)
        else:
            message = "the input needs a `grid`, or `height` and `width`"
            self._findings.add(MISSING_KEY.at(node.span, message, help="write `grid: 299`"))
            return None
        if channels is None or height is None or width is None:
            return None
        return Shape(channels, Grid(height, width))

    def _stated(self, node: written.Input, shape: Shape) -> StatedSizes | None:
        """The sizes that the input states; its own must be among them."""
        sizes = node.sizes
        if sizes is None:
            return None
        smallest = self._size("min", sizes.min)
        largest = None if sizes.max is None else self._size("max", sizes.max)
        step = 1 if sizes.multiple_of is None else self._size("multiple_of", sizes.multiple_of)
        if smallest is None or step is None or (largest is None and sizes.max is not None):
            return None
        stated = StatedSizes(smallest, largest, step, sizes.span)
        for side in (shape.height, shape.width):
            if side not in stated.sizes(side + 1):
                message = f"`sizes` leaves out {side}, the size of this input"
                help = "state sizes that have it, or give the input another size"
                self._findings.add(BAD_VALUE.at(sizes.span, message, help=help))
                return None
        return stated

    def _grid(self, node: Node) -> tuple[int | None, int | None]:
        if isinstance(node, ScalarNode) and _SIDES.fullmatch(node.text):
            sides = node.text.replace("x", ", ")
            message = f"`grid` must be one number or [height, width], not `{node.text}`"
            help, instead = f"write `grid: [{sides}]`", f"[{sides}]"
            self._findings.add(BAD_VALUE.at(node.span, message, help=help, instead=instead))
            return None, None
        if isinstance(node, SequenceNode) and len(node.items) == 2:
            return self._size("grid", node.items[0]), self._size("grid", node.items[1])
        side = self._size("grid", node)
        return side, side

    def _size(self, key: str, node: Node) -> int | None:
        try:
            value = SIZE.read(node, {}).evaluate({})
        except SettingError as error:
            self._findings.add(error.diagnostic.naming(key))
            return None
        assert isinstance(value, int)
        return value


def _slots(params: Mapping[str, object]) -> dict[str, Slot]:
    slots = {name: getattr(param, "slot", None) for name, param in params.items()}
    return {name: slot for name, slot in slots.items() if isinstance(slot, Slot)}
