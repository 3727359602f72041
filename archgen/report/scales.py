"""The scale of an axis: where it begins and ends, and the round numbers that are marked on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_LEAST_SPAN = 1e-9  # of the values themselves: marks that lie closer could not be told apart


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high`, drawn from `start` to `stop`, with a mark at each of `ticks`."""

    low: float
    high: float
    start: float
    stop: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value is drawn; beyond the ends where it is outside."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def clipped(self, value: float) -> float:
        """Where a value is drawn, at most one length of the axis beyond its ends."""
        length = self.high - self.low
        return self.place(min(max(value, self.low - length), self.high + length))


def exact(low: float, high: float, start: float, stop: float, marks: int) -> Scale:
    """A scale that ends where the values end, as the epochs of the paper's figures do."""
    if _is_a_point(low, high):
        high = low + max(abs(low), 1.0)
    step = round_step((high - low) / marks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Scale(low, high, start, stop, _ticks(first, last, step))


def rounded(low: float, high: float, start: float, stop: float, marks: int) -> Scale:
    """A scale that begins and ends at a mark."""
    if _is_a_point(low, high):
        around = max(abs(low), abs(high), _LEAST_SPAN) * 0.1
        low, high = low - around, high + around
    step = round_step((high - low) / marks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, last * step, start, stop, _ticks(first, last, step))


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is no less than `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in _ROUND if power * factor >= least * (1 - 1e-9))


def _is_a_point(low: float, high: float) -> bool:
    return high - low <= _LEAST_SPAN * max(abs(low), abs(high), _LEAST_SPAN)


def _ticks(first: int, last: int, step: float) -> tuple[float, ...]:
    return tuple(number * step for number in range(first, last + 1))
