"""Branches of which nothing is left where `when` has dropped their steps."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedBlock, ShapedNetwork, ShapedNode
from archgen.ir.walk import definitions, walk
from archgen.rules import DROPPED_BRANCH


def dropped_branches(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Branches whose every step is left out: the join still gets their input, which is seldom meant.

    The shortcut of a residual is left out: there the identity is what remains on purpose.
    """
    for block, graphs in definitions(network):
        for graph in graphs:
            for visit in walk(graph):
                yield from _dropped(visit.instance, block)


def _dropped(node: ShapedNode, block: ShapedBlock) -> Iterator[Diagnostic]:
    is_residual = node.op is not None and node.op.name == "residual"
    for branch in node.branches:
        nodes = branch.graph.nodes
        is_shortcut = is_residual and not branch.branch.is_body
        if not nodes or is_shortcut or any(n.is_active and n.count != 0 for n in nodes):
            continue
        name = branch.branch.name
        message = f"every step of the branch `{name}` is left out here, and it passes its input on"
        use = f"in `{block.block.name}` {block.scope_text()}".rstrip()
        help = (
            "for a join without it, write two joins, one with the branch and `when: CONDITION`, "
            f"one without it and `when: not CONDITION`; or `allow: [{DROPPED_BRANCH.code}]`"
        )
        yield DROPPED_BRANCH.at(branch.branch.span, message, notes=[use], help=help)
