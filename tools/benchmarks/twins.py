"""An emitted network beside another implementation of it with equal weights, and what both are made to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archgen.emit import emit
from archgen.pipeline import Compilation, check
from archgen.spec.files import read_spec
from tools.oracles.networks import ORACLES, Oracle, without_chance
from tools.oracles.pairing import give_weights, own_tensors, pairs, randomise

BATCH = 2
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
ORACLE_NAMES = (
    "timm inception_v4",
    "timm inception_resnet_v2",
    "torchvision inception_v3",
    "torchvision resnet152",
)
COMPARED: dict[str, Oracle] = {ORACLES[name].spec: ORACLES[name] for name in ORACLE_NAMES}
Step = Callable[[nn.Module, Tensor], tuple[Tensor, ...]]


class NoHead(nn.Module):
    """Stands where an auxiliary head was taken out."""

    def forward(self, x: Tensor) -> Tensor:
        """Nothing."""
        return x.new_empty(0)


class Twins(NamedTuple):
    """Two implementations of one network, and images of its native size for both."""

    ours: nn.Module
    theirs: nn.Module
    images: Tensor

    def laid_out(self, layout: str) -> Twins:
        """The same networks, changed in place, and images, in one of `LAYOUTS`."""
        for net in (self.ours, self.theirs):
            lay_out(net, layout)
        return self._replace(images=self.images.contiguous(memory_format=LAYOUTS[layout]))

    def require_equal_results(self) -> None:
        """Raises SystemExit unless outputs and gradients of both are equal, bit by bit."""
        for step in STEPS.values():
            both = zip(step(self.ours, self.images), step(self.theirs, self.images), strict=True)
            if not all(torch.equal(ours, theirs) for ours, theirs in both):
                raise SystemExit("both implementations do not do the same")
        if not all(torch.equal(ours, theirs) for ours, theirs in self.gradients()):
            raise SystemExit("both implementations do not have the same gradients")

    def gradients(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Those of each weight of ours and of theirs, after a step backwards of both."""
        for pair in pairs(self.ours, self.theirs):
            for (_, ours), (_, theirs) in own_tensors(self.ours, self.theirs, pair):
                if isinstance(ours, nn.Parameter):
                    assert ours.grad is not None
                    assert theirs.grad is not None
                    yield ours.grad, theirs.grad.view(ours.shape)


def lay_out(net: nn.Module, layout: str) -> None:
    """Puts the weights of a network into one of `LAYOUTS`."""
    net.to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload]  # torch's types lack it


def twins(spec: str) -> Twins:
    """Both implementations of a network that is measured."""
    return twins_of(COMPARED[spec])


def twins_of(oracle: Oracle) -> Twins:
    """Both implementations of a network, without dropout and with equal weights, none of them zero."""
    compilation = compiled(oracle.spec)
    ours = live(oracle, compilation)
    randomise(ours, seed=0)
    with torch.device("meta"):
        theirs = oracle.theirs()
    give_weights(ours, theirs)
    return Twins(ours, theirs, images_for(compilation))


def compiled(spec: str) -> Compilation:
    """A network of this project."""
    return check(read_spec(Path(f"specs/{spec}.yaml")))


def live(oracle: Oracle, compilation: Compilation) -> nn.Module:
    """The emitted network, without dropout, and without a head that theirs lacks."""
    network = compilation.sound_network()
    module = without_chance(emit(network, compilation.sources, oracle.spec))
    if oracle.outputs == 1:
        for head in network.heads:
            setattr(module, head.head.name, NoHead())
    return module


def images_for(compilation: Compilation) -> Tensor:
    """Two images of the native size of a network."""
    size = compilation.sound_network().network.input
    generator = torch.Generator().manual_seed(1)
    return torch.randn(BATCH, size.channels, size.height, size.width, generator=generator)


def forward(net: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits of a batch, in evaluation."""
    with torch.inference_mode():
        return (net.eval()(images),)


def forward_and_backward(net: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits of a batch, and of the auxiliary head if there is one, in training; makes gradients."""
    net.zero_grad()
    out = net.train()(images)
    logits = (out,) if isinstance(out, Tensor) else tuple(x for x in out if x.numel())
    torch.stack(logits).sum().backward()
    return logits


STEPS: dict[str, Step] = {"forward": forward, "forward and backward": forward_and_backward}
