"""The number of classes as a param: what the last linear layer makes, or the last 1x1 convolution."""

from __future__ import annotations

from dataclasses import replace

from archgen.lift.steps import Expression, Step
from archgen.lift.writing import Param

_WIDTHS = {"linear": "features", "conv": "filters"}
_BEHIND = ("act", "global_avg_pool", "dropout", "flatten", "norm", "l2_normalize", "upsample")


def with_classes(
    steps: tuple[Step, ...], *, has_heads: bool = False
) -> tuple[tuple[Step, ...], tuple[Param, ...]]:
    """The steps of a network with `num_classes` for its last width, and the param, where it ends so.

    Of several outputs a convolution is no classifier: the others would keep their width.
    """
    behind = 0
    while behind < len(steps) and steps[-1 - behind].op in _BEHIND:
        behind += 1
    place = len(steps) - 1 - behind
    if place < 0:
        return steps, ()
    last = steps[place]
    setting = _WIDTHS.get(last.op, "")
    if has_heads and last.op == "conv":
        return steps, ()
    if not setting or last.settings.get("kernel", 1) != 1 or last.repeat != 1:
        return steps, ()
    settings = {**last.settings, setting: Expression("num_classes")}
    changed = (*steps[:place], replace(last, settings=settings), *steps[place + 1 :])
    return changed, (Param("num_classes", "int", last.settings[setting]),)
