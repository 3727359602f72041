"""Safetensors: plain tensors and text, mapped into memory."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from archgen.weights.checkpoint import Checkpoint, Entry, Format, Unreadable

BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8}
WORDS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def read(path: Path, made: Format) -> Checkpoint:
    """The tensors of a file, in the order in which its header lists them."""
    try:
        file = safe_open(path, framework="pt")
        names = list(file.keys())
        entries = {name: _entry(file, name) for name in names}
        metadata = dict(file.metadata() or {})
    except SafetensorError as error:
        raise Unreadable(f"its header and its size disagree: {error}") from None

    def tensor(name: str) -> Tensor:
        found: Tensor = file.get_tensor(name)
        return found

    return Checkpoint(path, made.name, made.dialect, entries, tensor, (path,), metadata)


def _entry(file: safe_open, name: str) -> Entry:
    piece = file.get_slice(name)
    shape, dtype = tuple(piece.get_shape()), piece.get_dtype()
    size = math.prod(shape) * BITS.get(dtype, 8) // 8
    return Entry(shape, WORDS.get(dtype, dtype.lower()), size)
