"""Where a network computes, and the seed that its first weights are drawn from."""

from __future__ import annotations

import torch
from torch import nn

from archgen.train.evaluation import device_of


def seed_weights(seed: int) -> None:
    """Makes the weights of the networks that are constructed next depend on `seed` alone."""
    torch.manual_seed(seed)


def described_device(model: nn.Module) -> str:
    """`2 CPU threads`, or the name of the accelerator."""
    device = device_of(model)
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"{threads} CPU thread{'s' if threads > 1 else ''}"
