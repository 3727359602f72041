"""Noticing a loss that is no number, and saying of which batch and with which gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from archgen.train.errors import Diverged
from archgen.train.run import DIVERGENCE, RunFolder
from archgen.train.streamed_batches import AnyBatches


@dataclass(frozen=True, slots=True)
class Seen:
    """The loss of one step, on its way to the CPU; `arrived` is None where it is there."""

    step: int
    rate: float
    loss: Tensor
    arrived: torch.cuda.Event | None

    def value(self) -> float:
        """The loss; waits for it."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return float(self.loss)


@dataclass(slots=True)
class LossWatch:
    """Raises `Diverged` for a loss that is not finite, and leaves a report in the run folder.

    On the CPU the step's weights are still unchanged then. CUDA is not waited for: there the loss
    of each step is looked at one step later.
    """

    run: RunFolder
    model: nn.Module
    batches: AnyBatches
    _pending: Seen | None = field(default=None, init=False)

    def see(self, step: int, rate: float, loss: Tensor) -> None:
        """Takes the loss of step `step`, counted from 0, once its gradients are there."""
        if loss.is_cuda:
            before, self._pending = self._pending, _on_its_way(step, rate, loss)
        else:
            before = Seen(step, rate, loss, None)
        if before is not None and not math.isfinite(before.value()):
            self._stop(before)

    def settle(self) -> None:
        """Looks at what `see` has not looked at yet."""
        pending, self._pending = self._pending, None
        if pending is not None and not math.isfinite(pending.value()):
            self._stop(pending)

    def _stop(self, seen: Seen) -> None:
        self.run.keep_report(DIVERGENCE, self._report(seen))
        raise Diverged(
            f"the loss became {seen.value()} at step {seen.step + 1}; "
            "lower `lr`, give the schedule more `warmup_steps`, or scale the residuals; "
            f"the batch and the gradients are in `{self.run.path / DIVERGENCE}`"
        )

    def _report(self, seen: Seen) -> Mapping[str, object]:
        norms = gradient_norms(self.model)
        return {
            "step": seen.step + 1,
            "loss": str(seen.value()),
            "learning_rate": seen.rate,
            "epoch": self.batches.timeline.epoch(seen.step),
            "data": self.batches.data.name,
            "samples": self.batches.samples(seen.step).tolist(),
            "gradient_norms": {name: _figure(norm) for name, norm in norms.items()},
        }


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """The Euclidean norm of each parameter's gradient, where it has one."""
    return {
        name: float(parameter.grad.norm())
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def _on_its_way(step: int, rate: float, loss: Tensor) -> Seen:
    there = loss.detach().to("cpu", non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return Seen(step, rate, there, arrived)


def _figure(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else str(value)
