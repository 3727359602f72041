"""Which layer of an emitted network is which layer of another implementation, and equal weights.

Both define their layers in the order of the paper's figures, but for side paths: auxiliary heads and
projected shortcuts stand elsewhere in the text. So layers with weights are paired in the order in
which they are defined, the side paths after the main path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

WEIGHTED = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
SIDE_PATHS = {"aux", "AuxLogits", "shortcut", "downsample", "proj", "skip", "skipbn"}
HEADS = {"aux", "AuxLogits"}


class Pair(NamedTuple):
    """One layer twice: under its name in the emitted network and under its name in theirs."""

    ours: str
    theirs: str


def pairs(ours: nn.Module, theirs: nn.Module) -> tuple[Pair, ...]:
    """Every layer of theirs with the layer of ours that stands in its place.

    A head that only ours has is left out; other layers without a partner raise ValueError.
    """
    their_names = tuple(_layers(theirs))
    has_head = any(_is_inside(name, HEADS) for name in their_names)
    our_names = (name for name in _layers(ours) if has_head or not _is_inside(name, HEADS))
    return tuple(Pair(*both) for both in zip(our_names, their_names, strict=True))


def _layers(net: nn.Module) -> list[str]:
    """Names of the layers with weights as defined, those of side paths last."""
    names = [name for name, module in net.named_modules() if isinstance(module, WEIGHTED)]
    return sorted(names, key=lambda name: _is_inside(name, SIDE_PATHS))


def _is_inside(name: str, parts: set[str]) -> bool:
    return not parts.isdisjoint(name.split("."))


def settings(layer: nn.Module) -> tuple[object, ...]:
    """What a layer with weights does, apart from the values of its weights."""
    if isinstance(layer, nn.Conv2d):
        return (
            *(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride),
            *(layer.padding, layer.dilation, layer.groups, layer.bias is not None),
        )
    if isinstance(layer, nn.BatchNorm2d):
        return (layer.num_features, layer.eps, layer.momentum, layer.affine)
    assert isinstance(layer, nn.Linear)
    return (layer.in_features, layer.out_features, layer.bias is not None)


def randomise(net: nn.Module, seed: int) -> None:
    """Fills every weight and every statistic with values that none has by default."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            _randomise_norm(module, generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            _randomise_linear(module, generator)


def _randomise_norm(norm: nn.BatchNorm2d, generator: torch.Generator) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.uniform_(norm.weight, 0.5, 1.5, generator)
    nn.init.normal_(norm.bias, 0.0, 0.1, generator)
    nn.init.normal_(norm.running_mean, 0.0, 0.1, generator)
    nn.init.uniform_(norm.running_var, 0.5, 1.5, generator)
    norm.num_batches_tracked = torch.tensor(7)


def _randomise_linear(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / fan_in), generator)
    if layer.bias is not None:
        nn.init.normal_(layer.bias, 0.0, 0.1, generator)


def give_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Puts a copy of our weights into their network, which may be on the meta device.

    Raises RuntimeError where one of their tensors gets no value, or one of another shape.
    """
    weights = {their_name: tensor.clone() for their_name, tensor in _renamed(ours, theirs)}
    theirs.load_state_dict(weights, strict=True, assign=True)


def _renamed(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Our tensors under their names."""
    state = ours.state_dict()
    for pair in pairs(ours, theirs):
        layer = ours.get_submodule(pair.ours)
        own = (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False))
        for name, _ in own:
            yield f"{pair.theirs}.{name}", state[f"{pair.ours}.{name}"]
