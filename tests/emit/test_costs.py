"""What networks are said to cost, against what PyTorch counts when their emitted modules run."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from archgen.cost import Costs
from archgen.emit.module import build_class
from tests.compiling import NETWORKS, shipped, source_of


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_half_the_flops_that_torch_counts(name: str) -> None:
    compilation = shipped(name)
    network = compilation.sound_network()
    grid = network.network.input
    with torch.device("meta"):
        module = build_class(source_of(compilation))().eval()
        image = torch.empty(1, grid.channels, grid.height, grid.width)
    with FlopCounterMode(display=False) as counter:
        module(image)
    assert counter.get_total_flops() == 2 * Costs().network(network).cost.macs
