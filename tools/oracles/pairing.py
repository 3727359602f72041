"""Which layer of an emitted network is which layer of another implementation, and equal weights.

Both define their layers in the order of the paper's figures, but for side paths: auxiliary heads and
projected shortcuts stand elsewhere in the text. So layers with weights are paired in the order in
which they are defined, the side paths after the main path. What else has weights of its own, such as
the factors that scale a branch, comes last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

NORMS = (nn.BatchNorm2d, nn.BatchNorm1d, nn.LayerNorm)
WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, *NORMS)
HEADS = {"aux", "aux1", "aux2", "AuxLogits"}
SIDE_PATHS = {*HEADS, "shortcut", "downsample", "proj", "skip", "skipbn"}


class Pair(NamedTuple):
    """One layer twice: under its name in the emitted network and under its name in theirs."""

    ours: str
    theirs: str


def pairs(ours: nn.Module, theirs: nn.Module) -> tuple[Pair, ...]:
    """Every layer of theirs with the layer of ours that stands in its place.

    A head that only ours has is left out; other layers without a partner raise ValueError.
    """
    their_names = tuple(layer_names(theirs))
    has_head = any(_is_inside(name, HEADS) for name in their_names)
    our_names = (name for name in layer_names(ours) if has_head or not _is_inside(name, HEADS))
    return tuple(Pair(*both) for both in zip(our_names, their_names, strict=True))


def layer_names(net: nn.Module) -> list[str]:
    """Names of the layers with weights as defined, those of side paths last, other weights behind them."""
    owners = {
        name: isinstance(module, WEIGHTED)
        for name, module in net.named_modules()
        if isinstance(module, WEIGHTED) or next(module.parameters(recurse=False), None) is not None
    }
    return sorted(owners, key=lambda name: (not owners[name], _is_inside(name, SIDE_PATHS)))


def _is_inside(name: str, parts: set[str]) -> bool:
    return not parts.isdisjoint(name.split("."))


def settings(layer: nn.Module) -> tuple[object, ...]:
    """What a layer with weights does, apart from the values of its weights."""
    if isinstance(layer, nn.Conv2d):
        return (
            *(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride),
            *(layer.padding, layer.dilation, layer.groups, layer.bias is not None),
        )
    if isinstance(layer, nn.ConvTranspose2d):
        return (
            *(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride),
            *(layer.padding, layer.output_padding, layer.groups, layer.bias is not None),
        )
    if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
        return (layer.num_features, layer.eps, layer.momentum, layer.affine)
    if isinstance(layer, nn.LayerNorm):
        return (layer.normalized_shape, layer.eps, layer.elementwise_affine)
    if isinstance(layer, nn.Linear):
        return (layer.in_features, layer.out_features, layer.bias is not None)
    return tuple(weight.numel() for weight in layer.parameters(recurse=False))


def randomise(net: nn.Module, seed: int) -> None:
    """Fills every weight and every statistic with values that none has by default."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, NORMS):
            _randomise_norm(module, generator)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            _randomise_linear(module, generator)
        else:
            for weight in module.parameters(recurse=False):
                nn.init.uniform_(weight, 0.5, 1.5, generator)


def _randomise_norm(
    norm: nn.BatchNorm2d | nn.BatchNorm1d | nn.LayerNorm, generator: torch.Generator
) -> None:
    nn.init.uniform_(norm.weight, 0.5, 1.5, generator)
    nn.init.normal_(norm.bias, 0.0, 0.1, generator)
    if isinstance(norm, nn.LayerNorm):
        return
    assert norm.running_mean is not None
    assert norm.running_var is not None
    nn.init.normal_(norm.running_mean, 0.0, 0.1, generator)
    nn.init.uniform_(norm.running_var, 0.5, 1.5, generator)
    norm.num_batches_tracked = torch.tensor(7)


def _randomise_linear(
    layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, generator: torch.Generator
) -> None:
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / fan_in), generator)
    if layer.bias is not None:
        nn.init.normal_(layer.bias, 0.0, 0.1, generator)


def give_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Puts a copy of our weights into their network, which may be on the meta device.

    Raises RuntimeError where one of their tensors gets no value, or one of another shape.
    """
    weights = {their_name: tensor.clone() for their_name, tensor in _renamed(ours, theirs)}
    shared = {name: weights[first] for name, first in _further_names(theirs).items()}
    theirs.load_state_dict({**weights, **shared}, strict=True, assign=True)


def _renamed(ours: nn.Module, theirs: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Our tensors under their names, and in their shapes where only sides of 1 differ."""
    for pair in pairs(ours, theirs):
        for (_, tensor), (name, other) in own_tensors(ours, theirs, pair):
            yield f"{pair.theirs}.{name}", tensor.view(other.shape)


Named = tuple[str, Tensor]


def own_tensors(ours: nn.Module, theirs: nn.Module, pair: Pair) -> list[tuple[Named, Named]]:
    """The tensors of a layer of ours with those of its partner, in the order of both."""
    sides = (ours.get_submodule(pair.ours), theirs.get_submodule(pair.theirs))
    named = [
        [*own.named_parameters(recurse=False), *own.named_buffers(recurse=False)] for own in sides
    ]
    return list(zip(*named, strict=True))


def _further_names(net: nn.Module) -> dict[str, str]:
    """Names under which a tensor stands once more in a network that uses a layer twice, with its first."""
    first: dict[int, str] = {}
    state = net.state_dict(keep_vars=True)
    return {
        name: known
        for name, tensor in state.items()
        if (known := first.setdefault(id(tensor), name)) != name
    }
