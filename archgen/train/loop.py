"""The training loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import nn

from archgen.train.batches import Batches
from archgen.train.data import ImageSet
from archgen.train.evaluation import Evaluation, device_of, evaluate
from archgen.train.journal import Journal
from archgen.train.keyed import network_seed
from archgen.train.losses import Objective
from archgen.train.optim import build_optimizer, set_learning_rate
from archgen.train.progress import Progress
from archgen.train.provenance import run_facts, weights_metadata
from archgen.train.recipe import Recipe
from archgen.train.run import RunFolder
from archgen.train.schedule import Timeline, learning_rate
from archgen.train.weights import save_weights

NO_WEIGHTS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a run came to; `seconds` is wall time, evaluations included."""

    steps: int
    seconds: float
    evaluations: tuple[Evaluation, ...]

    @property
    def evaluation(self) -> Evaluation:
        """The one after the last step."""
        return self.evaluations[-1]


def fit(
    model: nn.Module,
    train: ImageSet,
    test: ImageSet,
    recipe: Recipe,
    run: RunFolder,
    *,
    seed: int,
    progress: Progress,
    aux_weights: Mapping[str, float] = NO_WEIGHTS,
) -> FitResult:
    """Trains `model` in place, where it is, by `recipe`; the last step is always evaluated.

    The same model, images, recipe, seed, device and thread count give the same weights. Each step
    seeds torch's global generator, from which the network's dropout draws. The weights of the last
    evaluation are in `run.weights`. Raises `TrainingError` where training cannot go on.
    """
    started = perf_counter()
    device = device_of(model)
    timeline = Timeline.of(recipe, len(train))
    batches = Batches(train, recipe, timeline, seed)
    objective = Objective(len(train.classes), recipe.label_smoothing, aux_weights)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
    optimizer = build_optimizer(model, recipe.optimizer)
    evaluations: list[Evaluation] = []
    with run.attempt(run_facts(train, test, seed, device)), _showing(progress, timeline.steps):
        journal = Journal(run, progress, timeline)
        for step in range(timeline.steps):
            rate = set_learning_rate(optimizer, learning_rate(recipe, timeline, step))
            images, labels = batches.at(step, device)
            torch.manual_seed(network_seed(seed, step))
            model.train()
            loss, logits = objective(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            journal.stepped(step, rate, loss, logits, labels)
            if ends_in_evaluation(step, recipe, timeline):
                journal.catch_up()
                evaluations.append(evaluate(model, test, recipe.batch))
                origin = weights_metadata(run, train, seed, step, evaluations[-1])
                save_weights(run.weights, model, origin)
                journal.tested(evaluations[-1])
    return FitResult(timeline.steps, perf_counter() - started, tuple(evaluations))


def ends_in_evaluation(step: int, recipe: Recipe, timeline: Timeline) -> bool:
    """Whether step `step`, counted from 0, is followed by an evaluation."""
    done = step + 1
    due = recipe.eval_every is not None and done % recipe.eval_every == 0
    return due or done == timeline.steps


@contextmanager
def _showing(progress: Progress, steps: int) -> Iterator[None]:
    progress.start(steps)
    try:
        yield
    finally:
        progress.stop()
