"""Networks of several outputs: what two of them need is there once, whatever order they are given in."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.lift.flat import INPUT
from tests.lift.flat_networks import Tracing
from tests.lift.lifting import lifted as lifted_text
from tests.lift.modules import ConvNorm
from tests.lift.test_lifting import lifted


class Backbone(nn.Module):
    """Features of four depths, in the order of `order`."""

    def __init__(self, order: Sequence[int] = (0, 1, 2, 3)) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8, stride=2)
        self.layer1 = nn.Sequential(ConvNorm(8, 8), ConvNorm(8, 8))
        self.layer2 = nn.Sequential(ConvNorm(8, 12, stride=2), ConvNorm(12, 12))
        self.layer3 = nn.Sequential(ConvNorm(12, 16, stride=2), ConvNorm(16, 16))
        self.order = order

    def forward(self, x: Tensor) -> list[Tensor]:
        found = [self.stem(x)]
        for layer in (self.layer1, self.layer2, self.layer3):
            found.append(layer(found[-1]))
        return [found[place] for place in self.order]


class Pyramid(nn.Module):
    """A feature pyramid whose last level is a pool of the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Backbone()
        self.inner = nn.ModuleList(nn.Conv2d(width, 8, 1) for width in (8, 8, 12, 16))
        self.layer = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(4))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x)
        last = self.inner[3](features[3])
        results = [self.layer[3](last)]
        for place in (2, 1, 0):
            lateral = self.inner[place](features[place])
            last = lateral + F.interpolate(last, size=lateral.shape[-2:])
            results.insert(0, self.layer[place](last))
        results.append(F.max_pool2d(results[-1], 1, 2, 0))
        return OrderedDict((str(place), value) for place, value in enumerate(results))


class OfTwo(nn.Module):
    """An output that reads two features, one that is the input, and one that is given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        first = self.a(x)
        second = self.b(first)
        return first, self.c(first) + self.d(second), x, first


class Inside(nn.Module):
    """Outputs from the middle of residuals."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 8)
        self.reduce = nn.ModuleList(ConvNorm(8, 8) for _ in range(3))
        self.grow = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> list[Tensor]:
        x, found = self.stem(x), []
        for reduce, grow in zip(self.reduce, self.grow, strict=True):
            found.append(reduce(x))
            x = F.relu(x + grow(found[-1]))
        return [*found, x]


@pytest.mark.parametrize(
    "module",
    [
        *(Backbone(order) for order in itertools.permutations(range(4), 3)),
        *(Pyramid(), OfTwo(), Inside()),
    ],
    ids=lambda module: f"{type(module).__name__} {getattr(module, 'order', '')}",
)
def test_every_layer_is_there_once_whatever_the_order_of_the_outputs(module: nn.Module) -> None:
    proof = lifted(module, grid=32).proof
    assert proof is not None
    assert proof.is_exact
    whole = sum(parameter.numel() for parameter in module.parameters())
    assert proof.params == whole - _unused(module)


def _unused(module: nn.Module) -> int:
    """The parameters behind the deepest of the outputs of a backbone."""
    if not isinstance(module, Backbone):
        return 0
    layers = (module.layer1, module.layer2, module.layer3)[max(module.order) :]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def test_features_shallow_first_are_taps_of_one_network() -> None:
    text = lifted(Backbone(), grid=32).text
    assert text.count("filters: 16") == 2
    assert "  - identity: {}\n    from: stem\n" in text
    assert "body:" not in text.partition("outputs:")[2]


def test_a_result_that_reads_two_values_is_a_step_of_the_network() -> None:
    net = Tracing()
    first = net.conv(INPUT, 8)
    second = net.conv(first, 8)
    both = net.call("add", net.conv(first, 8), net.conv(second, 8))
    text = lifted_text(net.network(first, both))
    assert text.count("conv:") == 1 + 4  # of them one below `defaults:`


def test_of_several_outputs_a_convolution_is_no_classifier() -> None:
    assert "num_classes" not in lifted(Pyramid(), grid=32).text
