"""A network's weights in a safetensors file: plain tensors and text, never pickled objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from archgen.train.errors import TrainingError
from archgen.train.files import replacing

TYPES = {  # by the names that the format has for them, in the order in which it lays tensors down
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.complex64: "C64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_LENGTH = 8  # bytes in front of a safetensors header that say how long it is


def save_weights(path: Path, model: nn.Module, metadata: Mapping[str, str]) -> None:
    """Writes the state dict of `model` to `path`, which is whole or as it was before.

    Equal weights and metadata give equal files, byte by byte.
    """
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(in_parts(tensors, metadata))


def in_parts(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> tuple[bytes | memoryview, ...]:
    """A safetensors file in pieces: its header, then the memory of each tensor, which is not copied.

    Tensors are contiguous and on the CPU. The library would write the same values behind the same
    entries; but it copies them all, and its metadata come in another order in each process.
    """
    order = list(TYPES)
    names = sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        start, end = end, end + tensors[name].nbytes
        header[name] = {
            "dtype": TYPES[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # the values keep to multiples of eight bytes
    return (len(text).to_bytes(_LENGTH, "little") + text, *(_memory(tensors[n]) for n in names))


def _memory(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data


class Header(NamedTuple):
    """What a file of weights says before its tensors: its metadata, and each tensor's shape."""

    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]


def read_header(path: Path) -> Header:
    """The metadata and shapes of the weights in `path`. Raises TrainingError."""
    with _opened(path) as file:
        return _header(file)


def load_weights(path: Path, model: nn.Module) -> dict[str, str]:
    """Copies the weights in `path` into `model` and returns the file's metadata.

    Names and shapes must be those of `model`, all of them; otherwise it is left as it was.
    """
    with _opened(path) as file:
        header = _header(file)
        _check_match(path, model.state_dict(), header.shapes)
        tensors = {name: file.get_tensor(name) for name in header.shapes}
    model.load_state_dict(tensors)
    return header.metadata


@contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    """The file, or TrainingError where it cannot be read."""
    if path.exists() and not path.is_file():
        raise TrainingError(f"cannot read the weights `{path}`: this is no regular file")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        reason = _other_format(path) or str(error)
        raise TrainingError(f"cannot read the weights `{path}`: {reason}") from error


def _header(file: safe_open) -> Header:
    names = file.keys()  # not a dict: it cannot be iterated itself
    shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
    return Header(dict(file.metadata() or {}), shapes)


def _other_format(path: Path) -> str:
    """What another program made of a file, and how to take its weights; empty where that is not known."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return ""
    made = {
        b"PK": "Keras" if path.suffix == ".keras" else "torch",
        b"\x80": "torch",
        b"\x89HDF\r\n\x1a\n": "Keras",
    }
    kind = next((kind for magic, kind in made.items() if start.startswith(magic)), "")
    output = path.with_suffix(".safetensors").name
    how = f"`archgen weights import SPEC {path.name} -o {output}` makes weights of it"
    return f"this is a file of {kind}, not a .safetensors file; {how}" if kind else ""


def _check_match(
    path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Raises with the first differing name where the two do not have the same names and shapes."""
    for name in sorted(wanted.keys() | found.keys()):
        want = tuple(wanted[name].shape) if name in wanted else "absent"
        have = found.get(name, "absent")
        if want != have:
            raise TrainingError(
                f"the weights `{path}` are another network's: "
                f"`{name}` is {have} in the file and {want} in the network"
            )
