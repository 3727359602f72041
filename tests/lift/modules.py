"""Small networks as people write them in PyTorch, each with the input that it is for."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # everybody writes it so
from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    def __init__(self, channels: int, filters: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
        )


class Basic(nn.Module):
    """A residual whose sum and activation are done in place."""

    def __init__(self, channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        total: Tensor = self.relu(out)
        return total


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.stages = nn.ModuleList([Basic(8, 8), Basic(8, 8), Basic(8, 16, 2), Basic(16, 16)])
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        out: Tensor = self.head(x.mean([2, 3]))
        return out


class Inception(nn.Module):
    """Four branches of equal shapes, written in another order than they are stacked in."""

    def __init__(self) -> None:
        super().__init__()
        self.far = nn.Sequential(ConvNorm(8, 8, 1), ConvNorm(8, 8), ConvNorm(8, 8))
        self.near = nn.Sequential(ConvNorm(8, 8, 1), ConvNorm(8, 8))
        self.point = ConvNorm(8, 8, 1)
        self.pooled = ConvNorm(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pooled(F.avg_pool2d(x, 3, stride=1, padding=1))
        return torch.cat((self.point(x), self.near(x), self.far(x), pooled), 1)


class Inceptions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.blocks = nn.Sequential(
            Inception(), nn.Conv2d(32, 8, 1), Inception(), nn.Conv2d(32, 8, 1)
        )
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.blocks(self.stem(x)))
        out: Tensor = self.fc(self.drop(torch.flatten(x, 1)))
        return out


class Squeeze(nn.Module):
    """A gate over channels by 1x1 convolutions, and one by linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = ConvNorm(3, 8)
        self.reduce, self.expand = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.conv2 = ConvNorm(8, 8)
        self.fc = nn.Sequential(nn.Linear(8, 2), nn.ReLU(), nn.Linear(2, 8), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = self.expand(F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1))))
        x = self.conv2(x * torch.sigmoid(gate))
        batch, channels, _, _ = x.size()
        y = self.fc(x.mean((2, 3)).view(batch, channels)).view(batch, channels, 1, 1)
        out: Tensor = x * y.expand_as(x)
        return out


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(8 + 4 * i, 4, 3, padding=1) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(conv(F.relu(norm(torch.cat(features, 1)))))
        return torch.cat(features, 1)


class Shuffle(nn.Module):
    """Half of the channels passed on, and groups mixed by a view."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.left = ConvNorm(4, 4)
        self.right = ConvNorm(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a, b = x.chunk(2, dim=1)
        x = torch.cat([a, self.left(b)], dim=1)
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous()
        x = x.view(batch, -1, height, width)
        return torch.cat([x[:, :4], self.right(x[:, 4:])], dim=1)


class Twins(nn.Module):
    """Two branches of the same shape, whose sum does not say which is which; and two results."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = ConvNorm(3, 8), ConvNorm(3, 8)
        self.gamma = nn.Parameter(torch.full((8, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = self.other(x) + self.one(x) * self.gamma
        return F.max_pool2d(total, 2), total


class Last(nn.Module):
    """Channels last inside, as ConvNeXt has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.up, self.down = nn.Linear(8, 32), nn.Linear(32, 8)
        self.gamma = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(F.gelu(self.up(y)))
        out: Tensor = x + y.permute(0, 3, 1, 2)
        return out


class Pyramid(nn.Module):
    """Down and up again, with a skip, as a U-Net."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.bottom = ConvNorm(3, 8), ConvNorm(8, 8)
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x)
        x = self.up(self.bottom(F.max_pool2d(skip, 2)))
        x = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="nearest")
        out: Tensor = self.last(torch.cat([skip, x], dim=1))
        return out


NETWORKS: tuple[type[nn.Module], ...] = (
    *(Residual, Inceptions, Squeeze, Dense, Shuffle, Twins, Last, Pyramid),
)
