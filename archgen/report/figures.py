"""The figures of a report: what each shows, and of which numbers of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from archgen.report.curves import Curve, Look, Point, heights, thinned
from archgen.report.runs import RunRecord, Tested, Trained

SETTLED = 0.1  # of a run: until then its curves may leave the frame, as the paper's do


class Figure(NamedTuple):
    """A figure: what its axis says, what stands under it, the epochs that it spans, and its curves.

    Of errors and losses the beginning may leave the frame.
    """

    key: str
    axis: str
    caption: str
    epochs: float
    curves: tuple[Curve, ...]

    @property
    def heights(self) -> tuple[float, float]:
        """The least and the greatest value that has to be in the frame."""
        return heights(self.curves, settled=0.0 if self.key == "rate" else SETTLED)


class Sight(NamedTuple):
    """What a figure shows of evaluations (strong) and of training (faint, or strong if alone)."""

    key: str
    axis: str
    caption: str
    tested: Callable[[Tested], float] | None
    trained: Callable[[Trained], float] | None


SIGHTS = (
    Sight(
        "top1",
        "Error (top-1) %",
        "Top-1 error on the test images; faint, on the training images as they were trained on.",
        lambda tested: 100 * (1 - tested.top1),
        lambda trained: 100 * (1 - trained.top1),
    ),
    Sight(
        "top5",
        "Error (top-5) %",
        "Top-5 error on the test images.",
        lambda tested: 100 * (1 - tested.top5),
        None,
    ),
    Sight(
        "loss",
        "Loss",
        "Loss on the test images; faint, the loss that was minimised, with all that the recipe adds.",
        lambda tested: tested.loss,
        lambda trained: trained.loss,
    ),
    Sight("rate", "Learning rate", "Learning rate.", None, lambda trained: trained.learning_rate),
)


def figures(runs: Sequence[RunRecord], looks: Sequence[Look]) -> tuple[Figure, ...]:
    """All figures of a report."""
    epochs = max((run.epochs for run in runs), default=0.0)
    return tuple(
        Figure(sight.key, sight.axis, sight.caption, epochs, tuple(_curves(sight, runs, looks)))
        for sight in SIGHTS
    )


def _curves(sight: Sight, runs: Sequence[RunRecord], looks: Sequence[Look]) -> list[Curve]:
    """The faint curves first, so that the strong ones lie over them."""
    faint, strong = [], []
    for run, look in zip(runs, looks, strict=True):
        if sight.trained is not None:
            points = [Point(point.epoch, sight.trained(point)) for point in run.trained]
            is_faint = sight.tested is not None
            faint.append(Curve(run.name, look, thinned(points), is_faint))
        if sight.tested is not None:
            points = [Point(point.epoch, sight.tested(point)) for point in run.tested]
            strong.append(Curve(run.name, look, thinned(points)))
    return [*faint, *strong]
