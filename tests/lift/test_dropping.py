"""What a module drops in training is found by trying it, whatever its class is called."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archgen.lift.dropping import Drop, drops_of


class DropPath(nn.Module):
    """Drops samples, channels, values or the whole batch, and may leave the others as they are."""

    def __init__(self, rate: float, by: str = "sample", *, scales: bool = True) -> None:
        super().__init__()
        self.rate, self.by, self.scales = rate, by, scales

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        sides = {"sample": (len(x), 1, 1, 1), "batch": (1, 1, 1, 1), "value": x.shape}
        shape = sides.get(self.by, (*x.shape[:2], 1, 1))
        kept = torch.rand(shape) >= self.rate
        return x * kept / (1 - self.rate if self.scales else 1)


class KeepPath(DropPath):
    """One that has the probability to stay."""

    def __init__(self, keep: float) -> None:
        super().__init__(1 - keep)
        self.keep = keep


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) if self.training else x


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (DropPath(0.1), Drop("stochastic_depth", 0.1)),
        (DropPath(0.001), Drop("stochastic_depth", 0.001)),
        (DropPath(0.0), Drop("stochastic_depth", 0.0)),
        (KeepPath(0.8), Drop("stochastic_depth", 0.2)),
        (DropPath(0.1, "value"), Drop("dropout", 0.1)),
        (DropPath(0.1, "channel"), None),
        (DropPath(0.1, "batch"), None),
        (DropPath(0.1, scales=False), None),
        (Noise(), None),
        (nn.ReLU(), None),
    ],
)
def test_what_is_dropped_is_what_is_missing(module: nn.Module, found: Drop | None) -> None:
    state = torch.get_rng_state()
    assert [*drops_of(nn.Sequential(module)).values()] == ([] if found is None else [found])
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
