"""The exponential moving average of a network's weights, in TensorFlow's warm-up form."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn


class AveragedModel:
    """A second module with the averaged weights of the first, for evaluation; it never trains.

    After update t, counted from 0, for each parameter and each floating-point buffer (a batch
    norm's statistics), and with the decay that it is given as the ceiling:

        d       <- min(decay, (1 + t) / (10 + t))
        average <- d * average + (1 - d) * value

    Whole numbers are copied. The rule is that of `tf.train.ExponentialMovingAverage` with
    `num_updates`; a constant decay of 0.9999 would keep 90 % of the first weights for 1,000 steps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Takes the weights of `model` into the average, and leaves them as they are."""
        averages = [*self.module.parameters(), *self.module.buffers()]
        values = [*model.parameters(), *model.buffers()]
        pairs = list(zip(averages, values, strict=True))
        smooth = [(mean.data, value) for mean, value in pairs if value.is_floating_point()]
        if smooth:
            means, news = zip(*smooth, strict=True)
            torch._foreach_lerp_(means, news, 1 - warmed_decay(self.decay, self.updates))
        for mean, value in pairs:
            if not value.is_floating_point():
                mean.copy_(value)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """The averages and the number of updates, for `load_state_dict`."""
        return {"updates": self.updates, "module": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.module.load_state_dict(state["module"])
        self.updates = int(state["updates"])


def warmed_decay(decay: float, update: int) -> float:
    """The share of the average that update `update`, counted from 0, keeps."""
    return min(decay, (1 + update) / (10 + update))
