"""Graphs with every value's shape: what checks, costs, emitters and views take.

A shape is None where it is unknown, which follows from a reported problem. Equal uses of a block share
one `ShapedBlock`; a repeat is a tuple of `Run`s, so that forty equal instances are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from archgen.diagnostics import Span
from archgen.ir.graph import Block, Branch, Head, NetworkGraph, Node
from archgen.ir.op import Op
from archgen.ir.shape import Shape, Window


class Expected(NamedTuple):
    """One line of an `expect` with its values."""

    key: str
    span: Span
    exact: object = None
    minimum: int | None = None
    maximum: int | None = None

    def fits(self, shape: Shape) -> bool:
        """Whether the shape is as the line states it, if it states an exact grid or count of channels."""
        own = {"grid": Window(shape.height, shape.width), "channels": shape.channels}
        return self.exact is None or own.get(self.key, self.exact) == self.exact


class ShapedBranch(NamedTuple):
    """A branch of a join."""

    branch: Branch
    graph: ShapedGraph


@dataclass(frozen=True)
class Run:
    """`count` equal instances of a repeat in a row, the first of them number `first`."""

    first: int
    count: int
    instance: ShapedNode

    @property
    def segment(self) -> str:
        """Its part of a path: `0`, or `0..3` for equal instances."""
        last = self.first + self.count - 1
        return str(self.first) if last == self.first else f"{self.first}..{last}"


@dataclass(frozen=True)
class ShapedNode:
    """A step with the shapes it takes and makes.

    Exactly one of these says what it is: `op` (a join with its `branches` too), `block`, or `runs`
    for a repeat; a step whose `when` is false is not `active` and passes its input on. `condition`
    is the value of `when`.
    """

    node: Node
    inputs: tuple[Shape | None, ...]
    output: Shape | None
    op: Op | None = None
    branches: tuple[ShapedBranch, ...] = ()
    block: ShapedBlock | None = None
    runs: tuple[Run, ...] = ()
    count: object = None
    ports: Mapping[str, Shape | None] = field(default_factory=dict)
    is_active: bool = True
    condition: object = True
    expected: tuple[Expected, ...] = ()

    @property
    def input(self) -> Shape | None:
        """The first input."""
        return self.inputs[0] if self.inputs else None


class ShapedGraph(NamedTuple):
    """A list of steps with shapes, and the shape it ends on."""

    nodes: tuple[ShapedNode, ...]
    input: Shape | None
    output: Shape | None


class ShapedBlock(NamedTuple):
    """One use of a block: its arguments, what goes in, and all its values."""

    block: Block
    arguments: Mapping[str, object]
    inputs: tuple[Shape, ...]
    graph: ShapedGraph
    ports: Mapping[str, Shape | None]
    expected: tuple[Expected, ...] = ()

    @property
    def output(self) -> Shape | None:
        """What comes out."""
        return self.graph.output

    def scope_text(self) -> str:
        """The arguments as `{k: 192, l: 224}`, or an empty text."""
        shown = {n: str(v).lower() if isinstance(v, bool) else v for n, v in self.arguments.items()}
        inner = ", ".join(f"{name}: {value}" for name, value in shown.items())
        return f"{{{inner}}}" if inner else ""


class ShapedHead(NamedTuple):
    """A further output of the network."""

    head: Head
    graph: ShapedGraph


class ShapedNetwork(NamedTuple):
    """A network with every shape."""

    network: NetworkGraph
    block: ShapedBlock
    heads: tuple[ShapedHead, ...] = ()

    @property
    def output(self) -> Shape | None:
        """The shape of the network's one output in evaluation."""
        return self.block.output

    def blocks(self) -> Iterator[ShapedBlock]:
        """Every distinct shaped block, inner ones first; the network itself is not among them."""
        seen: set[int] = set()
        for graph in (self.block.graph, *(head.graph for head in self.heads)):
            yield from _blocks(graph, seen)


def _blocks(graph: ShapedGraph, seen: set[int]) -> Iterator[ShapedBlock]:
    for node in graph.nodes:
        for instance in instances(node):
            for branch in instance.branches:
                yield from _blocks(branch.graph, seen)
            block = instance.block
            if block is not None and id(block) not in seen:
                seen.add(id(block))
                yield from _blocks(block.graph, seen)
                yield block


def instances(node: ShapedNode) -> Iterator[ShapedNode]:
    """The distinct instances of a repeat, or the node itself."""
    if node.runs:
        for run in node.runs:
            yield run.instance
    else:
        yield node
