"""A run from its first step, or its newest checkpoint, to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from torch import nn

from archgen.train.checkpoints import Checkpoints
from archgen.train.computing import algorithms
from archgen.train.data import Images
from archgen.train.errors import Diverged, Interrupted, PeerLost, TrainingError, Unwritable
from archgen.train.evaluation import Evaluation
from archgen.train.followed_run import FollowedCheckpoints, FollowedRun
from archgen.train.identity import check_agreement, identity_of, length_of, settings_of
from archgen.train.learner import Learner
from archgen.train.loop import Loop, Work
from archgen.train.losses import Objective
from archgen.train.progress import Progress
from archgen.train.provenance import changes_until, recipe_text, run_facts
from archgen.train.recipe import Recipe
from archgen.train.run import Facts, RunFolder
from archgen.train.schedule import Timeline
from archgen.train.state import TrainingState
from archgen.train.stopping import StopRequest, stop_requests
from archgen.train.streamed_batches import batches_of
from archgen.train.world import ALONE, World

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
    macs: int | None = None,
    world: World = ALONE,
) -> FitResult:
    """Trains `model` in place, where it is, by `recipe`; the last step is always evaluated.

    The same model, images, recipe, seed, device and thread count give the same weights, also if the
    run is killed in between and `fit` called again: it goes on from the newest sound checkpoint in
    `run`. Checkpoints are written every `checkpoint_every` steps, without it every ten minutes, and
    with each evaluation, whose weights, averaged where the recipe has `ema`, are in `run.weights`.
    With `macs`, the multiply-adds for one image, reports say how much of a GPU's arithmetic is used.
    The processes of a `world`, each of which calls this, share every batch of the recipe.
    Raises `TrainingError` where training cannot go on or another run has its place in `run`, and
    `Interrupted`, the state saved, after the first SIGINT or SIGTERM, to whichever process.
    """
    started = perf_counter()
    run = run if world.is_first else FollowedRun.of(run)
    work = Work(model, train, test, recipe, run, seed, macs, world)
    with (
        stop_requests(is_launched=world.size > 1) as stop,
        world.entering(run.locked()) as unlocked,
    ):
        if unlocked is not None:
            progress.tell(unlocked)
        state = _trained(work, aux_weights, checkpoint_every, progress, stop)
    evaluations = tuple(state.evaluations[step] for step in sorted(state.evaluations))
    return FitResult(state.step, perf_counter() - started, evaluations)


def _trained(
    work: Work,
    aux_weights: Mapping[str, float],
    checkpoint_every: int | None,
    progress: Progress,
    stop: StopRequest,
) -> TrainingState:
    """The state at the end of the run."""
    recipe, run, world = work.recipe, work.run, work.world
    timeline = Timeline.of(recipe, len(work.train))
    objective = Objective(len(work.train.classes), recipe.label_smoothing, aux_weights)
    learner = Learner.of(work.model, recipe, timeline, world)
    state = TrainingState(learner.parts(), micro_batches=min(recipe.accumulate, recipe.batch))
    identity = identity_of(run.spec_sha256, recipe, work.train, work.test, work.seed)
    check_agreement(identity, recipe, world)
    if recipe.batch < world.size:
        raise TrainingError(
            f"a batch of {recipe.batch} cannot be shared among {world.size} processes: "
            "each needs an image of it; start fewer"
        )
    kind = Checkpoints if world.is_first else FollowedCheckpoints
    checkpoints = kind(run.checkpoints, identity, checkpoint_every)
    facts: Facts = run_facts(work.train, work.test, recipe, work.seed, work.device, world.size)
    with _advising(run, checkpoints):
        taken_up = partial(_take_up, work, state, checkpoints, timeline, facts, progress)
        facts = world.together(taken_up)
    world.take_from_first(state)
    with (
        _advising(run, checkpoints),
        batches_of(work.train, recipe, timeline, work.seed, world) as batches,
        world.entering(run.attempt({**facts, "identity": identity})),
        _showing(progress, timeline.steps, state.step),
        algorithms(deterministic=recipe.deterministic),
    ):
        loop = Loop(work, batches, learner, objective, state, checkpoints, progress)
        try:
            loop.go_on(stop)
        except Interrupted:
            world.together(loop.save)
            raise
        except (Diverged, PeerLost, Unwritable):
            raise
        except Exception:  # whatever it is, the steps so far are sound
            loop.save_after_error()
            raise
    return state


def _take_up(
    work: Work,
    state: TrainingState,
    checkpoints: Checkpoints,
    timeline: Timeline,
    facts: Facts,
    progress: Progress,
) -> Facts:
    """Brings the state and the reports of a run to its newest checkpoint, if it has one.

    Returns `facts` with the changes that the run has seen.
    """
    run, recipe = work.run, work.recipe
    before = run.facts if run.is_at(run.path) else {}
    for line in checkpoints.restore(state):
        progress.tell(line)
    if not state.step and before.get("status") == "finished":
        raise TrainingError(
            f"the run in `{run.path}` is finished, and has no checkpoint from which it could go on"
        )
    if not state.step and run.reports("train"):
        progress.tell("there is no checkpoint: the run begins again at step 0")
    if state.step > timeline.steps:
        raise TrainingError(
            f"the run in `{run.path}` has taken {state.step:,} steps, and {length_of(recipe)} would "
            f"have ended it after {timeline.steps:,}: name a length that is not shorter than that"
        )
    run.rewind(state.step, state.evaluations.keys())
    if state.step:
        progress.tell(f"going on after step {state.step}")
    changes = changes_until(before, facts, state.step)
    for change in changes:
        if change.step == state.step:
            progress.tell(str(change))
    # the recipe first: of a process that is gone in between, the next one finds the change again
    if any(before.get(name, value) != value for name, value in settings_of(recipe).items()):
        run.keep_recipe(recipe_text(recipe))
    return {**facts, "changes": [change.recorded() for change in changes]} if changes else facts


@contextmanager
def _advising(run: RunFolder, checkpoints: Checkpoints) -> Iterator[None]:
    """Where a file cannot be written, adds how much of the run is sound and how it goes on."""
    try:
        yield
    except Unwritable as error:
        when = "there is room" if error.is_full else "it can be"
        advice = (
            f"once {when}, type `archgen train --resume {run.path}`: {checkpoints.what_is_sound()}"
        )
        raise Unwritable(error.path, error.cause, advice) from error


@contextmanager
def _showing(progress: Progress, steps: int, done: int) -> Iterator[None]:
    progress.start(steps, done)
    try:
        yield
    finally:
        progress.stop()
