"""The values of an emitted `forward`: what they are, who reads them, and where their layers go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archgen.emit.code import Call
from archgen.ir.graph import INPUT, Ref
from archgen.ir.op import Layout
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNode
from archgen.ops.conv import Convolution
from archgen.ops.head import Dropout, Linear, StochasticDepth
from archgen.ops.merge import Residual
from archgen.ops.scale import Scale
from archgen.spec.traced import is_traced


class Value(NamedTuple):
    """What one branch gives a join: a Python expression, its shape, and a name it could be kept under."""

    expression: str
    shape: Shape | None
    name: str


@dataclass(frozen=True)
class Head:
    """A further output that is to be lowered."""

    name: str
    start: Ref
    graph: ShapedGraph
    training_only: bool

    def reads(self) -> set[Ref]:
        """The values of the network that it starts from."""
        made, read, graphs = set(), {self.start}, [self.graph]
        while graphs:
            for node in graphs.pop().nodes:
                made.add(node.node.id)
                read.update(node.node.inputs)
                graphs.extend(branch.graph for branch in node.branches)
        return {ref for ref in read if ref.id not in made}


@dataclass(frozen=True)
class Result:
    """A value that `forward` returns: the block's own (without a name), a head's, or a port's.

    Where `is_optional`, the expression is None in evaluation.
    """

    name: str
    expression: str
    training_only: bool = False
    is_optional: bool = False


@dataclass
class Target:
    """Where layers go: attributes of the block, or the parts of a `Branch` that is being collected."""

    path: str
    parts: list[tuple[str, Call]] | None = None

    def name(self, segment: str) -> str:
        """The Python expression for a layer."""
        return f"{self.path}.{segment}"


def stretch(node: ShapedNode) -> str:
    """What makes a vector a grid of one position, before an op that needs a grid."""
    first = node.runs[0].instance if node.runs else node
    needs_grid = first.op is not None and first.op.layout is Layout.GRID
    is_vector = node.input is not None and node.input.grid is None
    return "[:, :, None, None]" if needs_grid and is_vector else ""


def references(shaped: ShapedBlock, heads: tuple[Head, ...]) -> set[Ref]:
    """The values that others than the next step read, so that they need a variable of their own.

    A head reads its start at once; only one without layers, one that starts amid a repeat, and one
    that waits for further values needs it kept.
    """
    refs = set(shaped.block.outputs.values())
    refs.update(
        head.start
        for head in heads
        if not head.graph.nodes or head.start.instance is not None or len(head.reads()) > 1
    )
    start = Ref(INPUT, shaped.block.inputs[0] if shaped.block.inputs else "")
    graphs = [(shaped.graph, start), *((head.graph, head.start) for head in heads)]
    while graphs:
        graph, previous = graphs.pop()
        for node in graph.nodes:
            several = len(node.node.inputs) > 1
            refs.update(ref for ref in node.node.inputs if several or ref != previous)
            for branch in node.branches:
                start = branch.branch.start
                refs.update({start} - {node.node.inputs[0]})  # the part of a split
                graphs.append((branch.graph, start))
            previous = Ref(node.node.id)
    return refs


def may_hold_sum(residual: ShapedNode, read: set[int]) -> bool:
    """Whether the shortcut can be added into the body's value: one that is new and that nobody else reads."""
    assert isinstance(residual.op, Residual)
    is_plain = not is_traced(residual.op.scale) and residual.op.scale == 1.0
    for node in reversed(residual.branches[-1].graph.nodes):
        if not node.is_active:
            continue
        is_sure = not is_traced(node.condition) and node.node.repeat is None
        if not is_sure or node.node.id in read:
            return False
        if not isinstance(node.op, Dropout | StochasticDepth):  # these may pass on what they get
            return is_plain and _makes_new(node)
    return False


def _makes_new(node: ShapedNode) -> bool:
    """Whether a step makes a new tensor that its gradient does without."""
    if isinstance(node.op, Convolution):
        return node.op.act is None
    return isinstance(node.op, Linear) or (isinstance(node.op, Scale) and node.op.learned)


def sliced(refs: set[Ref]) -> dict[int, list[int]]:
    """Repeats of which single instances are read: node id to the instances' numbers."""
    numbers: dict[int, list[int]] = {}
    for ref in sorted(refs, key=lambda ref: ref.instance or 0):
        if ref.instance is not None:
            numbers.setdefault(ref.id, []).append(ref.instance)
    return numbers
