"""TensorFlow's types of numbers and its shapes, as they stand in its messages."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from archgen.weights.checkpoint import Entry, Unreadable
from archgen.weights.formats.protobuf import numbers, parts
from archgen.weights.leaves import Extents


class Kind(NamedTuple):
    """A type: its name, torch's, and the bytes of one number."""

    name: str
    torch: torch.dtype | None
    size: int


KINDS = {
    1: Kind("float32", torch.float32, 4),
    2: Kind("float64", torch.float64, 8),
    3: Kind("int32", torch.int32, 4),
    7: Kind("string", None, 1),
    9: Kind("int64", torch.int64, 8),
    10: Kind("bool", torch.bool, 1),
    14: Kind("bfloat16", torch.bfloat16, 2),
    19: Kind("float16", torch.float16, 2),
}


def kind_of(number: int) -> Kind:
    """The type of a number in the schema; one that archgen does not read has no torch type."""
    return KINDS.get(number, Kind(f"TensorFlow's type {number}", None, 1))


def shape_of(message: memoryview) -> Extents:
    """A TensorShapeProto. An empty one is a single number."""
    return tuple(numbers(dim).get(1, 0) for dim in parts(message, 2))


def entry_of(kind: Kind, shape: Extents) -> Entry:
    """The tensor as a checkpoint lists it."""
    return Entry(shape, kind.name, math.prod(shape) * kind.size)


def tensor_of(data: memoryview, kind: Kind, shape: Extents, name: str) -> Tensor:
    """Numbers as they lie in memory, copied. Raises Unreadable where they are not as many."""
    if kind.torch is None:
        raise Unreadable(f"`{name}` is of {kind.name}, and no tensor of numbers")
    if len(data) != math.prod(shape) * kind.size:
        raise Unreadable(f"`{name}` is cut off: {len(data):,} bytes of it are there")
    if not data:
        return torch.empty(shape, dtype=kind.torch)
    return torch.frombuffer(bytearray(data), dtype=kind.torch).reshape(shape)
