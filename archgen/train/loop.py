"""The training loop: step, save, evaluate, until the end or until somebody asks to stop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from archgen.train.checkpoints import Checkpoints
from archgen.train.data import Images
from archgen.train.divergence import LossWatch
from archgen.train.errors import Diverged, TrainingError
from archgen.train.evaluation import Evaluation, device_of, evaluate
from archgen.train.gradients import Gradients
from archgen.train.journal import Journal
from archgen.train.keyed import network_seed
from archgen.train.learner import Learner
from archgen.train.left_out import LeftOut
from archgen.train.losses import Objective
from archgen.train.progress import Progress
from archgen.train.provenance import weights_metadata
from archgen.train.recipe import Recipe
from archgen.train.run import RunFolder
from archgen.train.schedule import Timeline
from archgen.train.state import TrainingState
from archgen.train.stopping import StopRequest
from archgen.train.streamed_batches import AnyBatches
from archgen.train.utilisation import Utilisation
from archgen.train.weights import save_weights
from archgen.train.world import ALONE, World

MOST_TEST_IMAGES = 256  # at a time, however large the batch that many processes share


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained, on what, how, and where it is kept.

    `macs` are the multiply-adds of the network for one image, where somebody has counted them.
    """

    model: nn.Module
    train: Images
    test: Images
    recipe: Recipe
    run: RunFolder
    seed: int
    macs: int | None = None
    world: World = ALONE

    @property
    def device(self) -> torch.device:
        """Where the network is, and the batches go."""
        return device_of(self.model)


class Loop:
    """One run from the step that `state` has reached to its last, which is always evaluated."""

    def __init__(
        self,
        work: Work,
        batches: AnyBatches,
        learner: Learner,
        objective: Objective,
        state: TrainingState,
        checkpoints: Checkpoints,
        progress: Progress,
    ) -> None:
        self._work = work
        self._batches = batches
        self._learner = learner
        self._state = state
        self._checkpoints = checkpoints
        self._gradients = Gradients(learner, objective, state, progress.tell)
        self._left_out = LeftOut(work.run, progress)
        self._watch = LossWatch(work.run, work.model, batches)
        utilisation = Utilisation.of(work.macs, work.device, learner.dtype, work.world.size)
        self._journal = Journal(work.run, progress, batches.timeline, state.step, utilisation)
        self._tell = progress.tell
        self._is_whole = True

    def go_on(self, stop: StopRequest) -> None:
        """Trains to the end. Raises `Interrupted` after a whole step that `stop` came in."""
        work = self._work
        work.world.together(self._recall)
        for data in (work.train, work.test):
            work.world.together(partial(data.agree, work.world))
        work.world.together(self._look)
        while True:
            if evaluation_is_due(self._state, self._work.recipe, self._batches.timeline):
                self._evaluate(stop)
            if self._state.step == self._batches.timeline.steps:
                self._left_out.sum_up(self._work.train)
                return
            self._step(*self._work.world.together(partial(self._next_batch, stop)))

    def save(self) -> None:
        """Sees to a checkpoint of the state as it is, with all that led to it told and sound."""
        self._settle()
        if self._checkpoints.newest != self._state.step:
            self._checkpoints.save(self._state)

    def save_after_error(self) -> None:
        """Saves what was done before an error, in this process alone, and says whether that went well.

        Raises `Diverged` where the error came after a loss that is not a number.
        """
        step, run = self._state.step, self._work.run
        if not (step and self._is_whole):
            return
        try:
            self.save()
        except Diverged:
            raise
        except (TrainingError, RuntimeError) as failed:  # a device that is gone, too
            self._tell(f"the state after step {step} could not be saved: {failed}")
        else:
            go_on = f"`archgen train --resume {run.path}` goes on from there"
            self._tell(f"the state after step {step} is saved: {go_on}")

    def _next_batch(self, stop: StopRequest) -> tuple[Tensor, Tensor]:
        """What this process does between two steps, and may fail at by itself."""
        stop.heed()
        if self._checkpoints.are_due(self._state.step):
            self.save()
        with self._journal.waiting():
            batch = self._batches.at(self._state.step, self._work.device)
        self._look()
        return batch

    def _recall(self) -> None:
        """Counts the images that the run went without before it was resumed."""
        self._left_out.recall("train", self._work.train)
        self._left_out.recall("test", self._work.test)

    def _look(self) -> None:
        """Tells of images that were found bad since the last time."""
        self._left_out.look("train", self._state.step, self._work.train)
        self._left_out.look("test", self._state.step, self._work.test)

    def _step(self, images: Tensor, labels: Tensor) -> None:
        work, step, rate = self._work, self._state.step, self._learner.set_rate()
        seed = network_seed(work.seed, step, work.world.share.rank)
        made = self._gradients(images, labels, seed)
        self._watch.see(step, rate, made.loss)
        if step == 0:
            self._watch.settle()  # a run that diverges at once has reported nothing
        self._is_whole = False
        self._learner.step()
        self._state.step += 1
        self._is_whole = True
        self._journal.stepped(step, rate, made, work.recipe.batch)

    def _evaluate(self, stop: StopRequest) -> None:
        work, world = self._work, self._work.world
        world.together(self.save)  # whatever is met in the evaluation, no step is lost
        batch = min(work.recipe.batch, MOST_TEST_IMAGES)
        network = self._learner.evaluated
        evaluation = evaluate(network, work.test, batch, stop.heed, world, self._tell)
        world.together(partial(self._keep, evaluation))

    def _keep(self, evaluation: Evaluation) -> None:
        """Keeps the weights that were measured, the figures and the state, in this order."""
        work, state, network = self._work, self._state, self._learner.evaluated
        self._look()
        is_averaged = self._learner.averaged is not None
        origin = weights_metadata(
            work.run, work.train, work.seed, state.step, evaluation, averaged=is_averaged
        )
        work.run.keep(work.run.weights, partial(save_weights, model=network, metadata=origin))
        self._journal.tested(evaluation)
        state.evaluations[state.step] = evaluation
        self._checkpoints.save(state)

    def _settle(self) -> None:
        self._watch.settle()
        self._journal.catch_up()


def evaluation_is_due(state: TrainingState, recipe: Recipe, timeline: Timeline) -> bool:
    """Whether the state is to be evaluated before the next step, and has not been."""
    done, every = state.step, recipe.eval_every
    is_turn = every is not None and done > 0 and done % every == 0
    return (is_turn or done == timeline.steps) and done not in state.evaluations
