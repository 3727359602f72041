"""What to say about a join that does not fit: every branch with its derivation, the odd one blamed."""

from __future__ import annotations

from archgen.diagnostics import Diagnostic, Label, Span
from archgen.infer.frames import Frame
from archgen.infer.makers import (
    ASPECTS,
    Aspect,
    last_maker,
    setting_place,
    told_of_blocks,
    told_of_defaults,
    told_of_makers,
)
from archgen.ir.graph import Node
from archgen.ir.op import Join, JoinError
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBranch, ShapedGraph, ShapedNode
from archgen.rules import CHANNELS_DIFFER, GRIDS_DIFFER, RESIDUAL_MISMATCH


def describe(
    error: JoinError,
    node: Node,
    branches: tuple[ShapedBranch, ...],
    ends: tuple[Shape, ...],
    inputs: tuple[Shape, ...],
    frame: Frame,
) -> Diagnostic:
    """The finding for a join that has `inputs` and cannot join `ends`."""
    if not branches:
        return told_of_makers(frame, _of_values(error, node, ends), node.inputs)
    if error.rule is not RESIDUAL_MISMATCH:
        finding, aspect = _differ(error, branches), ASPECTS[error.rule.code]
    else:
        is_same_grid = len({shape.grid for shape in ends}) == 1
        aspect = Aspect.CHANNELS if is_same_grid else Aspect.GRID
        finding = _residual(error, branches, aspect)
        if frame.caller is not None and inputs[0].channels == frame.inputs[0].channels:
            finding = finding._replace(help=error.help_in_block)
        finding = told_of_makers(frame, finding, node.inputs[:1], aspect)
    return told_of_blocks(frame, told_of_defaults(finding, branches), branches, aspect)


def _of_values(error: JoinError, node: Node, ends: tuple[Shape, ...]) -> Diagnostic:
    shapes = " and ".join(str(shape) for shape in ends)
    return error.rule.at(node.key, error.message, caption=f"joins {shapes}", help=error.help)


def _differ(error: JoinError, branches: tuple[ShapedBranch, ...]) -> Diagnostic:
    blamed = error.odd[0] if error.odd else len(branches) - 1
    labels = [
        Label(b.branch.span, _ends(error, b.graph)) for i, b in enumerate(branches) if i != blamed
    ]
    odd = branches[blamed]
    culprit = _culprit(odd.graph, error)
    if culprit is not None and error.odd:
        labels.append(Label(culprit[0], f"makes {culprit[1]} here"))
    elif not error.odd:
        labels.extend(
            Label(c[0], f"makes {c[1]}")
            for b in branches
            if (c := _culprit(b.graph, error)) is not None
        )
    place = odd.branch.span
    return error.rule.at(
        place,
        error.message,
        caption=_ends(error, odd.graph),
        labels=labels,
        help=_advice(error, branches),
    )


def _ends(error: JoinError, graph: ShapedGraph) -> str:
    """`17x17   35 -> (35 - 3) // 2 + 1` or, where channels differ, `384 channels`."""
    if graph.output is None:
        return ""
    if error.rule is CHANNELS_DIFFER:
        return f"{graph.output.channels} channels"
    return f"{graph.output.grid or 'a vector'}   {derivation(graph)}"


def derivation(graph: ShapedGraph) -> str:
    """How the height of a branch's end came about, step by step: `35 -> 35 -> (35 - 3) // 2 + 1`."""
    parts = [str(graph.input.height) if graph.input else "?"]
    parts.extend(_step(node) for node in graph.nodes if node.is_active)
    return " -> ".join(parts)


def _step(node: ShapedNode) -> str:
    if node.op is not None and node.input is not None and not isinstance(node.op, Join):
        return node.op.derivation(node.input)
    return str(node.output.height) if node.output else "?"


def _culprit(graph: ShapedGraph, error: JoinError) -> tuple[Span, str] | None:
    """The last step that made what is odd, pointed at where its setting stands."""
    for node in reversed(graph.nodes):
        if node.input is None or node.output is None or node.op is None or node.branches:
            continue
        if error.rule is CHANNELS_DIFFER and node.output.channels != node.input.channels:
            return setting_place(node, "filters"), f"{node.output.channels} channels"
        if error.rule is GRIDS_DIFFER and node.output.grid != node.input.grid:
            return setting_place(node, "padding"), str(node.output.grid or "a vector")
    last = _last_op(graph)
    if last is None or last.output is None or error.rule is CHANNELS_DIFFER:
        return None
    return last.node.key, str(last.output.grid or "a vector")


def _advice(error: JoinError, branches: tuple[ShapedBranch, ...]) -> str:
    if error.help:
        return error.help
    if not error.odd:
        return ""
    odd = branches[error.odd[0]].branch.name
    goal = error.goes_on
    if goal is None:
        return ""
    what = f"{goal.grid}" if error.rule is GRIDS_DIFFER else f"{goal.channels} channels"
    return f"bring `{odd}` to {what}, as in the other branches"


def _residual(error: JoinError, branches: tuple[ShapedBranch, ...], aspect: Aspect) -> Diagnostic:
    shortcut, body = branches
    ended = _last_op(body.graph) or last_maker(body.graph, Aspect.CHANNELS)
    is_op = ended is not None and ended.op is not None and not ended.branches
    place = setting_place(ended, "filters") if ended is not None and is_op else body.branch.span
    ends = [branch.graph.output.grid for branch in branches if branch.graph.output]
    if len(set(ends)) > 1:
        culprit = _culprit(body.graph, JoinError(GRIDS_DIFFER, ""))
        place = culprit[0] if culprit else body.branch.span
    labels = [Label(shortcut.branch.span, f"the shortcut ends with {shortcut.graph.output}")]
    last = _last_op(shortcut.graph)
    if last is not None:
        labels.append(Label(last.node.key, f"makes {last.output}"))
    return error.rule.at(
        place,
        error.message,
        caption=f"the body ends with {body.graph.output}",
        labels=labels,
        help=error.help,
        cause=aspect,
    )


def _last_op(graph: ShapedGraph) -> ShapedNode | None:
    node = graph.nodes[-1] if graph.nodes else None
    return node if node is not None and node.op is not None and not node.branches else None
