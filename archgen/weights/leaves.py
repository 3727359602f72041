"""A layer that owns tensors, as a checkpoint knows it: a name, and shapes by what the tensors are for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from archgen.ir.shaped import ShapedNetwork
from archgen.layers import Layer, layers

Extents: TypeAlias = "tuple[int, ...]"
Signature: TypeAlias = "tuple[object, ...]"

COUNT = "num_batches_tracked"


class Layout(StrEnum):
    """How a file lays out a tensor that torch has as outputs x inputs x height x width."""

    TORCH = "as torch has it"
    HWIO = "height, width, inputs, outputs"
    HWCM = "height, width, channels, outputs of each"
    IO = "inputs, outputs"
    POINT = "one, one, inputs, outputs"
    FLAT = "outputs, inputs, one, one"


class Stored(NamedTuple):
    """One tensor of a file: its name, and the shape it has in our layout.

    What is a part of theirs is `shape[0]` rows, in our layout, from row `first` on.
    """

    name: str
    shape: Extents
    layout: Layout = Layout.TORCH
    first: int = 0

    @property
    def size(self) -> int:
        """How many numbers it is."""
        return math.prod(self.shape)


class Leaf(NamedTuple):
    """One layer with weights: its path of names, and its tensors by role.

    Roles are those of a state dict of torch: weight, bias, running_mean and so on. A leaf of ours that
    belongs to an output which only training has may be absent from a checkpoint.
    """

    path: str
    tensors: Mapping[str, Stored]
    training_only: bool = False

    @property
    def is_norm(self) -> bool:
        """Whether it is a norm with statistics; its gamma may be absent elsewhere."""
        return "running_mean" in self.tensors

    @property
    def is_linear(self) -> bool:
        """Whether it maps vectors to vectors."""
        weight = self.tensors.get("weight")
        return weight is not None and len(weight.shape) == 2

    @property
    def signature(self) -> Signature:
        """What it has in common with the same layer of another implementation."""
        if self.is_norm:
            return ("norm", self.tensors["running_mean"].shape)
        return tuple(sorted((role, tensor.shape) for role, tensor in self.tensors.items()))


def leaves_of(network: ShapedNetwork) -> tuple[Leaf, ...]:
    """The layers of a network that own tensors, in the order in which they run; heads come last."""
    found = list(_leaves(layers(network.block.graph)))
    for head in network.heads:
        found += _leaves(layers(head.graph, head.head.name), training_only=head.head.training_only)
    return tuple(found)


def _leaves(steps: Iterable[Layer], *, training_only: bool = False) -> Iterator[Leaf]:
    for step in steps:
        grouped: dict[str, dict[str, Stored]] = {}
        for name, shape in step.tensors.items():
            owner, _, role = name.rpartition(".")
            path = f"{step.path}.{owner}" if owner else step.path
            grouped.setdefault(path, {})[role] = Stored(f"{path}.{role}", shape)
        for path, tensors in grouped.items():
            if "running_mean" in tensors:
                tensors[COUNT] = Stored(f"{path}.{COUNT}", ())
            yield Leaf(path, tensors, training_only)


def shown_shape(shape: Extents) -> str:
    """`64x3x7x7`, or `one number`."""
    return "x".join(map(str, shape)) or "one number"
