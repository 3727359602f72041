"""Walks over shaped graphs: every step with its path and the distinct instances of a repeat.

What looks at all steps of a network uses these iterators; what computes a value for each step uses the
`Interpreter` of `archgen.ir.interpreter`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from archgen.ir.shaped import Run, ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode


class Visit(NamedTuple):
    """A step that a walk meets: `node` as it is written, and one `instance` of it.

    `path` is the path of the parameters of the instance. Of a step without `repeat` the instance is
    the node itself and `number` is None; of a repeat it is the number of the first instance that it
    stands for.
    """

    path: str
    node: ShapedNode
    instance: ShapedNode
    number: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether the node is met for the first time in its graph."""
        return not self.number


def walk(
    graph: ShapedGraph, path: str = "", *, into_blocks: bool = False, unrolled: bool = False
) -> Iterator[Visit]:
    """Every step of a graph and of the branches in it, in the order in which they run.

    A join comes after the steps of its branches, and the use of a block after the steps of the block
    where the walk goes `into_blocks`. Equal instances of a repeat are one visit (`conv.0..3`), or
    one each where it is `unrolled`. Steps that `when` leaves out are visited too.
    """
    for node in graph.nodes:
        here = joined_path(path, node.node.segment)
        for run in _runs(node, unrolled=unrolled):
            instance = node if run is None else run.instance
            at = here if run is None else joined_path(here, run.segment)
            for branch in instance.branches:
                inner = joined_path(at, branch.branch.segment)
                yield from walk(branch.graph, inner, into_blocks=into_blocks, unrolled=unrolled)
            if into_blocks and instance.block is not None:
                yield from walk(instance.block.graph, at, into_blocks=True, unrolled=unrolled)
            yield Visit(at, node, instance, None if run is None else run.first)


def _runs(node: ShapedNode, *, unrolled: bool) -> Iterator[Run | None]:
    if not node.runs:
        yield None
    for run in node.runs:
        if unrolled:
            yield from (Run(run.first + n, 1, run.instance) for n in range(run.count))
        else:
            yield run


def definitions(
    network: ShapedNetwork,
) -> Iterator[tuple[ShapedBlock, tuple[ShapedGraph, ...]]]:
    """The network, then every distinct use of a block, each with its lists of steps.

    The network has several lists: its own steps, and those of each further output.
    """
    yield network.block, (network.block.graph, *(head.graph for head in network.heads))
    for block in network.blocks():
        yield block, (block.graph,)


def walk_network(network: ShapedNetwork) -> Iterator[Visit]:
    """Every step of a network, those of a block once for all its equal uses, with paths within it."""
    for _, graphs in definitions(network):
        for graph in graphs:
            yield from walk(graph)


def is_complete(network: ShapedNetwork) -> bool:
    """Whether every value has a shape: no step, port or further output is unknown after an error."""
    values = chain(
        (visit.instance.output for visit in walk_network(network)),
        (visit.instance.input for visit in walk_network(network)),
        (port for block in network.blocks() for port in block.ports.values()),
        (head.graph.output for head in network.heads),
    )
    return all(value is not None for value in values)


def joined_path(path: str, segment: str) -> str:
    """The path of a part inside another: `stem.conv`. A part without a segment adds nothing."""
    return f"{path}.{segment}" if path and segment else path or segment
