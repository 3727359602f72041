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
from archgen.train.losses import check_logits, split_outputs
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
) -> Evaluation:
    """Evaluates `model` in eval mode, and leaves it in the mode it was in.

    The processes of a `world` share the batches; each image counts once, and the result is the same
    in each of them and for any number of them, bit by bit. `before_each` is called before each
    batch; what it raises ends the evaluation.
    """
    was_training = model.training
    model.eval()
    try:
        return _counted(model, data, batch, before_each, world)
    finally:
        model.train(was_training)


def _counted(
    model: nn.Module, data: Images, batch: int, before_each: Callable[[], None], world: World
) -> Evaluation:
    device = device_of(model)
    exact = torch.float32 if device.type == "mps" else torch.float64
    rounds = math.ceil(len(data) / (batch * world.size))
    losses = torch.zeros((rounds, world.size), dtype=exact, device=device)  # a place for each batch
    counts = torch.zeros((3,), dtype=torch.int64, device=device)
    with closing(data.in_order(batch, world.share)) as own:
        for place in losses[:, world.share.rank]:
            found = world.together(partial(_next, own, before_each))
            if found is None:
                continue
            images, labels = (part.to(device, non_blocking=True) for part in found)
            logits, _ = split_outputs(model(data.normalised(images)))
            check_logits(logits, len(data.classes))
            place.add_(F.cross_entropy(logits.to(exact), labels, reduction="sum"))
            right = [correct(logits, labels, k) for k in (1, 5)]
            counts += torch.stack([torch.full_like(right[0], len(labels)), *right])
    world.together(partial(data.agree, world))
    count, first, five = world.sum(counts).tolist()
    total = math.fsum(world.sum(losses).flatten().tolist())  # exact: the same in any order
    return Evaluation(count, total / count, first, five)


def _next(
    batches: Iterator[tuple[Tensor, Tensor]], before_each: Callable[[], None]
) -> tuple[Tensor, Tensor] | None:
    """The next batch; None where this process has had all of its own."""
    before_each()
    return next(batches, None)


def correct(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """How many labels are among the `k` largest logits of their row."""
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).sum()


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model without any."""
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")
