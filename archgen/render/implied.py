"""Concats that the paper's figures leave to the reader.

One that ends a branch of another is drawn as part of that other (Figure 6), and one in the body of a
residual that feeds a single convolution as arrows into that convolution (Figures 10 to 19).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

from archgen.ir.graph import Graph, JoinCall
from archgen.ir.shaped import ShapedGraph, ShapedNode
from archgen.ops.conv import Conv
from archgen.ops.merge import Concat


def implied_concats(graph: ShapedGraph, written: Graph) -> frozenset[int]:
    """The ids of such concats in a block; one that several steps read is none of them."""
    readers = Counter(_reads(written))
    return frozenset(
        node.node.id
        for node in _candidates(graph, is_body=False)
        if readers[node.node.id] == 1 and not node.node.expect
    )


def _reads(graph: Graph) -> Iterator[int]:
    """The id of each value that is read, as often as it is."""
    yield graph.output.id
    for node in graph.nodes:
        if isinstance(node.call, JoinCall) and node.call.branches:
            for branch in node.call.branches:
                yield from _reads(branch.graph)
        else:
            yield from (ref.id for ref in node.inputs)


def _candidates(graph: ShapedGraph, *, is_body: bool) -> Iterator[ShapedNode]:
    for node, after in zip_longest(graph.nodes, graph.nodes[1:]):
        if is_body and _is_concat(node) and after is not None and isinstance(after.op, Conv):
            yield node
        for branch in node.branches:
            yield from _candidates(branch.graph, is_body=is_body or branch.branch.is_body)
            if _is_concat(node) and branch.graph.nodes and _is_concat(branch.graph.nodes[-1]):
                yield branch.graph.nodes[-1]


def _is_concat(node: ShapedNode) -> bool:
    return isinstance(node.op, Concat) and bool(node.branches) and node.is_active
