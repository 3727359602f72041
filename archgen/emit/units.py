"""Which classes an emitted module has: one for each block, more only where one could not serve all uses.

Whole and real params become constructor arguments. Words, kernels and truth values decide what a class
looks like, and so does the grid where a block computes with it: uses that differ in those get classes
of their own. A `fixed` block has a class for each different use, with its numbers written out.
"""

from __future__ import annotations

from collections.abc import Iterator

from archgen.infer import trace_block
from archgen.ir.graph import Block, BlockCall, JoinCall, Node, OpCall
from archgen.ir.shape import Shape, Window
from archgen.ir.shaped import ShapedBlock, ShapedNetwork
from archgen.ir.walk import definitions, walk
from archgen.ops.head import Flatten
from archgen.spec.traced import Formula, Symbol, Traced, TracedFloat

IN_CHANNELS = "in_channels"


class Units:
    """The uses of blocks in a network, grouped by the class that serves them."""

    def __init__(self, network: ShapedNetwork, fixed: frozenset[int] = frozenset()) -> None:
        self._fixed = fixed
        self._uses: dict[object, list[ShapedBlock]] = {}
        self._depends: dict[int, bool] = {}
        self._segments: dict[object, list[str]] = {}
        for shaped in network.blocks():
            self._uses.setdefault(self.key(shaped), []).append(shaped)
        (_, own), *blocks = definitions(network)
        # the names of steps within blocks go before those of the network's own steps
        for graph in (*(graph for _, graphs in blocks for graph in graphs), *own):
            for visit in walk(graph):
                if visit.instance.block is not None:
                    names = self._segments.setdefault(self.key(visit.instance.block), [])
                    names.append(visit.node.node.segment)

    def key(self, shaped: ShapedBlock) -> object:
        """What uses of one class have in common."""
        if id(shaped.block) in self._fixed:
            return (id(shaped.block), tuple(shaped.arguments.items()), shaped.inputs)
        kinds = {name: param.kind for name, param in shaped.block.params.items()}
        decided = tuple(
            (name, value)
            for name, value in shaped.arguments.items()
            if kinds[name] not in ("int", "float")
        )
        by_grid = self._depends_on_grid(shaped.block)
        grids = tuple(shape.grid if by_grid else shape.grid is None for shape in shaped.inputs)
        return (id(shaped.block), decided, grids)

    def can_serve(self, shaped: ShapedBlock) -> bool:
        """Whether one class serves the use whatever the params of its caller are.

        A fixed one that no step has in the end has no numbers of its own.
        """
        if id(shaped.block) in self._fixed and self.key(shaped) not in self._uses:
            return False
        return not any(_is_open(value) for value in self._decisive(shaped))

    def _decisive(self, shaped: ShapedBlock) -> Iterator[object]:
        """The numbers of a use that choose its class: another number would want another class."""
        is_fixed = id(shaped.block) in self._fixed
        for name, value in shaped.arguments.items():
            if is_fixed or shaped.block.params[name].kind not in ("int", "float"):
                yield from value if isinstance(value, Window) else (value,)
        for shape in shaped.inputs:
            if is_fixed:
                yield shape.channels
            if is_fixed or self._depends_on_grid(shaped.block):
                yield from shape.grid or ()

    def uses(self, shaped: ShapedBlock) -> list[ShapedBlock]:
        """All uses that share the class of this one."""
        return self._uses.get(self.key(shaped), [shaped])

    def wishes(self, shaped: ShapedBlock) -> tuple[str, ...]:
        """What the class of a use would like to be called: as its one step is, as the block, as a step."""
        segments = dict.fromkeys(self._segments.get(self.key(shaped), []))
        first = tuple(segments) if len(segments) == 1 and self._is_alone(shaped) else ()
        return (*first, shaped.block.name, *segments)

    def _is_alone(self, shaped: ShapedBlock) -> bool:
        return sum(1 for uses in self._uses.values() if uses[0].block is shaped.block) == 1

    def _depends_on_grid(self, block: Block) -> bool:
        if id(block) not in self._depends:
            self._depends[id(block)] = any(
                self._computes_with_grid(node) for node in block.graph.walk()
            )
        return self._depends[id(block)]

    def _computes_with_grid(self, node: Node) -> bool:
        call = node.call
        if isinstance(call, BlockCall) and self._depends_on_grid(call.block):
            return True
        if isinstance(call, OpCall) and call.op is Flatten:
            return True
        settings = (
            call.settings
            if isinstance(call, OpCall | JoinCall)
            else call.arguments
            if isinstance(call, BlockCall)
            else {}
        )
        terms = [
            *settings.values(),
            *(term for term in (node.repeat, node.when) if term is not None),
        ]
        names = (name.text for term in terms for name in getattr(term, "names", tuple)())
        return any(name.endswith((".grid", ".height", ".width")) for name in names)

    def traced(self, shaped: ShapedBlock) -> ShapedBlock:
        """The use again, with its params and input channels as names; as it is where it is fixed."""
        if id(shaped.block) in self._fixed:
            return shaped
        ports = shaped.block.inputs or ("",)
        inputs = tuple(
            Shape(Traced.symbol(int(shape.channels), channel_name(port, shaped.block)), shape.grid)
            for port, shape in zip(ports, shaped.inputs, strict=True)
        )
        return trace_block(shaped, self.arguments(shaped), inputs)

    def arguments(self, shaped: ShapedBlock) -> dict[str, object]:
        """The arguments of a use, numbers as the names of their params."""
        if id(shaped.block) in self._fixed:
            return dict(shaped.arguments)
        kinds = {name: param.kind for name, param in shaped.block.params.items()}
        return {name: _symbol(name, kinds[name], value) for name, value in shaped.arguments.items()}


def channel_name(port: str, block: Block) -> str:
    """The argument that gives the channels of an input."""
    return f"{port}_channels" if len(block.inputs) > 1 else IN_CHANNELS


def _is_open(value: object) -> bool:
    """Whether a number depends on a param or on input channels; a repeat's index is settled."""
    if not isinstance(value, Traced | TracedFloat):
        return False
    return any(isinstance(atom, Symbol) and atom.name != "i" for atom in value.formula.atoms())


def _symbol(name: str, kind: str, value: object) -> object:
    if kind == "int" and isinstance(value, int):
        return Traced.symbol(int(value), name)
    if kind == "float" and isinstance(value, int | float):
        return TracedFloat.of(float(value), Formula(((Symbol(name), 1),)))
    return value
