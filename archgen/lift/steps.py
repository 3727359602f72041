"""Steps of a spec in the making: ops with complete settings, joins with branches, modules as groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

from archgen.ir.shape import Window
from archgen.lift.flat import Scope, Value
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of

Extent: TypeAlias = tuple[int, ...]
Scopes: TypeAlias = tuple[Scope, ...]


class Expression(str):
    """A setting over params and channels, as a spec spells it."""

    __slots__ = ()


class Branch(NamedTuple):
    """One branch of a join: a name and the steps in it."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Step:
    """One op, join, use of a block or module around other steps.

    `op` is empty for a module, whose steps are `inner`. `settings` are complete: defaults stand in
    them too. `value` names what the step makes and `reads` what it takes, as the traced calls do.
    `scopes` are the modules around all of it, `input` and `output` shapes (C, H, W) or (C,).
    """

    op: str
    settings: Mapping[str, Value]
    value: str
    reads: tuple[str, ...]
    scopes: Scopes
    input: Extent
    output: Extent
    branches: tuple[Branch, ...] = ()
    inner: tuple[Step, ...] = ()
    repeat: int | str = 1
    when: str = ""
    name: str = ""

    @property
    def is_group(self) -> bool:
        """Whether it is a module that has not become a block or been dissolved yet."""
        return not self.op

    @property
    def lists(self) -> tuple[tuple[Step, ...], ...]:
        """The lists of steps directly inside."""
        return (self.inner,) if self.is_group else tuple(branch.steps for branch in self.branches)


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Every step of a list, in order, those inside behind what holds them."""
    for step in steps:
        yield step
        for inside in step.lists:
            yield from walk(inside)


def maker(value: str) -> str:
    """The call that makes a value: that of the split for one of its parts."""
    return value.partition(".")[0]


def part(value: str) -> str:
    """Which part of a split a value is, or an empty text."""
    return value.partition(".")[2]


def common(one: Scopes, other: Scopes) -> Scopes:
    """The modules around both."""
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return one[:count]


def same(one: object, other: object) -> bool:
    """Whether two values are equal and of one type: 1 is not true."""
    return type(one) is type(other) and one == other


def spelled(value: object) -> str:
    """A value as a text that is the same for equal ones."""
    return json.dumps(value, sort_keys=True)


@cache
def defaults_of(op: str) -> Mapping[str, Value]:
    """The defaults of an op's settings as a spec writes them, without those that must be written."""
    types = settings_of(OPS_BY_NAME[op]).values()
    return {known.name: _plain(known.default) for known in types if not known.is_required}


def op_default(op: str, setting: str) -> Value:
    """The default of an op's setting as a spec writes it; None where it must be written."""
    return defaults_of(op).get(setting)


def _plain(default: object) -> Value:
    """A default of the op table as a spec writes it."""
    if default is None:
        return "none"
    if isinstance(default, Window):
        return default.height if default.height == default.width else f"{default[0]}x{default[1]}"
    assert isinstance(default, str | int | float | bool)
    return default


def sides(window: Value) -> tuple[int, int]:
    """Height and width of `3` or `1x7`."""
    if isinstance(window, int):
        return window, window
    height, _, width = str(window).partition("x")
    return int(height), int(width)


def same_padding(settings: Mapping[str, Value]) -> Value:
    """What keeps a grid at stride 1, in the shortest form; None where no symmetric padding does."""
    reach = [
        dilation * (side - 1)
        for side, dilation in zip(
            sides(settings["kernel"]), sides(settings.get("dilation", 1)), strict=True
        )
    ]
    return None if any(side % 2 for side in reach) else shortest(tuple(s // 2 for s in reach))


def shortest(amounts: Value) -> Value:
    """Amounts of [height, width] or four sides as few numbers as say the same."""
    if not isinstance(amounts, tuple):
        return amounts
    if len(amounts) == 4 and amounts[0] == amounts[1] and amounts[2] == amounts[3]:
        amounts = (amounts[0], amounts[2])
    return amounts[0] if len(set(amounts)) == 1 else amounts
