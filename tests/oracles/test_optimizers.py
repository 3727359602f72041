"""RMSpropTF against timm's, over weights of several shapes and a decaying rate."""

from __future__ import annotations

import pytest
import torch
from timm.optim.rmsprop_tf import RMSpropTF as Theirs
from torch import nn

from archgen.train.optim import RMSpropTF

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("weight_decay", [0.0, 4e-5])
def test_two_hundred_steps_are_timms(weight_decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (2, 3, 1, 1), (5,)]
    ours = [nn.Parameter(torch.ones(shape, dtype=torch.float64)) for shape in shapes]
    theirs = [nn.Parameter(torch.ones(shape, dtype=torch.float64)) for shape in shapes]
    settings = {"lr": 0.045, "alpha": 0.9, "eps": 1.0, "weight_decay": weight_decay}
    optimizers = RMSpropTF(ours, **settings), Theirs(theirs, momentum=0.9, **settings)
    for step in range(200):
        for left, right in zip(ours, theirs, strict=True):
            size = 10.0 ** (step % 5 - 2)
            left.grad = size * torch.randn(left.shape, generator=generator, dtype=torch.float64)
            right.grad = left.grad.clone()
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 0.045 * 0.94 ** (step // 20)
            optimizer.step()
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
