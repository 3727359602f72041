"""A small network with a head that only training has, and the same network as somebody else wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.compiling import live

SPEC = """\
archgen: 1
name: net
input: {channels: 3, grid: 16}
params: {num_classes: {type: int, default: 5}}
defaults:
  conv: {padding: same, norm: batch, act: relu, bias: false}
blocks:
  unit:
    body:
      - concat:
          wide: [{conv: {filters: 6, kernel: 3}}]
          deep: [{conv: {filters: 4, kernel: 1}}, {conv: {filters: 6, kernel: 3}}]
network:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
  - unit: {}
    repeat: 2
  - global_avg_pool: {}
  - linear: {features: num_classes}
outputs:
  aux:
    from: conv
    training_only: true
    body:
      - global_avg_pool: {}
      - linear: {features: num_classes}
"""


class Branches(nn.Module):
    """Their block: the deep branch is written first, and norms are called otherwise."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.left = nn.Sequential(
            nn.Conv2d(inputs, 4, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
        )
        self.right = nn.Sequential(
            nn.Conv2d(inputs, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.right(x), self.left(x)], dim=1)


class Theirs(nn.Module):
    """The whole network, without the head."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.fc = nn.Linear(12, classes)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.blocks = nn.ModuleList([Branches(8), Branches(12)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.stem(x)).relu()
        for block in self.blocks:
            x = block(x)
        out: torch.Tensor = self.fc(x.mean((2, 3)))
        return out


def randomised(net: nn.Module) -> nn.Module:
    """The network with numbers that none has by default."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5 * name.endswith("var"))
    return net.eval()


@pytest.fixture
def theirs() -> nn.Module:
    return randomised(Theirs())


@pytest.fixture
def ours() -> nn.Module:
    return live(SPEC).eval()


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return str(path)


@pytest.fixture
def checkpoint(tmp_path: Path, theirs: nn.Module) -> Path:
    path = tmp_path / "theirs.pth"
    torch.save(theirs.state_dict(), path)
    return path
