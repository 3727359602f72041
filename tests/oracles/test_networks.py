"""The emitted networks against timm and torchvision: equal weights give equal numbers, bit by bit."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from archgen.cost import Costs
from tests.compiling import shipped, source_of
from tools.oracles.networks import ORACLES, Oracle, without_chance
from tools.oracles.pairing import Pair, give_weights, own_tensors, pairs, randomise, settings

pytestmark = pytest.mark.oracle


class Twins(NamedTuple):
    """Two implementations of one network, and images of its native size for both."""

    ours: nn.Module
    theirs: nn.Module
    images: Tensor

    def layers(self) -> list[tuple[Pair, nn.Module, nn.Module]]:
        """Every pair of layers with weights."""
        return [
            (pair, self.ours.get_submodule(pair.ours), self.theirs.get_submodule(pair.theirs))
            for pair in pairs(self.ours, self.theirs)
        ]


@pytest.fixture
def oracle(request: pytest.FixtureRequest) -> Oracle:
    return ORACLES[request.param]


every_oracle = pytest.mark.parametrize("oracle", ORACLES, indirect=True)


@pytest.fixture
def outlines(oracle: Oracle) -> Twins:
    """Both networks without numbers."""
    compilation = shipped(oracle.spec)
    size = compilation.sound_network().network.input
    with torch.device("meta"):
        ours = without_chance(source_of(compilation))
        images = torch.empty(2, size.channels, size.height, size.width)
        return Twins(ours, oracle.theirs(), images)


@pytest.fixture
def twins(outlines: Twins) -> Twins:
    """Both networks with equal weights and statistics, none of which is a default, and images."""
    ours = outlines.ours.to_empty(device="cpu")
    randomise(ours, seed=0)
    give_weights(ours, outlines.theirs)
    images = torch.randn(outlines.images.shape, generator=torch.Generator().manual_seed(1))
    return Twins(ours, outlines.theirs, images)


def outputs(net: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits, and in training those of the auxiliary head."""
    out: Tensor | tuple[Tensor, ...] = net(images)
    return (out,) if isinstance(out, Tensor) else tuple(out)


@every_oracle
def test_the_compiler_counts_their_params(oracle: Oracle, outlines: Twins) -> None:
    cost = Costs().network(shipped(oracle.spec).sound_network())
    counted = cost.cost.params if oracle.outputs == 1 else cost.params_training
    assert counted == sum(parameter.numel() for parameter in outlines.theirs.parameters())


@every_oracle
def test_each_layer_is_set_as_theirs(outlines: Twins) -> None:
    different = {
        pair: (settings(ours), settings(theirs))
        for pair, ours, theirs in outlines.layers()
        if settings(ours) != settings(theirs)
    }
    assert not different


@every_oracle
def test_logits_are_bit_equal(oracle: Oracle, twins: Twins) -> None:
    with torch.no_grad():
        ours = outputs(twins.ours.eval(), twins.images)
        theirs = outputs(twins.theirs.eval(), twins.images)
    assert len(ours) == 1
    assert ours[0].isfinite().all()
    assert oracle.is_held(ours[0], theirs[0])


@every_oracle
def test_training_outputs_and_statistics_are_bit_equal(oracle: Oracle, twins: Twins) -> None:
    with torch.no_grad():
        ours = outputs(twins.ours.train(), twins.images)
        theirs = outputs(twins.theirs.train(), twins.images)
    assert len(theirs) == oracle.outputs  # ours has an auxiliary head where theirs has none
    for our_output, their_output in zip(ours, theirs, strict=False):
        assert our_output.isfinite().all()
        assert oracle.is_held(our_output, their_output)
    assert not [
        f"{pair.ours}.{name}"
        for pair, _, _ in twins.layers()
        for (name, ours), (_, theirs) in own_tensors(twins.ours, twins.theirs, pair)
        if not isinstance(ours, nn.Parameter) and not oracle.is_held(ours, theirs)
    ]


def gradients(twins: Twins, outputs_compared: int) -> dict[Pair, list[tuple[Tensor, Tensor]]]:
    """The gradients of a sum of all outputs, each number of them with a factor of its own."""
    for net in (twins.ours, twins.theirs):
        compared = torch.stack(outputs(net.train(), twins.images)[:outputs_compared])
        factors = torch.linspace(-1, 1, compared.numel(), dtype=compared.dtype)
        (compared * factors.view_as(compared)).sum().backward()
    return {
        pair: [
            (_gradient(ours), _gradient(theirs).view(ours.shape))
            for (_, ours), (_, theirs) in own_tensors(twins.ours, twins.theirs, pair)
            if isinstance(ours, nn.Parameter)
        ]
        for pair, _, _ in twins.layers()
    }


def _gradient(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return weight.grad


@every_oracle
def test_gradients_are_bit_equal(oracle: Oracle, twins: Twins) -> None:
    different = [
        pair.ours
        for pair, both in gradients(twins, oracle.outputs).items()
        if not all(oracle.is_held(ours, theirs) for ours, theirs in both)
    ]
    assert not different
