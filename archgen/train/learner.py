"""A network in training, with all that changes its weights: precision, clipping, step, average."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from archgen.train.activation_checkpointing import checkpoint_blocks
from archgen.train.computing import autocast, autocast_type
from archgen.train.ema import AveragedModel
from archgen.train.evaluation import device_of
from archgen.train.losses import Outputs
from archgen.train.optim import build_optimizer, set_learning_rate
from archgen.train.recipe import Recipe
from archgen.train.schedule import Timeline, learning_rate
from archgen.train.world import ALONE, World


@dataclass(slots=True)
class Learner:
    """A network in training, with all that changes its weights.

    `called` is what the images go through: `model`, which several processes of a `world` may share.
    `updates` counts the steps that moved the weights. In fp16 a step whose gradients overflow is
    skipped: it is no update, so neither the schedule nor the averaged weights go on.
    """

    model: nn.Module
    called: nn.Module
    world: World
    recipe: Recipe
    timeline: Timeline
    optimizer: torch.optim.Optimizer
    scaler: GradScaler
    averaged: AveragedModel | None
    updates: int = 0

    @classmethod
    def of(
        cls, model: nn.Module, recipe: Recipe, timeline: Timeline, world: World = ALONE
    ) -> Learner:
        """A learner before its first step. `model` is trained in place, where it is."""
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
        device = device_of(model)
        half = autocast_type(recipe.precision, device) == torch.float16
        averaged = AveragedModel(model, recipe.ema.decay) if recipe.ema else None
        if recipe.activation_checkpointing:
            checkpoint_blocks(model)
        if recipe.compile:
            model.compile()  # in place: the names of the weights stay as they are
        return cls(
            model=model,
            called=world.parallel(model),
            world=world,
            recipe=recipe,
            timeline=timeline,
            optimizer=build_optimizer(model, recipe.optimizer),
            scaler=GradScaler(device.type, enabled=half),
            averaged=averaged,
        )

    @property
    def evaluated(self) -> nn.Module:
        """The network to evaluate and to keep: the averaged one where the recipe has `ema`."""
        return self.model if self.averaged is None else self.averaged.module

    @property
    def dtype(self) -> torch.dtype:
        """The type that products compute in."""
        return autocast_type(self.recipe.precision, device_of(self.model))

    def forward(self, images: Tensor) -> Outputs:
        """What the network makes of `images`, computed at the recipe's precision."""
        with autocast(self.recipe.precision, images.device):
            outputs: Outputs = self.called(images)
        return outputs

    def apart(self) -> AbstractContextManager[None]:
        """Inside, `backward` leaves other processes alone: it is not the last before a step."""
        return self.world.apart(self.called)

    def backward(self, loss: Tensor) -> None:
        """Adds the gradients of `loss`, in fp16 multiplied by a scale that `step` takes out."""
        self.scaler.scale(loss).backward()

    def set_rate(self) -> float:
        """Gives the optimizer the rate of the next update, and returns it."""
        return set_learning_rate(
            self.optimizer, learning_rate(self.recipe, self.timeline, self.updates)
        )

    def step(self) -> None:
        """Clips the gradients and moves the weights and their average, but for an overflow in fp16.

        Only fp16 waits for the device. Of the statistics that several processes have gathered, those
        of the first are kept.
        """
        self.world.follow_first(self.model.buffers())
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm, foreach=True)
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scaler.get_scale() < before:
            return
        self.updates += 1
        if self.averaged is not None:
            self.averaged.update(self.model)

    def parts(self) -> dict[str, Any]:
        """By name, all that a checkpoint has to hold: each has `state_dict` and `load_state_dict`."""
        parts = {"model": self.model, "optimizer": self.optimizer, "learner": self}
        return parts if self.averaged is None else {**parts, "ema": self.averaged}

    def state_dict(self) -> dict[str, Any]:
        """What is in no other part: the number of updates and the scale of fp16 gradients."""
        return {"updates": self.updates, "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.updates = int(state["updates"])
        self.scaler.load_state_dict(state["scaler"])
