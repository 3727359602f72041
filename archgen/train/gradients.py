"""Forward and backward through one batch: whole, or in pieces where memory is short."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import NamedTuple

import torch
from torch import Tensor

from archgen.train.computing import seed_draws
from archgen.train.errors import TrainingError
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.memory import KeptBuffers, free_memory, is_out_of_memory
from archgen.train.state import TrainingState
from archgen.train.world import World

SMALLEST_PIECE = 2  # a batch norm has no statistics of one image


class Outcome(NamedTuple):
    """What came of a batch: the mean loss, and how many images were told right."""

    loss: Tensor
    correct: Tensor


@dataclass(slots=True)
class Gradients:
    """Fills the gradients of a network with those of the mean loss over a batch.

    The batch goes through the network in `state.micro_batches` pieces, shared among the processes.
    Where memory runs out in one of them, that number doubles and the batch is done again: the same
    batch, the same mean, the same draws. Then `tell` gets a line. Batch statistics are those of the
    pieces. Whatever is raised, the network is as it was but for its gradients.
    """

    learner: Learner
    objective: Objective
    state: TrainingState
    tell: Callable[[str], None]
    _proven: int = field(default=0, init=False)
    _is_ordered: bool = field(default=False, init=False)
    _kept: KeptBuffers = field(init=False)

    def __post_init__(self) -> None:
        self._kept = KeptBuffers(self.learner.model)

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> Outcome:
        """The loss and the right answers over all processes; `images` are the share of this one.

        `seed` is what the network's own draws depend on.
        """
        self._kept.keep()
        try:
            if self._world.size == 1:
                return self._alone(images, labels, seed)
            return self._shared(images, labels, seed)
        except BaseException:
            self._kept.put_back()
            raise

    @property
    def pieces(self) -> int:
        """In how many pieces a share goes through the network, one after the other."""
        shared = -(-self.state.micro_batches // self._world.size)
        return min(shared, self._batch // self._world.size)

    @property
    def _world(self) -> World:
        return self.learner.world

    @property
    def _batch(self) -> int:
        return self.learner.recipe.batch

    def _alone(self, images: Tensor, labels: Tensor, seed: int) -> Outcome:
        while True:
            made = self._attempt(images, labels, seed)
            if made is not None:
                return made
            self._kept.put_back()
            self._give_way()

    def _shared(self, images: Tensor, labels: Tensor, seed: int) -> Outcome:
        self._rehearse(images, labels, seed)
        own = self._attempt(images, labels, seed)
        if own is None:
            raise TrainingError(
                f"out of memory at step {self.state.step + 1}, though there had been enough; "
                "the run goes on from its last checkpoint if it is resumed"
            )
        return Outcome(*self._world.sum(torch.stack([own.loss, own.correct.to(own.loss)])))

    def _rehearse(self, images: Tensor, labels: Tensor, seed: int) -> None:
        """Finds pieces for which every process has the memory, while none waits for another."""
        while self._proven != self.pieces:
            with self.learner.apart():
                fits = self._attempt(images, labels, seed) is not None
            self._kept.put_back()
            if self._world.is_any(one=not fits):
                self._give_way()
            else:
                self._proven = self.pieces
                self._order(images, labels, seed)

    def _order(self, images: Tensor, labels: Tensor, seed: int) -> None:
        """Lets DDP order its messages, which it does after the first gradients it has exchanged.

        Sums over three or more processes are rounded by that order: done before the first step, a
        run that is resumed has the sums of one that was not stopped.
        """
        if not self._is_ordered:
            self._accumulated(images, labels, seed)
            self._kept.put_back()
            self._is_ordered = True

    def _attempt(self, images: Tensor, labels: Tensor, seed: int) -> Outcome | None:
        """None where the memory does not suffice."""
        try:
            return self._accumulated(images, labels, seed)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _accumulated(self, images: Tensor, labels: Tensor, seed: int) -> Outcome:
        seed_draws(seed, images.device)
        if not self.learner.model.training:  # going through all modules takes time in each step
            self.learner.model.train()
        self.learner.optimizer.zero_grad()
        losses, correct, pieces = [], [], self.pieces
        parts = zip(images.tensor_split(pieces), labels.tensor_split(pieces), strict=True)
        for number, (part, wanted) in enumerate(parts, start=1):
            with self.learner.apart() if number < pieces else nullcontext():
                mean, logits = self.objective(self.learner.forward(part), wanted)
                weight = len(wanted) / self._batch
                self.learner.backward(mean * (weight * self._world.size))  # whose mean is taken
            losses.append(mean.detach() * weight)
            correct.append((logits.detach().argmax(1) == wanted).sum())
        return Outcome(reduce(add, losses), reduce(add, correct))

    def _give_way(self) -> None:
        """Twice as many pieces. Raises `TrainingError` where they would be too small."""
        pieces, share = self.pieces, self._batch // self._world.size
        if share // (2 * pieces) < SMALLEST_PIECE:
            raise TrainingError(
                f"the memory does not suffice for {share // pieces} images at a "
                "time; take a smaller input or a narrower network"
            )
        self.learner.optimizer.zero_grad()
        free_memory()
        self.state.micro_batches = 2 * pieces * self._world.size
        self.tell(
            f"out of memory at step {self.state.step + 1}: from here on a batch of {self._batch} "
            f"goes through the network in {self.state.micro_batches} pieces"
        )
