"""TensorFlow's first checkpoints, of one file: a table of messages that hold slices of tensors.

Most pretrained networks of TF-slim are such files. The row without a key lists the tensors; each other row
holds one slice (SavedTensorSlices in tensorflow/core/util/saved_tensor_slice.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from archgen.weights.checkpoint import Checkpoint, Format, Unreadable
from archgen.weights.formats.protobuf import fields, numbers, parts, varint
from archgen.weights.formats.sorted_table import mapped, rows
from archgen.weights.formats.tensorflow_types import Kind, entry_of, kind_of, shape_of, tensor_of
from archgen.weights.leaves import Extents

META, DATA = 1, 2  # of SavedTensorSlices
NAME, SHAPE, TYPE, SLICE = 1, 2, 3, 4  # of SavedSliceMeta
VALUES = 3  # of SavedSlice
CONTENT, FLOATS, DOUBLES, INTS, LONGS = 4, 5, 6, 7, 10  # of TensorProto
PACKED = {"int32": (INTS, "<i"), "int64": (LONGS, "<q")}


def read(path: Path, made: Format) -> Checkpoint:
    """The tensors of a file; a tensor in several slices is refused."""
    kinds: dict[str, tuple[Kind, Extents]] = {}
    values: dict[str, memoryview] = {}
    for key, message in rows(mapped(path)):
        if key:
            for saved in parts(message, DATA):
                values[_text(saved)] = next(parts(saved, VALUES), memoryview(b""))
        else:
            kinds.update(_listed(message))
    lost = kinds.keys() - values.keys()
    if lost:
        raise Unreadable(f"`{min(lost)}` is listed in it, and its numbers are not there")

    def tensor(name: str) -> Tensor:
        kind, shape = kinds[name]
        return tensor_of(_bytes(values[name], kind), kind, shape, name)

    entries = {name: entry_of(kind, shape) for name, (kind, shape) in kinds.items()}
    return Checkpoint(path, made.name, made.dialect, entries, tensor, (path,))


def _text(message: memoryview) -> str:
    return bytes(next(parts(message, NAME), memoryview(b""))).decode(errors="backslashreplace")


def _listed(message: memoryview) -> Iterator[tuple[str, tuple[Kind, Extents]]]:
    for meta in parts(message, META):
        for tensor in parts(meta, 1):
            name = _text(tensor)
            if len(list(parts(tensor, SLICE))) > 1:
                raise Unreadable(f"`{name}` in it is partitioned over several variables")
            shape = shape_of(next(parts(tensor, SHAPE), memoryview(b"")))
            yield name, (kind_of(numbers(tensor).get(TYPE, 0)), shape)


def _bytes(proto: memoryview, kind: Kind) -> memoryview:
    """The numbers of a TensorProto as they lie in memory."""
    wanted = {"float32": FLOATS, "float64": DOUBLES}.get(kind.name, CONTENT)
    for number, value in fields(proto):
        if number in (CONTENT, wanted) and isinstance(value, memoryview) and len(value):
            return value
    if kind.name in PACKED:
        return _unpacked(proto, *PACKED[kind.name])
    return memoryview(b"")


def _unpacked(proto: memoryview, wanted: int, form: str) -> memoryview:
    """Whole numbers, which are written one after another in as few bytes as they need."""
    found = bytearray()
    for number, value in fields(proto):
        if number != wanted:
            continue
        if isinstance(value, int):
            found += _whole(value, form)
            continue
        place = 0
        while place < len(value):
            one, place = varint(value, place)
            found += _whole(one, form)
    return memoryview(found)


def _whole(value: int, form: str) -> bytes:
    signed = value - 2**64 if value >= 2**63 else value
    try:
        return struct.pack(form, signed)
    except struct.error:
        raise Unreadable("it is damaged: a whole number in it is too large") from None
