"""The training loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from torch import nn

from archgen.train.checkpoints import Checkpoints
from archgen.train.computing import algorithms
from archgen.train.data import Images
from archgen.train.divergence import LossWatch
from archgen.train.errors import Interrupted
from archgen.train.evaluation import Evaluation, device_of, evaluate
from archgen.train.gradients import Gradients
from archgen.train.identity import identity_of
from archgen.train.journal import Journal
from archgen.train.keyed import network_seed
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.progress import Progress
from archgen.train.provenance import changed_surroundings, run_facts, weights_metadata
from archgen.train.recipe import Recipe
from archgen.train.run import Facts, RunFolder
from archgen.train.schedule import Timeline
from archgen.train.state import TrainingState
from archgen.train.stopping import stop_requests
from archgen.train.streamed_batches import batches_of
from archgen.train.weights import save_weights

NO_WEIGHTS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a run came to; `seconds` is the wall time since it was started or resumed."""

    steps: int
    seconds: float
    evaluations: tuple[Evaluation, ...]

    @property
    def evaluation(self) -> Evaluation:
        """The one after the last step."""
        return self.evaluations[-1]


def fit(
    model: nn.Module,
    train: Images,
    test: Images,
    recipe: Recipe,
    run: RunFolder,
    *,
    seed: int,
    progress: Progress,
    aux_weights: Mapping[str, float] = NO_WEIGHTS,
    checkpoint_every: int | None = None,
) -> FitResult:
    """Trains `model` in place, where it is, by `recipe`; the last step is always evaluated.

    The same model, images, recipe, seed, device and thread count give the same weights, also if the
    run is killed in between and `fit` called again: it goes on from the newest sound checkpoint in
    `run`. Checkpoints are written every `checkpoint_every` steps, without it every ten minutes, and
    with each evaluation, whose weights, averaged where the recipe has `ema`, are in `run.weights`.
    Raises `TrainingError` where training cannot go on, and `Interrupted`, the state saved, after
    the first SIGINT or SIGTERM.
    """
    started, device = perf_counter(), device_of(model)
    timeline = Timeline.of(recipe, len(train))
    batches = batches_of(train, recipe, timeline, seed)
    objective = Objective(len(train.classes), recipe.label_smoothing, aux_weights)
    learner = Learner.of(model, recipe, timeline)
    state = TrainingState(learner.parts(), micro_batches=min(recipe.accumulate, recipe.batch))
    identity = identity_of(run.spec_sha256, recipe, train, seed)
    checkpoints = Checkpoints(run.checkpoints, identity, checkpoint_every)
    facts = run_facts(train, test, seed, device)
    _take_up(run, state, checkpoints, facts, progress)
    gradients = Gradients(learner, objective, state, progress.tell)
    watch = LossWatch(run, model, batches)
    journal = Journal(run, progress, timeline, state.step)

    def save() -> None:
        watch.settle()
        journal.catch_up()
        checkpoints.save(state)

    with (
        run.attempt({**facts, "identity": identity}),
        _showing(progress, timeline.steps, state.step),
        stop_requests() as stop,
        algorithms(deterministic=recipe.deterministic),
    ):
        try:
            while True:
                if evaluation_is_due(state, recipe, timeline):
                    watch.settle()
                    journal.catch_up()
                    evaluation = evaluate(learner.evaluated, test, recipe.batch, stop.heed)
                    origin = weights_metadata(run, train, seed, state.step, evaluation)
                    save_weights(run.weights, learner.evaluated, origin)
                    journal.tested(evaluation)
                    state.evaluations[state.step] = evaluation
                    save()
                if state.step == timeline.steps:
                    break
                rate = learner.set_rate()
                images, labels = batches.at(state.step, device)
                loss, logits = gradients(images, labels, network_seed(seed, state.step))
                watch.see(state.step, rate, loss)
                learner.step()
                journal.stepped(state.step, rate, loss, logits, labels)
                state.step += 1
                stop.heed()
                if checkpoints.are_due(state.step):
                    save()
        except Interrupted:
            save()
            raise
    evaluations = tuple(state.evaluations[step] for step in sorted(state.evaluations))
    return FitResult(timeline.steps, perf_counter() - started, evaluations)


def evaluation_is_due(state: TrainingState, recipe: Recipe, timeline: Timeline) -> bool:
    """Whether the state is to be evaluated before the next step, and has not been."""
    done, every = state.step, recipe.eval_every
    is_turn = every is not None and done > 0 and done % every == 0
    return (is_turn or done == timeline.steps) and done not in state.evaluations


def _take_up(
    run: RunFolder,
    state: TrainingState,
    checkpoints: Checkpoints,
    facts: Facts,
    progress: Progress,
) -> None:
    """Brings the state and the reports of a run to its newest checkpoint, if it has one."""
    for line in checkpoints.restore(state):
        progress.tell(line)
    run.rewind(state.step, state.evaluations.keys())
    if state.step:
        progress.tell(f"going on after step {state.step}")
        for line in changed_surroundings(run, facts):
            progress.tell(line)


@contextmanager
def _showing(progress: Progress, steps: int, done: int) -> Iterator[None]:
    progress.start(steps, done)
    try:
        yield
    finally:
        progress.stop()
