"""Strided layers that never read the last rows or columns of their input."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedNetwork, ShapedNode
from archgen.ir.walk import walk_network
from archgen.rules import STRIDE_DROPS_ROWS


def dropped_rows(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """A window whose stride does not divide what is left of the input ignores its far edge.

    With padding this is how most networks are drawn, so only windows without padding are named.
    """
    for visit in walk_network(network):
        if finding := _dropped(visit.instance):
            yield finding


def _dropped(node: ShapedNode) -> Diagnostic | None:
    x = node.input
    if node.op is None or node.branches or node.output is None or x is None or x.grid is None:
        return None
    rows, columns = node.op.unread(x)
    if max(rows, columns) == 0:
        return None
    lost, total = (rows, f"{x.height} rows") if rows else (columns, f"{x.width} columns")
    how_many = f"the last {lost}" if lost > 1 else "the last"
    formula = f"{x.height} -> {node.op.derivation(x)} = {node.output.height}"
    return STRIDE_DROPS_ROWS.at(
        node.node.key,
        f"`{node.node.name}` never reads {how_many} of {total}",
        notes=[formula] if rows else [],
        help=f"pad by {lost}, use another input size, or acknowledge it: "
        f"`allow: [{STRIDE_DROPS_ROWS.code}]`",
    )
