"""TensorFlow's checkpoints of two parts: a table of names, and files with the numbers.

`PREFIX.index` maps each name to where in `PREFIX.data-00000-of-00001` its numbers are (BundleEntryProto in
tensorflow/core/protobuf/tensor_bundle.proto).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from archgen.weights.checkpoint import Checkpoint, Format, Unreadable
from archgen.weights.formats.protobuf import fields, numbers, parts
from archgen.weights.formats.sorted_table import mapped, rows
from archgen.weights.formats.tensorflow_types import Kind, entry_of, kind_of, shape_of, tensor_of
from archgen.weights.leaves import Extents

DTYPE, SHAPE, SHARD, OFFSET, SIZE, SLICES = 1, 2, 3, 4, 5, 7
MAX_SHARDS = 10_000


class Piece(NamedTuple):
    """Where the numbers of a tensor are."""

    kind: Kind
    shape: Extents
    shard: int
    start: int
    size: int


def read(path: Path, made: Format) -> Checkpoint:
    """The tensors that an index lists; the data lie beside it, under the same prefix."""
    listed = list(rows(mapped(path)))
    if not listed:
        raise Unreadable("its index lists nothing, not even how many files of data there are")
    header, *listed = listed
    shards = numbers(header[1]).get(1, 1) if not header[0] else 1
    if not 1 <= shards <= MAX_SHARDS:
        raise Unreadable(f"its index counts {shards} files of data")
    pieces = {key.decode(errors="backslashreplace"): _piece(value) for key, value in listed}
    prefix = path.with_suffix("")
    data = tuple(
        prefix.with_name(f"{prefix.name}.data-{number:05}-of-{shards:05}")
        for number in range(shards)
    )
    missing = [file.name for file in data if not file.is_file()]
    if missing:
        raise Unreadable(f"`{missing[0]}`, which holds its numbers, is not beside it")
    opened = cache(lambda number: mapped(data[number]))

    def tensor(name: str) -> Tensor:
        kind, shape, shard, start, size = pieces[name]
        if shard >= shards:
            raise Unreadable(f"`{name}` lies in a file that the index does not count")
        return tensor_of(opened(shard)[start : start + size], kind, shape, name)

    entries = {name: entry_of(piece.kind, piece.shape) for name, piece in pieces.items()}
    return Checkpoint(path, made.name, made.dialect, entries, tensor, (path, *data))


def _piece(message: memoryview) -> Piece:
    found = numbers(message)
    if any(number == SLICES for number, _ in fields(message)):
        raise Unreadable("a tensor in it is partitioned over several variables")
    shape = next(parts(message, SHAPE), memoryview(b""))
    kind = kind_of(found.get(DTYPE, 0))
    return Piece(
        kind, shape_of(shape), found.get(SHARD, 0), found.get(OFFSET, 0), found.get(SIZE, 0)
    )
