"""How other frameworks call the tensors of a layer, and lay them out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Container, Mapping
from typing import NamedTuple

from archgen.weights.leaves import ROLES, Extents, Layout, Leaf, Stored

_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Dialect(NamedTuple):
    """A naming of tensors: the sign between parts of a name, and what the last part means.

    `kernels` are the last parts of convolutions and linear layers, which TensorFlow lays out with the
    outputs last. A last part that is in neither is a role of its own name. `passed_over` are the last parts
    of what a training keeps besides; where there are any, tensors below tensors are of that kind, too.
    """

    name: str
    separator: str
    roles: Mapping[str, str]
    kernels: Mapping[str, str]
    passed_over: tuple[str, ...] = ()

    def is_passed_over(self, name: str, names: Container[str]) -> bool:
        """Whether a tensor among others is the optimizer's or the loop's, and no part of any network.

        What is kept for `a/weights` is called `a/weights/Momentum`, whatever the optimizer.
        """
        owner, _, last = name.rpartition(self.separator)
        return last in self.passed_over or (bool(self.passed_over) and owner in names)


TORCH = Dialect("torch", ".", {}, {})
TF_SLIM = Dialect(
    "tf_slim",
    "/",
    {**_NORM, "biases": "bias"},
    {"weights": "", "depthwise_weights": "depthwise", "pointwise_weights": "pointwise"},
    passed_over=(
        *("global_step", "beta1_power", "beta2_power", "ExponentialMovingAverage", "Momentum"),
        *("RMSProp", "RMSProp_1", "Adam", "Adam_1", "_CHECKPOINTABLE_OBJECT_GRAPH"),
    ),
)
KERAS = Dialect("keras", "/", {**_NORM, "bias": "bias"}, {"kernel": ""})
DIALECTS = {dialect.name: dialect for dialect in (TORCH, TF_SLIM, KERAS)}


def passed_over(names: Collection[str], dialect: Dialect) -> Counter[str]:
    """The last parts of the names of tensors that no network has, and how often each is there."""
    found = (name for name in names if dialect.is_passed_over(name, names))
    return Counter(name.rpartition(dialect.separator)[2] for name in found)


def leaf_path(name: str, dialect: Dialect, names: Container[str] = ()) -> tuple[str, str]:
    """The layer that a tensor among others belongs to, and the tensor's role in it."""
    owner, separator, last = name.rpartition(dialect.separator)
    if last in dialect.kernels:
        return _layer(owner, last, dialect), "weight"
    role = dialect.roles.get(last, last)
    beside = [kernel for kernel in dialect.kernels if f"{owner}{separator}{kernel}" in names]
    if role == "bias" and beside:  # a separable convolution adds it behind its last kernel
        return _layer(owner, beside[-1], dialect), role
    return owner, role


def _layer(owner: str, kernel: str, dialect: Dialect) -> str:
    part = dialect.kernels[kernel]
    return f"{owner}{dialect.separator}{part}" if part else owner


def their_leaves(shapes: Mapping[str, Extents], dialect: Dialect) -> tuple[Leaf, ...]:
    """The layers of a file, from the names and shapes of its tensors, in the file's order."""
    grouped: dict[str, dict[str, Stored]] = {}
    for name, shape in shapes.items():
        if not dialect.is_passed_over(name, shapes):
            path, role = leaf_path(name, dialect, shapes)
            if role not in ROLES and _are_factors(shape):
                stored = Stored(name, in_torch(shape, Layout.ALONE), Layout.ALONE, sides=shape)
                grouped[name] = {"weight": stored}
            else:
                stored = _stored(name, shape, path, role, dialect)
                grouped.setdefault(path, {})[role] = stored
    return tuple(Leaf(path, tensors) for path, tensors in grouped.items())


def _are_factors(shape: Extents) -> bool:
    """Whether a shape is that of a vector, or of one with sides of one around it."""
    return bool(shape) and max(shape) == math.prod(shape) > 0


def _stored(name: str, shape: Extents, path: str, role: str, dialect: Dialect) -> Stored:
    layout = Layout.TORCH
    if dialect is not TORCH and role == "weight":
        is_depthwise = path.endswith(f"{dialect.separator}depthwise")
        layout = _layout(len(shape), is_depthwise=is_depthwise)
    return Stored(name, in_torch(shape, layout), layout)


def _layout(axes: int, *, is_depthwise: bool) -> Layout:
    if axes == 4:
        return Layout.HWCM if is_depthwise else Layout.HWIO
    return Layout.IO if axes == 2 else Layout.TORCH


def in_torch(shape: Extents, layout: Layout) -> Extents:
    """A file's shape in the order of torch."""
    match layout:
        case Layout.HWIO:
            height, width, inputs, outputs = shape
            return (outputs, inputs, height, width)
        case Layout.HWCM:
            height, width, channels, each = shape
            return (channels * each, 1, height, width)
        case Layout.IO:
            return (shape[1], shape[0])
        case Layout.POINT:
            return (shape[3], shape[2])
        case Layout.FLAT:
            return shape[:2]
        case Layout.ALONE:
            return (max(shape),)
        case Layout.TORCH:
            return shape
