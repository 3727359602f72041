"""Curves: what is drawn of each run in one figure, in which colour and dashes, thinned to what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean
from typing import NamedTuple

from archgen.report.runs import RunRecord

COLOURS = 8
COLUMNS = 400  # more points than this across a figure cannot be told apart
FEW = 30  # evaluations that are marked one by one
RESIDUAL_FIRST, PURE_FIRST = 0, 1  # red and green, as in Figures 21 to 24


class Point(NamedTuple):
    """A value after so many epochs."""

    epoch: float
    value: float


@dataclass(frozen=True, slots=True)
class Look:
    """How a run is drawn everywhere: colour number, and solid lines for residual networks."""

    colour: int
    dashes: str

    @property
    def classes(self) -> str:
        """The CSS classes of its lines."""
        return f"c{self.colour} {self.dashes}"


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a figure. A faint one is of the training images, and counts for no scale."""

    name: str
    look: Look
    points: tuple[Point, ...]
    is_faint: bool = False

    @property
    def has_marks(self) -> bool:
        """Whether its points are so few that each is marked."""
        return not self.is_faint and len(self.points) <= FEW


def looks(runs: Sequence[RunRecord]) -> list[Look]:
    """A look for each run, as the paper draws: residual networks solid, the others dashed.

    The first of each kind is red or green; every other takes the next colour that is free.
    """
    firsts = {
        next((n for n, run in enumerate(runs) if run.is_residual is kind), -1): colour
        for kind, colour in ((True, RESIDUAL_FIRST), (False, PURE_FIRST))
    }
    taken = {colour for number, colour in firsts.items() if number >= 0}
    others = (n for n in count() if n not in taken)
    numbers = [firsts[n] if n in firsts else next(others) for n in range(len(runs))]
    return [
        Look(number % COLOURS, _dashes(run.is_residual, number // COLOURS))
        for run, number in zip(runs, numbers, strict=True)
    ]


def _dashes(is_residual: bool, lap: int) -> str:
    if lap:
        return "dotted" if lap % 2 else "dashdot"
    return "solid" if is_residual else "dashed"


def thinned(points: Sequence[Point], columns: int = COLUMNS) -> tuple[Point, ...]:
    """The points, or the means of those that would stand in one column of the figure."""
    if len(points) <= columns:
        return tuple(points)
    first, last = points[0].epoch, points[-1].epoch
    width = (last - first) / columns or 1.0
    gathered: dict[int, list[Point]] = {}
    for point in points:
        gathered.setdefault(min(columns - 1, int((point.epoch - first) / width)), []).append(point)
    return tuple(
        Point(fmean(p.epoch for p in g), fmean(p.value for p in g)) for g in gathered.values()
    )


def heights(curves: Sequence[Curve], settled: float) -> tuple[float, float]:
    """The least value of the curves, and the greatest behind the share `settled` of each.

    The faint one of a run counts where its strong one is no more than a dot.
    """
    drawn = {curve.name for curve in curves if not curve.is_faint and len(curve.points) > 1}
    counted = [curve.points for curve in curves if not (curve.is_faint and curve.name in drawn)]
    low = [point.value for points in counted for point in points]
    high = [y for points in counted for x, y in points if x >= settled * points[-1].epoch]
    return (min(low), max(high)) if low else (0.0, 1.0)
