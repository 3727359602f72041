"""What the trainer's tests train: a network of one convolution, and a few made-up images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from archgen.train import ImageSet, Recipe, RunFolder

RECIPE = {
    "optimizer": {"name": "sgd", "lr": 0.1},
    "schedule": {"name": "cosine", "warmup_steps": 2},
    "batch": 16,
    "steps": 25,
}


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.model_validate(RECIPE)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", spec="name: tiny\n", recipe="batch: 16\n")


@pytest.fixture
def images() -> ImageSet:
    """100 images of 3 classes that differ in brightness."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 3
    noise = torch.randint(0, 60, (100, 1, 8, 8), generator=generator)
    pixels = (90 * labels.view(-1, 1, 1, 1) + noise).clamp(0, 255).to(torch.uint8)
    return ImageSet("brightness", pixels, labels, ("dark", "middle", "bright"))


@pytest.fixture
def tiny() -> Callable[[int], nn.Module]:
    """A maker of the same small network, with dropout, for a seed."""

    def make(seed: int = 0, classes: int = 3) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(6, classes),
        )

    return make
