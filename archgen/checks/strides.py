"""Strided layers that never read the last rows or columns of their input."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedGraph, ShapedNetwork, ShapedNode, instances
from archgen.rules import STRIDE_DROPS_ROWS


def dropped_rows(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """A window whose stride does not divide what is left of the input ignores its far edge.

    With padding this is how most networks are drawn, so only windows without padding are named.
    """
    graphs = [
        network.block.graph,
        *(head.graph for head in network.heads),
        *(b.graph for b in network.blocks()),
    ]
    for graph in graphs:
        yield from _in_graph(graph)


def _in_graph(graph: ShapedGraph) -> Iterator[Diagnostic]:
    for node in graph.nodes:
        for instance in instances(node):
            if finding := _dropped(instance):
                yield finding
            for branch in instance.branches:
                yield from _in_graph(branch.graph)


def _dropped(node: ShapedNode) -> Diagnostic | None:
    x = node.input
    if node.op is None or node.branches or node.output is None or x is None or x.grid is None:
        return None
    rows, columns = node.op.unread(x)
    if max(rows, columns) == 0 or STRIDE_DROPS_ROWS.code in node.node.allow:
        return None
    lost = (
        f"the last {rows} of {x.height} rows"
        if rows
        else f"the last {columns} of {x.width} columns"
    )
    return STRIDE_DROPS_ROWS.at(
        node.node.key,
        f"`{node.node.name}` never reads {lost}",
        notes=[f"{x.height} -> {node.op.derivation(x)} = {node.output.height}"],
        help=f"pad by {max(rows, columns)}, use another input size, or acknowledge it: "
        f"`allow: [{STRIDE_DROPS_ROWS.code}]`",
    )
