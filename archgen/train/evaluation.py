"""How well a network classifies: every sample once, whole numbers until the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.train.data import Images
from archgen.train.errors import TrainingError
from archgen.train.losses import check_logits, split_outputs
from archgen.train.memory import free_memory, is_out_of_memory
from archgen.train.world import ALONE, World


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Counts over a data set; `loss` is the mean cross-entropy without label smoothing."""

    count: int
    loss: float
    correct_top1: int
    correct_top5: int

    @property
    def top1(self) -> float:
        """The share of images whose class came first."""
        return self.correct_top1 / self.count

    @property
    def top5(self) -> float:
        """The share of images whose class was among the first five."""
        return self.correct_top5 / self.count

    def figures(self) -> dict[str, float]:
        """The count, the loss and both shares by name."""
        return {"count": self.count, "loss": self.loss, "top1": self.top1, "top5": self.top5}


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    data: Images,
    batch: int,
    before_each: Callable[[], None] = lambda: None,
    world: World = ALONE,
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Evaluates `model` in eval mode, and leaves it in the mode it was in.

    The processes of a `world` share the batches; each image counts once, and the result is the same
    in each of them and for any number of them, bit by bit. `before_each` is called before each
    batch; what it raises ends the evaluation. Where memory runs out, the batches go through the
    network in pieces from there on, and `tell` gets a line.
    """
    was_training = model.training
    model.eval()
    try:
        return _counted(Measuring(model, data, before_each, tell), batch, world)
    finally:
        model.train(was_training)


def _counted(measure: Measuring, batch: int, world: World) -> Evaluation:
    data, device, exact = measure.data, measure.device, measure.exact
    rounds = math.ceil(len(data) / (batch * world.size))
    losses = torch.zeros((rounds, world.size), dtype=exact, device=device)  # a place for each batch
    counts = torch.zeros((3,), dtype=torch.int64, device=device)
    with closing(data.in_order(batch, world.share)) as own:
        for place in losses[:, world.share.rank]:
            found = world.together(partial(measure.next_of, own))
            if found is not None:
                place.add_(found[0])
                counts += found[1]
    world.together(partial(data.agree, world))
    count, first, five = world.sum(counts).tolist()
    total = math.fsum(world.sum(losses).flatten().tolist())  # exact: the same in any order
    return Evaluation(count, total / count, first, five)


@dataclass(slots=True)
class Measuring:
    """Measures batches, in pieces from where memory has run out on."""

    model: nn.Module
    data: Images
    before_each: Callable[[], None]
    tell: Callable[[str], None]
    pieces: int = 1

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return device_of(self.model)

    @property
    def exact(self) -> torch.dtype:
        """What losses are added in."""
        return torch.float32 if self.device.type == "mps" else torch.float64

    def next_of(self, batches: Iterator[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor] | None:
        """Loss and counts of the next batch; None where this process has had all of its own."""
        self.before_each()
        found = next(batches, None)
        while found is not None:
            try:
                return self._sums(*found)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._give_way(len(found[1]))
        return None

    def _sums(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the losses, and how many images there are, right at once, right among five."""
        loss = torch.zeros((), dtype=self.exact, device=self.device)
        counts = torch.zeros((3,), dtype=torch.int64, device=self.device)
        pieces = min(self.pieces, len(labels))
        for parts in zip(images.tensor_split(pieces), labels.tensor_split(pieces), strict=True):
            part, wanted = (each.to(self.device, non_blocking=True) for each in parts)
            logits, _ = split_outputs(self.model(self.data.normalised(part)))
            check_logits(logits, len(self.data.classes))
            loss += F.cross_entropy(logits.to(self.exact), wanted, reduction="sum")
            right = [correct(logits, wanted, k) for k in (1, 5)]
            counts += torch.stack([torch.full_like(right[0], len(wanted)), *right])
        return loss, counts

    def _give_way(self, images: int) -> None:
        """Twice as many pieces. Raises `TrainingError` where there is nothing to divide."""
        if self.pieces >= images:
            raise TrainingError(
                "the memory does not suffice to evaluate one image at a time; "
                "take a smaller input or a narrower network"
            )
        free_memory()
        self.pieces *= 2
        self.tell(
            f"out of memory in an evaluation: from here on {images} images go through the network "
            f"in {self.pieces} pieces"
        )


def correct(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """How many labels are among the `k` largest logits of their row."""
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).sum()


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model without any."""
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")
