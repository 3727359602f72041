"""When a run is where: its length in steps and epochs, and the learning rate of each step.

Everything is a pure function of the step, so there is no state to save and none to restore.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from archgen.train.errors import TrainingError
from archgen.train.recipe import (
    Constant,
    Cosine,
    Recipe,
    Schedule,
    SinglePhase,
    Staircase,
    TwoPhase,
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The length of a run. An epoch is as many full batches as the images fill."""

    steps: int
    steps_per_epoch: int

    @classmethod
    def of(cls, recipe: Recipe, images: int) -> Timeline:
        """The timeline of `recipe` on that many training images."""
        if recipe.batch > images:
            raise TrainingError(
                f"the recipe's batch of {recipe.batch} is larger than the training set "
                f"of {images} images; set `batch` to {images} or less"
            )
        steps_per_epoch = images // recipe.batch
        return cls(recipe.steps or (recipe.epochs or 0) * steps_per_epoch, steps_per_epoch)

    def epoch(self, step: int) -> int:
        """The epoch that step `step` belongs to; both count from 0."""
        return step // self.steps_per_epoch


def learning_rate(recipe: Recipe, timeline: Timeline, step: int) -> float:
    """The rate of step `step`, counted from 0: the schedule's, scaled to the recipe's batch."""
    rate = _rate(recipe.schedule, recipe.optimizer.lr, timeline, step)
    return rate * (recipe.batch / (recipe.lr_for_batch or recipe.batch))


def _rate(schedule: Schedule, lr: float, timeline: Timeline, step: int) -> float:
    """The rate lr * warm-up * decay; before that, where there are two phases, the low rate."""
    if not isinstance(schedule, TwoPhase):
        return lr * _warmup(schedule.warmup_steps, step) * _decay(schedule, timeline, step)
    if step < schedule.low_steps:
        return schedule.low_lr
    rest = Timeline(timeline.steps - schedule.low_steps, timeline.steps_per_epoch)
    return _rate(schedule.then, lr, rest, step - schedule.low_steps)


def _warmup(warmup_steps: int, step: int) -> float:
    """(step + 1) / (warmup_steps + 1), and 1 from then on."""
    return min(1.0, (step + 1) / (warmup_steps + 1))


def _decay(schedule: SinglePhase, timeline: Timeline, step: int) -> float:
    match schedule:
        case Constant():
            return 1.0
        case Cosine(warmup_steps=warmup, floor=floor):
            done = max(0, step - warmup) / max(1, timeline.steps - warmup)
            return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2
        case Staircase(factor=factor, epochs=epochs):
            stair = max(1, int(epochs * timeline.steps_per_epoch))
            return float(factor ** (step // stair))
