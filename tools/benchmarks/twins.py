"""An emitted network and another implementation of it, with equal weights, and what both are made to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.pipeline import check
from archgen.spec.files import read_spec
from tools.oracles.networks import ORACLES
from tools.oracles.pairing import give_weights, randomise

BATCH = 2
FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
COMPARED = (
    "timm inception_v4",
    "timm inception_resnet_v2",
    "torchvision inception_v3",
    "torchvision resnet152",
)
THEIRS = {ORACLES[name].spec: ORACLES[name] for name in COMPARED}
Step = Callable[[nn.Module, Tensor], object]


class Twins(NamedTuple):
    """Two implementations of one network with equal weights, and images of its native size."""

    ours: nn.Module
    theirs: nn.Module
    images: Tensor

    def laid_out(self, memory_format: str) -> Twins:
        """Both networks, in place, and the images in one of `FORMATS`."""
        layout = FORMATS[memory_format]
        for net in (self.ours, self.theirs):
            net.to(memory_format=layout)  # type: ignore[call-overload]  # torch leaves it out
        return self._replace(images=self.images.contiguous(memory_format=layout))


def twins(spec: str) -> Twins:
    """Our network and theirs, with random weights and no dropout.

    An auxiliary head that theirs lacks is taken out of ours, so that both do the same.
    """
    compilation = check(read_spec(Path(f"specs/{spec}.yaml")))
    network = compilation.sound_network()
    ours = build_class(emit(network, compilation.sources, spec))(dropout=0.0)
    randomise(ours, seed=0)
    with torch.device("meta"):
        theirs = THEIRS[spec].theirs()
    give_weights(ours, theirs)
    if network.heads and THEIRS[spec].outputs == 1:
        for shaped in network.heads:
            setattr(ours, shaped.head.name, nn.Identity())
    grid = network.network.input
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(BATCH, grid.channels, grid.height, grid.width, generator=generator)
    return Twins(ours, theirs, images)


def forward(net: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits of a batch, in evaluation."""
    with torch.inference_mode():
        return (net.eval()(images),)
