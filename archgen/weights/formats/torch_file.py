"""What `torch.save` writes: read by torch's reader of plain tensors, which makes no other objects."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from archgen.weights.checkpoint import Checkpoint, Entry, Format, Unreadable

MAX_PICKLE_BYTES = 64 * 2**20  # of the part that says what the tensors are called
DAMAGED = (  # what torch raises at bytes that are not as they must be
    *(OSError, RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError),
    *(AssertionError, MemoryError, OverflowError, zipfile.BadZipFile, struct.error),
)
STATE_KEYS = ("state_dict", "model_state_dict", "model", "model_state", "net", "state_dict_ema")


def read(path: Path, made: Format) -> Checkpoint:
    """The tensors of a state dict, also of one that lies in a larger dict under a usual name."""
    is_archive = _is_archive(path)
    if is_archive:
        _demand_plain(path)
    state, notes = _state_dict(_loaded(path, mmap=is_archive))
    entries = {name: _entry(name, tensor) for name, tensor in state.items()}
    return Checkpoint(
        path, made.name, made.dialect, entries, state.__getitem__, (path,), notes=notes
    )


def _is_archive(path: Path) -> bool:
    """Whether it is the archive that torch writes today, and not the pickles of before."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return False
    if not zipfile.is_zipfile(path):
        raise Unreadable("its archive is cut off or damaged")
    return True


def _demand_plain(path: Path) -> None:
    """Refuses an archive whose parts are packed, since they could unpack to any size."""
    with zipfile.ZipFile(path) as archive:
        if not any(part.filename.endswith("data.pkl") for part in archive.infolist()):
            raise Unreadable("it is an archive of something else than torch's tensors")
        for part in archive.infolist():
            if part.compress_type != zipfile.ZIP_STORED:
                raise Unreadable("its archive is compressed, which `torch.save` never does")
            if part.filename.endswith(".pkl") and part.file_size > MAX_PICKLE_BYTES:
                raise Unreadable(f"`{part.filename}` in it is larger than 64 MiB")


def _loaded(path: Path, *, mmap: bool) -> object:
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles that it refuses anyway
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError:
        help = "where you trust it, save its `state_dict()` with `torch.save`, and import that"
        message = "it holds pickled objects beside tensors, and archgen makes none of them"
        raise Unreadable(message, help) from None
    except DAMAGED as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise Unreadable(f"it is cut off or damaged: {reason}") from None


def _state_dict(loaded: object) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The mapping of names to tensors, and where it lay."""
    if not isinstance(loaded, Mapping):
        raise Unreadable(f"it holds a {type(loaded).__name__}, not tensors by name")
    if any(isinstance(value, Tensor) for value in loaded.values()):
        return _tensors(loaded), ()
    for key in STATE_KEYS:
        inner = loaded.get(key)
        if isinstance(inner, Mapping) and any(isinstance(v, Tensor) for v in inner.values()):
            others = [str(other) for other in loaded if other != key]
            note = f"took `{key}` of it, and left {', '.join(others)}" if others else ""
            return _tensors(inner), (note,) if note else ()
    keys = ", ".join(f"`{key}`" for key in list(loaded)[:8])
    raise Unreadable(f"it holds no tensors by name, only {keys or 'an empty dict'}")


def _tensors(state: Mapping[object, object]) -> dict[str, Tensor]:
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            kind = type(value).__name__
            raise Unreadable(f"`{name}` in it is a {kind}, and no tensor")
        if value.layout is not torch.strided or value.is_quantized:
            raise Unreadable(f"`{name}` in it is sparse or quantised, and no plain tensor")
    return {str(name): value for name, value in state.items() if isinstance(value, Tensor)}


def _entry(name: str, tensor: Tensor) -> Entry:
    del name
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Entry(tuple(tensor.shape), dtype, tensor.numel() * tensor.element_size())
