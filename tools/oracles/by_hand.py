"""Networks that no package has as their papers do, written by hand in torch alone.

They were written from the papers' figures and tables, before the specs were looked at; what they are worth
is a second reading, not somebody else's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def network_in_network() -> nn.Module:
    """Figure 2 of arXiv:1312.4400 with the sizes that its authors released for CIFAR-10."""
    return nn.Sequential(
        *_perceptrons(3, 192, 5, 160, 96),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *_perceptrons(96, 192, 5, 192, 192),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        *_perceptrons(192, 192, 3, 192, 10),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def _perceptrons(before: int, filters: int, kernel: int, hidden: int, out: int) -> list[nn.Module]:
    sizes = ((before, filters, kernel), (filters, hidden, 1), (hidden, out, 1))
    layers = ((nn.Conv2d(i, o, k, padding=k // 2), nn.ReLU()) for i, o, k in sizes)
    return [part for layer in layers for part in layer]


def alexnet() -> nn.Module:
    """Section 3 of Krizhevsky et al. (NIPS 2012), the two GPUs as two groups."""

    def norm() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, 4), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU()),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)),
    )


class Inception(nn.Module):
    """Figure 2b of arXiv:1409.4842, with the numbers of a row of its table."""

    def __init__(self, before: int, row: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        n1, reduce3, n3, reduce5, n5, pooled = row
        self.one = _unit(before, n1, 1)
        self.three = nn.Sequential(_unit(before, reduce3, 1), _unit(reduce3, n3, 3))
        self.five = nn.Sequential(_unit(before, reduce5, 1), _unit(reduce5, n5, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _unit(before, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Its four branches side by side."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


def _unit(before: int, filters: int, kernel: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, filters, kernel, padding=kernel // 2), nn.ReLU())


def _head(before: int) -> nn.Module:
    return nn.Sequential(
        nn.AvgPool2d(5, 3),
        _unit(before, 128, 1),
        nn.Flatten(),
        *(nn.Linear(2048, 1024), nn.ReLU(), nn.Linear(1024, 1000)),
    )


class GoogLeNet(nn.Module):
    """Table 1 of arXiv:1409.4842 with the heads of its section 5, which are there in training."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), pool, norm),
            *(_unit(64, 64, 1), _unit(64, 192, 3), norm, pool),
        )
        self.a = nn.Sequential(
            Inception(192, (64, 96, 128, 16, 32, 32)),
            Inception(256, (128, 128, 192, 32, 96, 64)),
            pool,
            Inception(480, (192, 96, 208, 16, 48, 64)),
        )
        self.b = nn.Sequential(
            Inception(512, (160, 112, 224, 24, 64, 64)),
            Inception(512, (128, 128, 256, 24, 64, 64)),
            Inception(512, (112, 144, 288, 32, 64, 64)),
        )
        self.c = nn.Sequential(
            Inception(528, (256, 160, 320, 32, 128, 128)),
            pool,
            Inception(832, (256, 160, 320, 32, 128, 128)),
            Inception(832, (384, 192, 384, 48, 128, 128)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000)),
        )
        self.aux = nn.ModuleList([_head(512), _head(528)])

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The logits, in training with those of the heads."""
        x = a = self.a(self.stem(x))
        first = self.aux[0](a) if self.training else None
        x = b = self.b(x)
        second = self.aux[1](b) if self.training else None
        logits: Tensor = self.c(x)
        return logits if first is None or second is None else (logits, first, second)
