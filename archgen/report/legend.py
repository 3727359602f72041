"""The legend of a figure: in the frame where it covers no curve, otherwise below the figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from archgen.report.curves import Curve
from archgen.report.scales import Scale

LINE = 16  # from one line of a legend to the next
LETTER = 6.2  # the width of a letter, on average
MOST_NAMED = 6  # curves in a legend; the page has one for all
MAX_NAME = 28
MARGIN = 8
CLEAR = 4.0  # what a curve keeps from a legend: the size of a mark

Pair = tuple[float, float]


class Rectangle(NamedTuple):
    """A part of the figure, in its units, from the upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def corners(self) -> tuple[Pair, ...]:
        """Its four corners."""
        right, bottom = self.left + self.width, self.top + self.height
        return (self.left, self.top), (right, self.top), (self.left, bottom), (right, bottom)


class Legend(NamedTuple):
    """Where the names stand, each with its curve; `is_below` where the frame has no room for them."""

    box: Rectangle
    entries: tuple[tuple[Curve, str], ...]
    is_below: bool


def legend(
    curves: Sequence[Curve], across: Scale, up: Scale, frame: Rectangle, below: float
) -> Legend | None:
    """The legend of the strong curves; None where one name says nothing, or they are too many."""
    named = [curve for curve in curves if not curve.is_faint]
    if not 1 < len(named) <= MOST_NAMED:
        return None
    entries = tuple((curve, _cut(curve.name)) for curve in named)
    width = 44 + LETTER * max(len(name) for _, name in entries)
    height = 8 + LINE * len(entries)
    drawn = [[(across.place(x), up.clipped(y)) for x, y in curve.points] for curve in curves]
    free = (box for box in _places(frame, width, height) if not _covers(box, drawn))
    box = next(free, None)
    return Legend(box or Rectangle(frame.left, below, width, height), entries, box is None)


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."


def _places(frame: Rectangle, width: float, height: float) -> Iterator[Rectangle]:
    """Places in the frame, the preferred first: below before above, at the right before the left."""
    room_x, room_y = frame.width - width - 2 * MARGIN, frame.height - height - 2 * MARGIN
    for down in (1.0, 0.0, 0.5):
        for along in (1.0, 0.0, 0.5):
            left = frame.left + MARGIN + along * room_x
            yield Rectangle(left, frame.top + MARGIN + down * room_y, width, height)


def _covers(box: Rectangle, drawn: Iterable[Sequence[Pair]]) -> bool:
    """Whether a line between two points, or a point that is alone, comes near the box."""
    around = Rectangle(
        box.left - CLEAR, box.top - CLEAR, box.width + 2 * CLEAR, box.height + 2 * CLEAR
    )
    return any(
        _meets(around, start, stop)
        for points in drawn
        for start, stop in pairwise([*points[:1], *points])
    )


def _meets(box: Rectangle, start: Pair, stop: Pair) -> bool:
    """Whether a straight line has a point in the box: they overlap, and not all corners are on one side."""
    for one, other, low, size in zip(start, stop, box[:2], box[2:], strict=True):
        if max(one, other) < low or min(one, other) > low + size:
            return False
    (x, y), along, up = start, stop[0] - start[0], stop[1] - start[1]
    sides = [along * (corner[1] - y) - up * (corner[0] - x) for corner in box.corners]
    return min(sides) <= 0 <= max(sides)
