"""Numbers that rise by equal amounts along a repeat, such as the rates of stochastic depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archgen.lift.flat import Value
from archgen.lift.steps import Expression

_PARTS = 200
_DIGITS = 4


class Ramp(NamedTuple):
    """`top * (first + i) / parts`, where `i` counts the instances of a repeat."""

    top: float
    parts: int
    first: int | str

    def first_of(self, value: Value) -> int | None:
        """Where a number, or another ramp that rises as this one, begins on it; None where it does not."""
        if isinstance(value, Ramp):
            is_same = value[:2] == self[:2]
            return value.first if is_same and isinstance(value.first, int) else None
        if not isinstance(value, float):
            return None
        first = round(value * self.parts / self.top)
        return first if self.top * first / self.parts == value else None

    def text(self) -> Expression:
        """The ramp as an expression of a spec."""
        count = f"({self.first} + i)" if self.first != 0 else "i"
        rising = f"{self.top!r} * {count}"
        return Expression(rising if self.parts == 1 else f"{rising} / {self.parts}")


def ramp_of(values: Sequence[Value]) -> Ramp | None:
    """The roundest ramp that gives these numbers to the bit; None where there is none."""
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) < max(2, len(values)) or numbers[1] <= numbers[0]:
        return None
    step = numbers[1] - numbers[0]
    first = round(numbers[0] / step)
    ramps = (Ramp(top, parts, first) for top, parts in _quotients(step))
    return next((ramp for ramp in ramps if _gives(ramp, first, numbers)), None)


def _quotients(step: float) -> Iterator[tuple[float, int]]:
    """`top / parts` near to the step, those of few digits first."""
    for digits in range(1, _DIGITS):
        for parts in range(1, _PARTS):
            top = float(f"{step * parts:.{digits}g}")
            if abs(top - step * parts) < 1e-9 * top:
                yield top, parts


def _gives(ramp: Ramp, first: int, numbers: list[float]) -> bool:
    return all(ramp.top * (first + i) / ramp.parts == number for i, number in enumerate(numbers))
