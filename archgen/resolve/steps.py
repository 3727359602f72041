"""Steps to nodes: one resolver for each block, which numbers its values and looks up its names."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, cast

from archgen.diagnostics import Diagnostic, Findings, Span, near_words
from archgen.ir.graph import (
    INPUT,
    Allowance,
    Block,
    BlockCall,
    Branch,
    Call,
    Graph,
    JoinCall,
    Node,
    OpCall,
    Ref,
    Term,
    UnknownCall,
)
from archgen.ir.op import Branches, Join, Op
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.ops.slots import BoolSlot, SettingError, Slot
from archgen.resolve.expectations import read_expect
from archgen.resolve.misuse import (
    has_branches,
    misuse,
    no_output,
    no_part,
    no_single_input,
    no_step,
    parted,
    parts_of_call,
    unknown_op,
)
from archgen.resolve.names import MODULE_ATTRIBUTES, Scope, check_name
from archgen.resolve.params import (
    INT,
    Unreadable,
    missing_arguments,
    read_arguments,
    shape_names,
    unknown_setting,
    variant_arguments,
)
from archgen.resolve.printed import REPEAT, with_printed
from archgen.resolve.settings import Defaults, read_settings
from archgen.rules import (
    LIMIT,
    MISSING_SETTING,
    WRONG_TYPE,
)
from archgen.spec import model as written
from archgen.spec.document import MappingNode, ScalarNode, around
from archgen.spec.document import Node as YamlNode
from archgen.spec.model import Step, read_steps

MAX_NESTING = 64
UNKNOWN = Ref(-2)  # names no node, so what it refers to has no shape
SEVERAL = Ref(-3)  # what a block with several inputs begins with: no single value
_UNREADABLE = "?"  # in sight where a step could not be read; no name of a step


def allowances(codes: Iterable[ScalarNode], scope: Span | None = None) -> Iterator[Allowance]:
    """The entries of an `allow` that stands at `scope`, or at the head of a file."""
    return (Allowance(code.text, code.span, scope) for code in codes)


class Blocks(Protocol):
    """Where a resolver finds the blocks that steps name."""

    def find(self, name: str) -> Block | None:
        """The block, or None where it exists and cannot be read. Raises KeyError for no such block."""

    def known(self) -> list[str]:
        """Every name that `find` knows."""


class Erratum(NamedTuple):
    """An erratum of a step: its node as the spec has it, and as the source prints it.

    `printed` is None where the printed value cannot even be read; `findings` then say why.
    """

    written: written.Erratum
    step: Step
    node: Node
    printed: Node | None
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Context:
    """What the steps of one block share; `open_lists` are those around the current one, in all blocks."""

    blocks: Blocks
    defaults: Defaults
    names: Mapping[str, Slot]
    findings: Findings
    errata: list[Erratum] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    open_lists: list[Span] = field(default_factory=list)


@dataclass
class _List:
    """One list of steps while it is resolved: what `from:` can name in it, and its parameter names."""

    scope: Scope
    outer: Mapping[str, Node | Ref]
    names: dict[str, Node | Ref] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, node: Node) -> None:
        self.names[node.name] = node
        self.counts[node.name.partition("-")[0]] += 1

    def sight(self) -> Mapping[str, Node | Ref]:
        return ChainMap(self.names, cast("dict[str, Node | Ref]", self.outer))


class StepResolver:
    """Resolves the steps of one block, its branches and, for a network, its heads."""

    def __init__(self, context: Context, inputs: tuple[ScalarNode, ...] = ()) -> None:
        self._context = context
        self._names_of_steps = {**context.names, **shape_names("here")}
        self._findings = context.findings
        self._next_id = 0
        self._splits: dict[int, tuple[str, tuple[str, ...]]] = {}
        ports = {f"in.{port.text}": Ref(INPUT, port.text) for port in inputs}
        self._input = Ref(INPUT, inputs[0].text if inputs else "")
        if len(inputs) > 1:
            self._input = SEVERAL
        self._inputs = inputs
        self._inputs_span = around(inputs)
        self._outer: dict[str, Node | Ref] = {"in": self._input, **ports}
        self._scope = Scope(context.findings)
        self.top: Mapping[str, Node | Ref] = {}

    def body(self, node: YamlNode) -> Graph:
        """The block's own list."""
        steps = _List(self._scope, self._outer)
        graph = self._graph(node, self._input, steps)
        self.top = steps.sight()
        return graph

    def head(self, name: ScalarNode, node: YamlNode | None, start: Ref) -> Graph:
        """A further output: steps behind a named value of the network."""
        self._scope.take(name.text, name.span, "an output")
        if node is None:
            return Graph((), start)
        return self._graph(node, start, _List(Scope(self._findings), self.top))

    def reference(
        self, names: tuple[ScalarNode, ...], sight: Mapping[str, Node | Ref]
    ) -> tuple[Ref, ...]:
        """The values that `from:` names; unknown ones are reported.

        Where a step in sight could not be read, or names no op and nearly this, an unknown name may
        be its own, and is silent.
        """
        return tuple(ref for name in names if (ref := self._look_up(name, sight)) is not None)

    def _look_up(self, name: ScalarNode, sight: Mapping[str, Node | Ref]) -> Ref | None:
        target = sight.get(name.text)
        if target == SEVERAL:
            self._findings.add(no_single_input(name.span, self._inputs))
            return None
        if target is not None:
            return target if isinstance(target, Ref) else Ref(target.id)
        head, _, tail = name.text.rpartition(".")
        owner = sight.get(head)
        if isinstance(owner, Node):
            if tail.isdecimal() and owner.repeat is not None and len(tail) < 10:
                return Ref(owner.id, instance=int(tail))
            outputs = self._outputs(owner)
            if outputs is not None and tail in outputs:
                return Ref(owner.id, port=tail)
            if outputs is not None:
                self._findings.add(no_output(name, owner, outputs, tail))
                return None
        if _UNREADABLE in sight:
            unreadable = sight[_UNREADABLE]
            assert isinstance(unreadable, Node)
            return Ref(unreadable.id)
        near = near_words(name.text, sight)
        for misspelt in (sight[word] for word in near):
            if isinstance(misspelt, Node) and isinstance(misspelt.call, UnknownCall):
                return Ref(misspelt.id)
        self._findings.add(no_step(name, sight, self._inputs_span))
        return None

    def _outputs(self, node: Node) -> Iterable[str] | None:
        """What may stand behind a step's name: a block's further outputs, or a split's parts."""
        if isinstance(node.call, BlockCall):
            return node.call.block.outputs
        return parts_of_call(node.call) or None

    def whole(self, ref: Ref, place: Span, reader: str) -> bool:
        """Whether the value is a single one; reports one that a split has parted."""
        split = self._splits.get(ref.id) if not ref.port else None
        if split is not None:
            self._findings.add(parted(place, reader, *split))
        return split is None

    def _graph(self, node: YamlNode, start: Ref, steps: _List) -> Graph:
        open_lists = self._context.open_lists
        if len(open_lists) == MAX_NESTING:
            message = (
                f"steps are nested more than {MAX_NESTING} lists deep, those of blocks counted"
            )
            help = "use fewer blocks within blocks"
            self._findings.add(LIMIT.at(node.span, message, help=help))
            unknown = self._unknown(node, 0)
            return Graph((unknown,), Ref(unknown.id))
        open_lists.append(node.span)
        graph = self._list(node, start, steps)
        open_lists.pop()
        return graph

    def _list(self, node: YamlNode, start: Ref, steps: _List) -> Graph:
        nodes: list[Node] = []
        current = start
        for index, step in enumerate(read_steps(node, self._findings)):
            resolved = (
                self._unknown(node, index)
                if step is None
                else self._step(step, index, current, steps)
            )
            nodes.append(resolved)
            if step is None:
                steps.names[_UNREADABLE] = resolved
            else:
                steps.add(resolved)
            current = Ref(resolved.id)
        if not nodes and start == SEVERAL:
            self._findings.add(no_single_input(node.span, self._inputs))
            current = UNKNOWN
        if nodes and not self.whole(current, nodes[-1].key, "the end of a list"):
            nodes[-1] = replace(nodes[-1], call=UnknownCall())
        return Graph(tuple(nodes), current)

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _unknown(self, node: YamlNode, index: int) -> Node:
        inputs = (UNKNOWN,)
        return Node(self._id(), f"?{index}", "", UnknownCall(), inputs, node.span, node.span, index)

    def _step(self, step: Step, index: int, current: Ref, steps: _List) -> Node:
        names = self._names_of_steps
        repeat = self._term("repeat", REPEAT, step.repeat, names)
        when = self._term("when", BoolSlot(), step.when, names)
        inputs = (current,) if step.from_ is None else self.reference(step.from_, steps.sight())
        known = step.from_ is None or len(inputs) == len(step.from_)
        if inputs == (SEVERAL,):
            self._findings.add(no_single_input(step.op.span, self._inputs))
            inputs, known = (UNKNOWN,), False
        inner = names if repeat is None else {**names, "i": INT}
        op = OPS_BY_NAME.get(step.op.text)
        name, segment = self._names(step, op, steps)
        known = known and self._takes(step, op, inputs)
        call = self._call(step, op, inner, inputs, steps) if known else UnknownCall()
        for problem in misuse(step, call, inputs, repeat):
            self._findings.add(problem)
            call = UnknownCall()
        node = Node(
            id=self._id(),
            name=name,
            segment=segment,
            call=call,
            inputs=inputs or (UNKNOWN,),
            span=step.span,
            key=step.op.span,
            index=index,
            repeat=repeat,
            when=when,
            expect=read_expect(step.expect, names, self._findings),
            source=step.source.cited(None) if step.source else "",
            note=step.note or "",
        )
        if parts := parts_of_call(call):
            self._splits[node.id] = (name, tuple(parts))
            for part, span in parts.items():
                check_name(part, span, "a part", self._findings, MODULE_ATTRIBUTES)
        self._context.allowances.extend(allowances(step.allow, step.span))
        self._context.errata.extend(self._erratum(e, step, node, inner) for e in step.errata)
        return node

    def _takes(self, step: Step, op: type[Op] | None, inputs: tuple[Ref, ...]) -> bool:
        """Whether no input is a split, but for the one of a join that has branches for its parts."""
        if len(inputs) == 1 and op is not None and issubclass(op, Join) and has_branches(step):
            return True
        return all(self.whole(ref, step.op.span, f"`{step.op.text}`") for ref in inputs)

    def _start(self, branch: ScalarNode, start: Ref) -> Ref:
        """What a branch begins with: of a split, the part that bears the branch's name."""
        split = self._splits.get(start.id) if not start.port else None
        if split is None:
            return start
        name, parts = split
        if branch.text not in parts:
            self._findings.add(no_part(branch, name, parts))
            return UNKNOWN
        return start._replace(port=branch.text)

    def _names(self, step: Step, op: type[Op] | None, steps: _List) -> tuple[str, str]:
        """How `from:` calls the step, and its part of parameter names."""
        if step.id is not None:
            name = steps.scope.take(step.id.text, step.id.span, "a step")
            return name, name
        base = step.op.text.rpartition(".")[2]
        if op is not None and issubclass(op, Join):
            count = steps.counts[base]
            return (base if count == 0 else f"{base}-{count + 1}"), ""
        name = steps.scope.number(base, step.op.span)
        return name, name

    def _term(
        self, key: str, slot: Slot, node: YamlNode | None, names: Mapping[str, Slot]
    ) -> Term | None:
        if node is None:
            return None
        try:
            return slot.read(node, names)
        except SettingError as error:
            return Unreadable(error.diagnostic.naming(key), self._findings)

    def _erratum(
        self, erratum: written.Erratum, step: Step, node: Node, names: Mapping[str, Slot]
    ) -> Erratum:
        """The step's node with the printed value in the place of the used one."""
        findings = Findings()
        printed: Node | None = None
        try:
            printed = with_printed(node, erratum, names, self._context.defaults)
        except SettingError as error:
            findings.add(error.diagnostic.naming(erratum.field.text))
        return Erratum(erratum, step, node, printed, tuple(findings.diagnostics))

    def _call(
        self,
        step: Step,
        op: type[Op] | None,
        names: Mapping[str, Slot],
        inputs: tuple[Ref, ...],
        steps: _List,
    ) -> Call:
        node = cast("YamlNode | None", step.settings)
        if op is None:
            return self._block_call(step, node, names)
        if issubclass(op, Join):
            return self._join_call(step, op, node, names, inputs, steps)
        defaults = self._context.defaults
        settings = read_settings(op, step.op, node, names, defaults, self._findings)
        return OpCall(op, settings, defaults.get(op.name, {}))

    def _block_call(self, step: Step, node: YamlNode | None, names: Mapping[str, Slot]) -> Call:
        name = step.op.text
        try:
            block = self._context.blocks.find(name)
        except KeyError:
            self._findings.add(unknown_op(step, self._context.blocks.known()))
            return UnknownCall()
        if block is None:
            return UnknownCall()
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            node = MappingNode((), step.op.span)
        if not isinstance(node, MappingNode):
            message, help = f"`{name}` takes its params as a mapping", f"write `{name}: {{...}}`"
            wrong = WRONG_TYPE.at(node.span, message, help=help)
            return BlockCall(block, {"": Unreadable(wrong, self._findings)})
        owner, params, variants = f"`{name}`", block.params, block.variants
        variant, values = variant_arguments(node, name, variants, self._findings)
        own = read_arguments(node, owner, params, names, self._findings)
        given = {**values, **own}
        missing = missing_arguments(owner, step.op, params, given, variants)
        if missing is not None and not any(isinstance(t, Unreadable) for t in given.values()):
            given[""] = Unreadable(node.lost or missing, self._findings)
        return BlockCall(block, given, variant)

    def _join_call(
        self,
        step: Step,
        op: type[Join],
        node: YamlNode | None,
        names: Mapping[str, Slot],
        inputs: tuple[Ref, ...],
        steps: _List,
    ) -> Call:
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            node = MappingNode((), step.op.span)
        if not isinstance(node, MappingNode):
            branch = "body" if op.branches is Branches.RESIDUAL else "branch_name"
            help = f"write `{op.name}:` and under it `{branch}: [...]`"
            message = f"`{op.name}` takes its branches as a mapping"
            self._findings.add(WRONG_TYPE.at(node.span, message, help=help))
            return UnknownCall()
        scope = Scope(self._findings) if step.id is not None else steps.scope
        start = inputs[0] if inputs else self._input
        if op.branches is Branches.RESIDUAL:
            return self._residual(step, op, node, names, start, _List(scope, steps.sight()))
        scope.take_branches([key for key, _ in node.entries], step)
        branches = tuple(self._branch(key, body, start, steps) for key, body in node.entries)
        return _joined(JoinCall(op, {}, branches))

    def _branch(self, key: ScalarNode, body: YamlNode, start: Ref, steps: _List) -> Branch:
        inner = _List(Scope(self._findings), steps.sight())
        start = self._start(key, start)
        return Branch(key.text, key.span, self._graph(body, start, inner), start)

    def _residual(
        self,
        step: Step,
        op: type[Join],
        node: MappingNode,
        names: Mapping[str, Slot],
        start: Ref,
        steps: _List,
    ) -> Call:
        parts = {
            key.text: (key, value)
            for key, value in node.entries
            if key.text in ("body", "shortcut")
        }
        others = [entry for entry in node.entries if entry[0].text not in parts]
        legal = {"body", "shortcut", *settings_of(op)}
        misspelt = [key for key, _ in others if key.text not in legal]
        self._findings.extend(unknown_setting(key, f"`{op.name}`", legal) for key in misspelt)
        settings = MappingNode(tuple(e for e in others if e[0].text in legal), node.span)
        defaults = self._context.defaults
        terms = read_settings(op, step.op, settings, names, defaults, self._findings)
        if misspelt or "body" not in parts:
            if not misspelt:
                message = "a residual needs a `body`, the steps beside the shortcut"
                help = "write `body:` and its steps"
                self._findings.add(MISSING_SETTING.at(step.op.span, message, help=help))
            return UnknownCall()
        key, body = parts["body"]
        if "shortcut" in parts:
            shortcut_key, shortcut = parts["shortcut"]
            steps.scope.take_branches([shortcut_key], step)
            beside = self._branch(shortcut_key, shortcut, start, steps)
        else:
            first = self._start(key._replace(text="shortcut"), start)
            beside = Branch("shortcut", step.op.span, Graph((), first), first)
        start = self._start(key, start)
        main = Branch("body", key.span, self._graph(body, start, steps), start, is_body=True)
        return _joined(JoinCall(op, terms, (beside, main), defaults.get(op.name, {})))


def _joined(call: JoinCall) -> Call:
    """The join, unless a branch begins with no value, which was reported."""
    is_whole = all(branch.start != UNKNOWN for branch in call.branches)
    return call if is_whole else UnknownCall()
