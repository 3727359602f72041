"""How well a network classifies: every sample once, whole numbers until the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.train.data import Images
from archgen.train.losses import check_logits, split_outputs


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
    model: nn.Module, data: Images, batch: int, before_each: Callable[[], None] = lambda: None
) -> Evaluation:
    """Evaluates `model` in eval mode, and leaves it in the mode it was in.

    `before_each` is called before each batch; what it raises ends the evaluation.
    """
    was_training = model.training
    model.eval()
    try:
        return _counted(model, data, batch, before_each)
    finally:
        model.train(was_training)


def _counted(
    model: nn.Module, data: Images, batch: int, before_each: Callable[[], None]
) -> Evaluation:
    device = device_of(model)
    exact = torch.float32 if device.type == "mps" else torch.float64
    count = 0
    total = torch.zeros((), dtype=exact, device=device)
    first, five = torch.zeros((2,), dtype=torch.int64, device=device)
    for images, classes in data.in_order(batch):
        before_each()
        labels = classes.to(device, non_blocking=True)
        logits, _ = split_outputs(model(data.normalised(images.to(device, non_blocking=True))))
        check_logits(logits, len(data.classes))
        count += len(labels)
        total += F.cross_entropy(logits.to(exact), labels, reduction="sum")
        first += correct(logits, labels, 1)
        five += correct(logits, labels, 5)
    return Evaluation(count, float(total) / count, int(first), int(five))


def correct(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """How many labels are among the `k` largest logits of their row."""
    best = logits.topk(min(k, logits.shape[1])).indices
    return (best == labels[:, None]).sum()


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model without any."""
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")
