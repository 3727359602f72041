"""Tensors carried over: from a checkpoint into our names and layout, and back into theirs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from archgen.weights.checkpoint import Checkpoint
from archgen.weights.leaves import COUNT, Extents, Layout, Leaf, Stored, words_of
from archgen.weights.maps import BETA, COUNT_WORD, GAMMA, WeightMap
from archgen.weights.plan import Origin, Plan

REAL = {"float16", "bfloat16", "float32", "float64"}


class Gathered(NamedTuple):
    """Our tensors by name; and the names of those of theirs that hold NaN, infinity, or no real numbers.

    `unequal` are the tensors that are not those which they are to be once more, each with that one.
    """

    tensors: dict[str, Tensor]
    not_finite: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unequal: tuple[tuple[str, str], ...] = ()


def gathered(plan: Plan, checkpoint: Checkpoint, ours: Sequence[Leaf]) -> Gathered:
    """The tensors that a plan finds in a checkpoint, each read once and looked through."""
    wanted = {tensor.name: tensor for leaf in ours for tensor in leaf.tensors.values()}
    foreign = tuple(_foreign(plan.origins, checkpoint))
    if foreign:
        return Gathered({}, foreign=foreign)
    tensors = {
        name: _filled(wanted[name], origin)
        if isinstance(origin, float)
        else carried(checkpoint.read(origin.name), origin)
        for name, origin in plan.origins.items()
    }
    bad = (name for name, tensor in tensors.items() if not _is_finite(tensor))
    origins = (plan.origins[name] for name in bad)
    named = tuple(origin.name for origin in origins if isinstance(origin, Stored))
    unequal = (
        (again.name, first.name)
        for again, first in plan.copies
        if not are_equal(checkpoint, again.name, first.name)
    )
    return Gathered(tensors, named, unequal=tuple(unequal))


def are_equal(checkpoint: Checkpoint, one: str, other: str) -> bool:
    """Whether two tensors of a file hold the same numbers."""
    first, second = checkpoint.read(one), checkpoint.read(other)
    return first.dtype == second.dtype and torch.equal(first, second)


def _foreign(origins: Mapping[str, Origin], checkpoint: Checkpoint) -> Iterator[str]:
    """Their tensors of the wrong type: counts are whole numbers, all others real ones."""
    for name, origin in origins.items():
        if isinstance(origin, Stored):
            dtype = checkpoint.entries[origin.name].dtype
            is_count = name.rpartition(".")[2] == COUNT
            if dtype not in (REAL | {"int64"} if is_count else REAL):
                yield origin.name


def _filled(tensor: Stored, value: float) -> Tensor:
    dtype = torch.int64 if tensor.name.rpartition(".")[2] == COUNT else torch.float32
    return torch.full(tensor.shape, value, dtype=dtype)


def carried(tensor: Tensor, stored: Stored) -> Tensor:
    """A tensor of theirs in our layout, contiguous."""
    match stored.layout:
        case Layout.HWIO:
            tensor = tensor.permute(3, 2, 0, 1)
        case Layout.HWCM:
            height, width, channels, each = tensor.shape
            tensor = tensor.permute(2, 3, 0, 1).reshape(channels * each, 1, height, width)
        case Layout.IO:
            tensor = _channels_first(tensor.t(), stored.grid)
        case Layout.POINT:
            tensor = tensor[0, 0].t()
        case Layout.FLAT:
            tensor = tensor[:, :, 0, 0]
        case Layout.ALONE:
            tensor = tensor.reshape(-1)
        case Layout.TORCH:
            pass
    if stored.shape:
        tensor = tensor[stored.first : stored.first + stored.shape[0]]
    return tensor.contiguous()


def _channels_first(tensor: Tensor, grid: Extents) -> Tensor:
    """Outputs by inputs, the inputs of a flattened grid in torch's order; without a grid as they are."""
    if not grid:
        return tensor
    channels, height, width = grid
    places = tensor.reshape(len(tensor), height, width, channels)
    return places.permute(0, 3, 1, 2).reshape(len(tensor), -1)


def _is_finite(tensor: Tensor) -> bool:
    """Whether every number is finite; the sum tells at once, unless it overflows."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return math.isfinite(tensor.sum().item()) or bool(tensor.isfinite().all())


# ------------------------------------------------------------------------------------- back again


class Returned(NamedTuple):
    """A state dict of theirs; and in words, each with the tensor it is about, what it cannot hold."""

    tensors: dict[str, Tensor]
    unkept: tuple[str, ...]


def returned(chart: WeightMap, ours: Mapping[str, Tensor], leaves: Sequence[Leaf]) -> Returned:
    """Our tensors under their names; what a step to ours has left out cannot come back."""
    known = {leaf.path: leaf for leaf in leaves}
    factors = dict(chart.factors)
    unkept = [
        f"`{layer}`: the background class of theirs was left out" for layer in chart.background
    ]
    tensors: dict[str, Tensor] = {}
    for line in chart.layers:
        leaf = known[line.ours]
        for role, stored in leaf.tensors.items():
            if role == COUNT and COUNT_WORD in chart.without:
                continue
            word, number = {"weight": (GAMMA, 1), "bias": (BETA, 0)}.get(role, ("", 0))
            if leaf.is_norm and word in chart.without:
                if not bool((ours[stored.name] == number).all()):
                    unkept.append(
                        f"`{stored.name}`: norms of theirs have no {word}, and ours is not {number}"
                    )
                continue
            sides = factors.get(words_of(line.theirs)[-1])
            if sides is None:
                tensors[f"{line.theirs}.{role}"] = ours[stored.name]
            else:
                tensors[line.theirs] = _with_sides(ours[stored.name], sides)
    for theirs, names in chart.split:
        for role in known[names[0]].tensors:
            parts = [ours[known[name].tensors[role].name] for name in names]
            tensors[f"{theirs}.{role}"] = torch.cat(parts)
    return Returned({**tensors, **_once_more(tensors, chart)}, tuple(unkept))


def _with_sides(factors: Tensor, sides: str) -> Tensor:
    """A vector with the sides of one that `1xCx1` says."""
    return factors.reshape([-1 if side == "C" else 1 for side in sides.split("x")])


def _once_more(tensors: Mapping[str, Tensor], chart: WeightMap) -> dict[str, Tensor]:
    """The tensors of shared layers, under their further names."""
    names = defaultdict(list)
    for again, first in chart.shared:
        names[first].append(again)
    split = ((*name.rpartition("."), tensor) for name, tensor in tensors.items())
    return {
        f"{again}.{role}": tensor
        for layer, _, role, tensor in split
        for again in names.get(layer, ())
    }
