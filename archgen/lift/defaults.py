"""`defaults:` that make the text short: for each setting the value that spares most words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from archgen.lift.flat import Value
from archgen.lift.paddings import is_free
from archgen.lift.steps import Branch, Expression, Step, op_default, spelled
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of

Defaults = Mapping[str, Mapping[str, Value]]

_OPS = ("conv", "conv_transpose", "max_pool", "avg_pool")
_SHARED = ("kernel", "stride", "padding", "ceil", "count_include_pad", "bias", "norm", "act")


def chosen_defaults(steps: Iterable[Step]) -> Defaults:
    """For each op the settings that `defaults:` gives it, of all steps that a spec writes."""
    by_op: dict[str, list[Step]] = {}
    for step in steps:
        by_op.setdefault(step.op, []).append(step)
    chosen = {op: _of_op(op, by_op.get(op, [])) for op in _OPS}
    return {op: settings for op, settings in chosen.items() if settings}


def _of_op(op: str, steps: list[Step]) -> dict[str, Value]:
    names = [name for name in settings_of(OPS_BY_NAME[op]) if name in _SHARED]
    found = {name: _best(op, name, steps) for name in names if op != "conv" or name != "kernel"}
    return {name: value for name, value in found.items() if value is not None and len(steps) > 1}


def _best(op: str, name: str, steps: list[Step]) -> Value:
    """The value that most steps have, if writing it once spares writing it twice."""
    fixed = [s for s in steps if not (name == "padding" and is_free(s.settings))]
    values = {spelled(step.settings[name]): step.settings[name] for step in fixed}
    counts = Counter(
        spelled(step.settings[name])
        for step in fixed
        if not isinstance(step.settings[name], Expression)
    )
    if not counts:
        return None
    most, count = counts.most_common(1)[0]
    is_default = values[most] == op_default(op, name)
    spared = count + (len(steps) - len(fixed)) - counts[spelled(op_default(op, name))]
    return None if is_default or spared < 2 else values[most]


def without_defaults(steps: tuple[Step, ...], defaults: Defaults) -> tuple[Step, ...]:
    """The steps with those settings alone that they must write."""
    return tuple(
        replace(
            step,
            settings=_unlike(step, defaults.get(step.op, {})),
            branches=tuple(
                Branch(name, without_defaults(inner, defaults)) for name, inner in step.branches
            ),
        )
        for step in steps
    )


def _unlike(step: Step, known: Mapping[str, Value]) -> Mapping[str, Value]:
    """The settings that differ from the defaults, in the order of the op table."""
    if step.op not in OPS_BY_NAME:
        return step.settings
    written = {}
    for name in settings_of(OPS_BY_NAME[step.op]):
        default = known.get(name, op_default(step.op, name))
        is_any = name == "padding" and default in ("same", "valid") and is_free(step.settings)
        if not is_any and _differs(step.settings[name], default):
            written[name] = step.settings[name]
    return written


def _differs(value: Value, default: Value) -> bool:
    return type(value) is not type(default) or value != default
