"""Forward and backward through one batch: whole, or in pieces where memory is short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from archgen.train.computing import seed_draws
from archgen.train.errors import TrainingError
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.state import TrainingState

SMALLEST_PIECE = 2  # a batch norm has no statistics of one image


@dataclass(slots=True)
class Gradients:
    """Fills the gradients of a network with those of the mean loss over a batch.

    The batch goes through the network in `state.micro_batches` pieces. Where memory runs out, that
    number doubles and the batch is done again: the same batch, the same mean, the same draws. Then
    `tell` gets a line. Batch statistics are those of the pieces.
    """

    learner: Learner
    objective: Objective
    state: TrainingState
    tell: Callable[[str], None]
    _proven: int = field(default=0, init=False)

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """The loss and the logits; `seed` is what the network's own draws depend on."""
        while True:
            pieces = self.state.micro_batches
            buffers = [] if pieces == self._proven else self._buffers()
            made = self._attempt(images, labels, seed)
            if made is not None:
                self._proven = pieces
                return made
            self._give_way(len(labels))
            for buffer, before in zip(self.learner.model.buffers(), buffers, strict=False):
                buffer.copy_(before)

    def _attempt(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor] | None:
        """None where the memory does not suffice."""
        try:
            return self._accumulated(images, labels, seed)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _accumulated(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        seed_draws(seed, images.device)
        self.learner.model.train()
        self.learner.model.zero_grad()
        total, logits = torch.zeros((), device=images.device), []
        pieces = self.state.micro_batches
        for part, wanted in zip(
            images.tensor_split(pieces), labels.tensor_split(pieces), strict=True
        ):
            mean, made = self.objective(self.learner.forward(part), wanted)
            loss = mean if pieces == 1 else mean * (len(wanted) / len(labels))
            self.learner.backward(loss)
            total += loss.detach()
            logits.append(made.detach())
        return total, torch.cat(logits)

    def _give_way(self, batch: int) -> None:
        """Twice as many pieces. Raises `TrainingError` where they would be too small."""
        if batch // (2 * self.state.micro_batches) < SMALLEST_PIECE:
            raise TrainingError(
                f"the memory does not suffice for {batch // self.state.micro_batches} images at a "
                "time; take a smaller input or a narrower network"
            )
        self.learner.model.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.state.micro_batches *= 2
        self.tell(
            f"out of memory at step {self.state.step + 1}: from here on a batch of {batch} goes "
            f"through the network in {self.state.micro_batches} pieces"
        )

    def _buffers(self) -> list[Tensor]:
        return [buffer.clone() for buffer in self.learner.model.buffers()]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an accelerator or the CPU's allocator could not give the memory."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
