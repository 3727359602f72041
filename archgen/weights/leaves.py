"""A layer that owns tensors, as a checkpoint knows it: a name, and shapes by what the tensors are for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from archgen.ir.shaped import ShapedNetwork
from archgen.layers import Layer, layers

Extents: TypeAlias = "tuple[int, ...]"
Signature: TypeAlias = "tuple[object, ...]"

COUNT = "num_batches_tracked"
ROLES = {"weight", "bias", "running_mean", "running_var", COUNT}
_DIGITS = re.compile(r"(\d+)")


class Layout(StrEnum):
    """How a file lays out a tensor that torch has as outputs x inputs x height x width."""

    TORCH = "as torch has it"
    HWIO = "height, width, inputs, outputs"
    HWCM = "height, width, channels, outputs of each"
    IO = "inputs, outputs"
    POINT = "one, one, inputs, outputs"
    FLAT = "outputs, inputs, one, one"
    ALONE = "channels, with sides of one around them"


class Stored(NamedTuple):
    """One tensor of a file: its name, and the shape it has in our layout.

    What is a part of theirs is `shape[0]` rows, in our layout, from row `first` on. Inputs that are a
    grid flattened with its channels last have that `grid`, as torch would flatten it. Factors that stand
    alone have the `sides` that they have in the file.
    """

    name: str
    shape: Extents
    layout: Layout = Layout.TORCH
    first: int = 0
    grid: Extents = ()
    sides: Extents = ()

    @property
    def size(self) -> int:
        """How many numbers it is."""
        return math.prod(self.shape)


class Leaf(NamedTuple):
    """One layer with weights: its path of names, and its tensors by role.

    Roles are those of a state dict of torch: weight, bias, running_mean and so on. A leaf of ours that
    belongs to an output which only training has may be absent from a checkpoint. One that takes a grid
    as a vector has that `grid`: channels, height, width.
    """

    path: str
    tensors: Mapping[str, Stored]
    training_only: bool = False
    grid: Extents = ()

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
    def stands_alone(self) -> bool:
        """Whether it is a tensor of theirs that belongs to no layer, as the factors of a scale may."""
        weight = self.tensors.get("weight")
        return weight is not None and weight.layout is Layout.ALONE

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
    grid: Extents = ()
    for step in steps:
        grid = _flattened(step) or grid
        grouped: dict[str, dict[str, Stored]] = {}
        for name, shape in step.tensors.items():
            owner, _, role = name.rpartition(".")
            path = f"{step.path}.{owner}" if owner else step.path
            grouped.setdefault(path, {})[role] = Stored(f"{path}.{role}", shape)
        for path, tensors in grouped.items():
            if "running_mean" in tensors:
                tensors[COUNT] = Stored(f"{path}.{COUNT}", ())
            leaf = Leaf(path, tensors, training_only)
            takes_grid = leaf.is_linear and tensors["weight"].shape[1] == math.prod(grid)
            yield leaf._replace(grid=grid) if grid and takes_grid else leaf
        grid = () if step.tensors else grid


def _flattened(step: Layer) -> Extents:
    """The grid of more than one place that a step makes a vector of; empty of any other step."""
    x, y = step.input, step.output
    if x is None or x.grid is None or y is None or y.grid is not None or x.height * x.width == 1:
        return ()
    is_whole = y.channels == x.channels * x.height * x.width
    return (int(x.channels), int(x.height), int(x.width)) if is_whole else ()


def shown_sides(sides: Extents) -> str:
    """`Cx1x1`: the sides of factors, whose channels are the largest."""
    place = sides.index(max(sides))
    return "x".join("C" if side == place else "1" for side in range(len(sides)))


def words_of(path: str) -> list[str]:
    """The words of a name, between its `.` and `/`."""
    return re.split(r"[./]", path)


def by_number(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts names as a person would: numbers by their size."""
    parts = _DIGITS.split(name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def shown_shape(shape: Extents) -> str:
    """`64x3x7x7`, or `one number`."""
    return "x".join(map(str, shape)) or "one number"
