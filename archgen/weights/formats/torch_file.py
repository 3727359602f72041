"""What `torch.save` writes, read without running anything in it: tensors are taken past all other objects."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

from torch import Tensor

from archgen.diagnostics import brief
from archgen.weights.checkpoint import Checkpoint, Entry, Format, Unreadable, below
from archgen.weights.formats.pickles import PickleError
from archgen.weights.formats.state_dicts import chosen, parts_of, remarks
from archgen.weights.formats.torch_storages import Stored, opened_archive, opened_legacy

DAMAGED = (
    *(OSError, RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError),
    *(AssertionError, MemoryError, OverflowError, zipfile.BadZipFile, struct.error, PickleError),
)


def read(path: Path, made: Format, part: str = "") -> Checkpoint:
    """The tensors of a state dict, of one that lies in a larger dict, or of the modules in the file.

    `part` is the key of one of several, with dots between keys, and may go on with what the names in it
    begin with.
    """
    try:
        root = opened_archive(path) if _is_archive(path) else opened_legacy(path)
        parts = parts_of(root)
    except DAMAGED as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        told = reason if isinstance(error, PickleError) else f"it is cut off or damaged: {reason}"
        raise Unreadable(told) from None
    found, prefix = chosen(parts, part, root)
    tensors = found.tensors
    for name, stored in tensors.items():
        if stored.problem:
            raise Unreadable(f"`{brief(name)}` in it {stored.problem}")
    entries = {name: _entry(stored) for name, stored in tensors.items()}
    notes = tuple(remarks(found, parts, root))

    def tensor(name: str) -> Tensor:
        return tensors[name].read(name)

    checkpoint = Checkpoint(path, made.name, made.dialect, entries, tensor, (path,), notes=notes)
    return below(checkpoint, prefix) if prefix else checkpoint


def _is_archive(path: Path) -> bool:
    """Whether it is the archive that torch writes today, and not the pickles of before."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return False
    if not zipfile.is_zipfile(path):
        raise Unreadable("its archive is cut off or damaged")
    return True


def _entry(stored: Stored) -> Entry:
    assert stored.dtype is not None
    dtype = str(stored.dtype).removeprefix("torch.")
    return Entry(stored.shape, dtype, math.prod(stored.shape) * stored.dtype.itemsize)
