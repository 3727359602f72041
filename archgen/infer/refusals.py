"""What to say about an op that refuses what goes into it: the setting to blame, and who made its input so."""

from __future__ import annotations

from archgen.diagnostics import Diagnostic, Label
from archgen.infer.frames import Frame
from archgen.infer.makers import told_of_makers, told_of_vector
from archgen.infer.origins import told_of_settings
from archgen.ir.graph import Node, OpCall
from archgen.ir.op import Op, ShapeError
from archgen.ir.shape import Shape
from archgen.rules import NEEDS_GRID

_WINDOW = ("kernel", "stride", "padding", "dilation")
# the settings that have their part in it where one is refused
_INVOLVED = {"kernel": _WINDOW, "padding": _WINDOW, "groups": ("groups", "filters")}


def refusal(error: ShapeError, node: Node, op: Op, x: Shape, frame: Frame) -> Diagnostic:
    """The finding for a step whose op cannot take `x`."""
    call = node.call
    assert isinstance(call, OpCall)
    term = call.settings.get(error.setting)
    involved = _INVOLVED.get(error.setting, (error.setting,))
    is_here = term is not None and node.span.contains(term.span)
    place = term.span if term is not None and is_here else node.key
    labels = [
        Label(outside.span, f"`{name}` is set here")
        for name in dict.fromkeys((error.setting, *involved))
        if (outside := call.settings.get(name)) is not None and not node.span.contains(outside.span)
    ]
    here = f"here is {x}" if x.grid else f"here is a vector of {x}"
    finding = error.rule.at(place, error.message, caption=here, labels=labels, help=error.help)
    if error.rule is NEEDS_GRID:
        finding = told_of_vector(frame, finding, node)
    finding = told_of_makers(frame, finding, node.inputs)
    return told_of_settings(frame, finding, op, call.settings, involved)
