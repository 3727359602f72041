"""`defaults:` that make the text short: for each setting the value that spares most words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from archgen.lift.flat import Value
from archgen.lift.paddings import is_free
from archgen.lift.steps import Branch, Expression, Step, op_default, spelled
from archgen.lift.writing import Block
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of

Defaults = Mapping[str, Mapping[str, Value]]

_OPS = ("conv", "conv_transpose", "max_pool", "avg_pool")
_SHARED = {
    "conv": ("padding", "bias", "norm", "act"),
    "pool": ("kernel", "stride", "padding", "ceil", "count_include_pad"),
}


def chosen_defaults(steps: Iterable[Step]) -> Defaults:
    """For each op the settings that `defaults:` gives it, of all steps that a spec writes."""
    by_op: dict[str, list[Step]] = {}
    for step in steps:
        by_op.setdefault(step.op, []).append(step)
    chosen = {op: _of_op(op, by_op.get(op, [])) for op in _OPS}
    return {op: settings for op, settings in chosen.items() if settings}


def _of_op(op: str, steps: list[Step]) -> dict[str, Value]:
    shared = _SHARED[op.partition("_")[0]] if "pool" not in op else _SHARED["pool"]
    found = {
        name: _best(op, name, steps) for name in settings_of(OPS_BY_NAME[op]) if name in shared
    }
    return {name: value for name, value in found.items() if value is not None}


def _best(op: str, name: str, steps: list[Step]) -> Value:
    """The value that most steps have, if writing it once spares writing it twice."""
    values = {}
    counts: Counter[str] = Counter()
    for step in steps:
        for value in _spellings(step, name):
            values[spelled(value)] = value
            counts[spelled(value)] += 1
    default = op_default(op, name)
    if not counts:
        return None
    most = max(counts, key=lambda text: (counts[text], text == '"same"'))
    spared = counts[most] - counts[spelled(default)]
    return None if values[most] == default or spared < 2 else values[most]


def _spellings(step: Step, name: str) -> tuple[Value, ...]:
    """What a default must be so that the step need not write the setting."""
    value = step.settings[name]
    if name == "padding":
        words = ("same", "valid")
        return words if is_free(step.settings) else tuple(word for word in words if word == value)
    return () if isinstance(value, Expression) else (value,)


def without_defaults(
    steps: tuple[Step, ...], defaults: Defaults, blocks: Iterable[Block]
) -> tuple[Step, ...]:
    """The steps with those settings alone that they must write."""
    params = {block.name: {p.name: p.default for p in block.params} for block in blocks}
    return _without(steps, {**params, **defaults})


def _without(steps: tuple[Step, ...], known: Defaults) -> tuple[Step, ...]:
    return tuple(
        replace(
            step,
            settings=_unlike(step, known.get(step.op, {})),
            branches=tuple(Branch(name, _without(inner, known)) for name, inner in step.branches),
        )
        for step in steps
    )


def _unlike(step: Step, known: Mapping[str, Value]) -> Mapping[str, Value]:
    """The settings that differ from the defaults, in the order of the op table."""
    if step.op not in OPS_BY_NAME:
        given = step.settings.items()
        return {name: value for name, value in given if _differs(value, known[name])}
    written = {}
    for name in settings_of(OPS_BY_NAME[step.op]):
        default = known.get(name, op_default(step.op, name))
        is_any = name == "padding" and default in ("same", "valid") and is_free(step.settings)
        if not is_any and _differs(step.settings[name], default):
            written[name] = step.settings[name]
    return written


def _differs(value: Value, default: Value) -> bool:
    return type(value) is not type(default) or value != default
