"""State dicts as files of torch or of safetensors, in pieces that somebody else writes."""

from __future__ import annotations

import io
from collections.abc import Mapping

import torch
from torch import Tensor

from archgen.train.weights import in_parts

SUFFIXES = {".pth": "torch", ".pt": "torch", ".bin": "torch", ".safetensors": "safetensors"}


def file_parts(
    tensors: Mapping[str, Tensor], suffix: str, metadata: Mapping[str, str]
) -> tuple[bytes | memoryview, ...]:
    """The file of a suffix; one of torch holds no metadata, as those who load it expect."""
    if SUFFIXES[suffix] == "safetensors":
        return in_parts(tensors, metadata)
    buffer = io.BytesIO()
    torch.save(dict(tensors), buffer)
    return (buffer.getbuffer(),)
