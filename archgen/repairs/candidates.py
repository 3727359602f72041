"""Candidates: single edits of the steps of an arm that would bring its end to what is wanted.

Each is found by running the rules of the steps behind it backwards and its own rule solved for one
setting; whether it breaks anything else is for `trials` to find out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from archgen.infer import Frame
from archgen.infer.scopes import shape_scope
from archgen.ir.graph import Block, BlockCall, Node, OpCall, Term
from archgen.ir.shaped import ShapedNode
from archgen.ops.slots import Setting, SettingError
from archgen.repairs.arms import (
    Arm,
    arm_of_block,
    arm_to,
    inner_frame,
    last_instance,
    wanted_before,
)
from archgen.repairs.backwards import Edited, Wanted, edits_for
from archgen.spec.expressions import Expression

# the order of two edits that are equally small
_ORDER = ("padding", "stride", "kernel", "filters", "features", "groups")
_CHANNELS = ("filters", "features")
MAX_INNER = 16


Size: TypeAlias = "tuple[int, int, bool, int]"


class Candidate(NamedTuple):
    """`setting: text` on one step of a definition.

    `block` is the definition that the step stands in, `size` what orders candidates: numbers changed,
    how far, whether an expression gives way, and the kind of setting.
    """

    node: Node
    setting: str
    text: str
    size: Size
    block: Block

    @property
    def place(self) -> tuple[int, str]:
        """What it edits: of several candidates for one place, one is enough; of groups, each counts."""
        return id(self.node), f"groups: {self.text}" if self.setting == "groups" else self.setting


def grid_candidates(arm: Arm, wanted: Wanted) -> Iterator[Candidate]:
    """Edits that bring the end of an arm to the wanted grid."""
    at: Wanted | None = wanted
    for node in arm.steps:
        if at is None:
            return
        if node.is_active:
            yield from _at_step(last_instance(node), arm.frame, at)
        at = wanted_before(node, at)


def _at_step(node: ShapedNode, frame: Frame, wanted: Wanted) -> Iterator[Candidate]:
    inner = inner_frame(node, frame)
    if inner is not None and node.block is not None:
        if inner.depth < MAX_INNER:
            yield from grid_candidates(arm_of_block(node.block, inner), wanted)
    elif not node.branches:
        yield from window_candidates(node, frame, wanted)
    else:
        known = _steps_of_branches(node)
        for branch in node.branches:
            arm = arm_to(branch.branch.graph.output, frame, known)
            yield from _of_params(grid_candidates(arm, wanted))


def window_candidates(node: ShapedNode, frame: Frame, wanted: Wanted) -> Iterator[Candidate]:
    """Edits of one step with a window."""
    grid = node.input.grid if node.input is not None else None
    if node.op is not None and grid is not None:
        for edited in edits_for(node.op, grid, wanted):
            yield from spelt(node.node, frame, edited)


def channel_candidates(arm: Arm, goal: int, phrases: Sequence[str] = ()) -> Iterator[Candidate]:
    """Edits that bring the end of an arm to `goal` channels.

    `phrases` are other ways to write the goal in the arm's own block, likelier ones first.
    """
    for node in arm.steps:
        if not node.is_active:
            continue
        last = last_instance(node)
        yield from _channels_at(last, arm.frame, goal, phrases)
        if not _keeps_channels(last):
            return


def _channels_at(
    node: ShapedNode, frame: Frame, goal: int, phrases: Sequence[str]
) -> Iterator[Candidate]:
    inner = inner_frame(node, frame)
    if inner is not None and node.block is not None:
        if inner.depth < MAX_INNER:
            yield from channel_candidates(arm_of_block(node.block, inner), goal)
    elif node.branches:
        yield from _in_branches(node, frame, goal)
    elif (name := channel_setting(node)) is not None:
        distance = abs(goal - int(getattr(node.op, name)))
        for text in (*_names_of(goal, frame), *phrases, str(goal)):
            yield from spelt(node.node, frame, Edited(name, text, 1, distance))


def _in_branches(node: ShapedNode, frame: Frame, goal: int) -> Iterator[Candidate]:
    """Of a concat, any branch may take the difference; branches that are added have to agree."""
    if node.output is None:
        return
    known = _steps_of_branches(node)
    is_sum = node.op is not None and node.op.name == "concat"
    for branch in node.branches:
        arm = arm_to(branch.branch.graph.output, frame, known)
        if branch.graph.output is None:
            continue
        if not is_sum:
            yield from _of_params(channel_candidates(arm, goal))
            continue
        own = goal - int(node.output.channels) + int(branch.graph.output.channels)
        if own > 0:
            yield from channel_candidates(arm, own)


def _of_params(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """Those that edit an argument: a param may change several branches at once."""
    return (one for one in candidates if isinstance(one.node.call, BlockCall))


def _steps_of_branches(node: ShapedNode) -> dict[int, ShapedNode]:
    steps = (step for branch in node.branches for step in _all_steps(branch.graph.nodes))
    return {step.node.id: step for step in steps}


def _all_steps(nodes: Sequence[ShapedNode]) -> Iterator[ShapedNode]:
    for node in nodes:
        yield node
        for branch in last_instance(node).branches:
            yield from _all_steps(branch.graph.nodes)


def channel_setting(node: ShapedNode) -> str | None:
    """The setting that says how many channels the step makes."""
    call = node.node.call
    if node.op is None or not isinstance(call, OpCall):
        return None
    return next((name for name in _CHANNELS if name in call.settings), None)


def _keeps_channels(node: ShapedNode) -> bool:
    """Whether the channels of a step follow those it receives, so that an earlier edit reaches them."""
    name = channel_setting(node)
    if name is not None and isinstance(node.node.call, OpCall):
        return any(used.startswith("here.") for used in names_of(node.node.call.settings[name]))
    is_plain = node.block is None and not node.branches
    return is_plain and node.input is not None and _channels(node) == node.input.channels


def _channels(node: ShapedNode) -> int | None:
    return None if node.output is None else int(node.output.channels)


def names_of(term: Term | None) -> tuple[str, ...]:
    """The names that a setting uses."""
    return tuple(name.text for name in term.names()) if isinstance(term, Setting) else ()


def _names_of(goal: int, frame: Frame) -> Iterator[str]:
    """The goal as the block knows it: what it receives."""
    if frame.caller is None:
        return
    ports = [f"in.{port}" for port in frame.block.inputs] or ["in"]
    for port, shape in zip(ports, frame.inputs, strict=False):
        if shape.channels == goal:
            yield f"{port}.channels"


def spelt(node: Node, frame: Frame, edited: Edited) -> Iterator[Candidate]:
    """The edit of a step; and where its setting comes of a param, that of the argument in its place."""
    is_expression = _is_expression(node, edited.setting)
    size = (edited.changes, edited.distance, is_expression, _ORDER.index(edited.setting))
    yield Candidate(node, edited.setting, edited.text, size, frame.block)
    yield from _arguments(node, edited.setting, edited.text, frame, size)


def _is_expression(node: Node, setting: str) -> bool:
    term = terms_of(node).get(setting)
    return isinstance(term, Setting) and isinstance(term.form, Expression)


def _arguments(
    node: Node, setting: str, text: str, frame: Frame, size: Size
) -> Iterator[Candidate]:
    """The arguments, use by use outwards, with which a setting has the value in `text`."""
    if frame.caller is None or frame.call is None:
        return
    for param, value in _solved(terms_of(node).get(setting), text, frame):
        changes, distance, _, order = size
        own = (changes, distance, _is_expression(frame.call, param), order)
        yield Candidate(frame.call, param, value, own, frame.caller.block)
        yield from _arguments(frame.call, param, value, frame.caller, size)


def _solved(term: Term | None, text: str, frame: Frame) -> Iterator[tuple[str, str]]:
    """The param that a setting comes of, with the values that may give the one in `text`.

    A param itself takes the text. Of an expression f(p) of one param, the candidates are those that
    would be right where f multiplies, p * new / old, and where it adds, p + new - old.
    """
    if not isinstance(term, Setting) or not isinstance(term.form, Expression):
        return
    params = {name for name in names_of(term) if name in frame.block.params}
    if term.form.text.strip() in params:
        yield term.form.text.strip(), text
        return
    if len(params) != 1 or not text.isdecimal():
        return
    (param,) = params
    given = frame.arguments.get(param)
    old = _value(term, frame)
    if not isinstance(given, int) or isinstance(given, bool) or old is None or old == 0:
        return
    values = {given + int(text) - old}
    if given * int(text) % old == 0:
        values.add(given * int(text) // old)
    yield from ((param, str(value)) for value in sorted(values) if value > 0)


def _value(term: Setting, frame: Frame) -> int | None:
    """The value of a setting that knows its block's params and inputs alone."""
    scope = {**shape_scope("in", frame.inputs, frame.block.inputs), **frame.arguments}
    if not set(names_of(term)) <= scope.keys():
        return None
    try:
        value = term.evaluate(scope)
    except SettingError:
        return None
    return value if isinstance(value, int) else None


def terms_of(node: Node) -> Mapping[str, Term]:
    """The settings of a step, or the arguments of a use."""
    if isinstance(node.call, OpCall):
        return node.call.settings
    return node.call.arguments if isinstance(node.call, BlockCall) else {}
