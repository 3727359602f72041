"""How other frameworks call the tensors of a layer, and lay them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archgen.weights.leaves import Extents, Layout, Leaf, Stored

_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Dialect(NamedTuple):
    """A naming of tensors: the sign between parts of a name, and what the last part means.

    `kernels` are the last parts of convolutions and linear layers, which TensorFlow lays out with the
    outputs last. A last part that is in neither is a role of its own name.
    """

    name: str
    separator: str
    roles: Mapping[str, str]
    kernels: Mapping[str, str]
    passed_over: tuple[str, ...] = ()

    def is_passed_over(self, name: str) -> bool:
        """Whether a tensor is the optimizer's or the loop's and no part of any network."""
        return name.rpartition(self.separator)[2] in self.passed_over


TORCH = Dialect("torch", ".", {}, {})
TF_SLIM = Dialect(
    "tf_slim",
    "/",
    {**_NORM, "biases": "bias"},
    {"weights": "", "depthwise_weights": "depthwise", "pointwise_weights": "pointwise"},
    (
        *("global_step", "beta1_power", "beta2_power", "ExponentialMovingAverage", "Momentum"),
        *("RMSProp", "RMSProp_1", "Adam", "Adam_1", "_CHECKPOINTABLE_OBJECT_GRAPH"),
    ),
)
KERAS = Dialect("keras", "/", {**_NORM, "bias": "bias"}, {"kernel": ""})
DIALECTS = {dialect.name: dialect for dialect in (TORCH, TF_SLIM, KERAS)}


def leaf_path(name: str, dialect: Dialect) -> tuple[str, str]:
    """The layer that a tensor belongs to, and the tensor's role in it."""
    owner, _, last = name.rpartition(dialect.separator)
    if last in dialect.kernels:
        part = dialect.kernels[last]
        return (f"{owner}{dialect.separator}{part}" if part else owner), "weight"
    return owner, dialect.roles.get(last, last)


def their_leaves(shapes: Mapping[str, Extents], dialect: Dialect) -> tuple[Leaf, ...]:
    """The layers of a file, from the names and shapes of its tensors, in the file's order."""
    grouped: dict[str, dict[str, Stored]] = {}
    for name, shape in shapes.items():
        if not dialect.is_passed_over(name):
            path, role = leaf_path(name, dialect)
            grouped.setdefault(path, {})[role] = _stored(name, shape, path, role, dialect)
    return tuple(Leaf(path, tensors) for path, tensors in grouped.items())


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
        case Layout.TORCH:
            return shape
