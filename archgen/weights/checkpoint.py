"""A checkpoint file: what it is told by its content, its tensors by name, each read when it is wanted."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from archgen.diagnostics import brief, did_you_mean
from archgen.weights.dialects import KERAS, TF_SLIM, TORCH, Dialect
from archgen.weights.leaves import Extents

if TYPE_CHECKING:
    from torch import Tensor

MAX_TENSORS = 1_000_000
TABLE_MAGIC = bytes.fromhex("57fb808b247547db")  # ends a TensorFlow index or checkpoint
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


class Unreadable(Exception):
    """A file holds no tensors that can be read, for the reason in the message; `help` is what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class Entry(NamedTuple):
    """One tensor of a file, not read yet: its shape there, the type of its numbers, its size in bytes."""

    shape: Extents
    dtype: str
    size: int


@dataclass(frozen=True)
class Checkpoint:
    """A file of tensors: `entries` in its own order, `read` for the numbers of one.

    `files` are all files that it consists of; `notes` what a person should know of how it was read.
    `has_numbers_only` where layers are called by their class and their place in the file, not by their names.
    """

    path: Path
    format: str
    dialect: Dialect
    entries: Mapping[str, Entry]
    read: Callable[[str], Tensor]
    files: tuple[Path, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_numbers_only: bool = False

    @property
    def shapes(self) -> dict[str, Extents]:
        """The shape of each tensor."""
        return {name: entry.shape for name, entry in self.entries.items()}

    @property
    def has_order(self) -> bool:
        """Whether the file keeps the order in which a module defines its layers."""
        is_numbered = self.format == KERAS_FILE.name and not self.has_numbers_only
        return self.format == TORCH_FILE.name or is_numbered

    def sha256(self) -> str:
        """The hash of the file; of several, that of their hashes in a row."""
        digests = [_sha256(path) for path in self.files]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Format(NamedTuple):
    """A kind of file: its name, the module that reads it, and how tensors are called in it."""

    name: str
    module: str
    dialect: Dialect


SAFETENSORS = Format("safetensors", "safetensors_file", TORCH)
TORCH_FILE = Format("torch", "torch_file", TORCH)
TF_BUNDLE = Format("tensorflow", "tensorflow_bundle", TF_SLIM)
TF_SLICES = Format("tensorflow v1", "tensorflow_slices", TF_SLIM)
KERAS_FILE = Format("keras", "keras_file", KERAS)
KERAS_MEMBER = "model.weights.h5"  # of a `.keras` archive, the file of its weights


def open_checkpoint(path: Path, part: str = "") -> Checkpoint:
    """The checkpoint at a path, which for TensorFlow may be the prefix of its files' names.

    `part` names one of several state dicts in a file of torch, or what the names of the tensors that are
    wanted begin with. Raises Unreadable, FileNotFoundError and other OSErrors.
    """
    path = _first_file(path)
    made = _format(path)
    reader = _reader(made)
    if made is TORCH_FILE:
        checkpoint = reader.read(path, made, part)
    else:
        checkpoint = below(reader.read(path, made), part) if part else reader.read(path, made)
    assert isinstance(checkpoint, Checkpoint)
    if not checkpoint.entries:
        raise Unreadable("it holds no tensors", "name a file of weights")
    return checkpoint


def below(checkpoint: Checkpoint, prefix: str) -> Checkpoint:
    """The tensors whose names begin with `prefix`, under the rest of their names. Raises Unreadable."""
    start = prefix + checkpoint.dialect.separator
    entries = {
        name.removeprefix(start): entry
        for name, entry in checkpoint.entries.items()
        if name.startswith(start)
    }
    if not entries:
        firsts = {name.partition(checkpoint.dialect.separator)[0] for name in checkpoint.entries}
        near = did_you_mean(prefix, firsts)
        help = f"did you mean `--part {near}`?" if near else "leave out `--part`"
        raise Unreadable(f"no name of a tensor in it begins with `{brief(start)}`", help)
    left = len(checkpoint.entries) - len(entries)
    others = f", and left the {left:,} others" if left else ""
    note = f"took the tensors below `{brief(start)}`{others}"
    return replace(
        checkpoint,
        entries=entries,
        read=lambda name: checkpoint.read(start + name),
        notes=(*checkpoint.notes, note),
    )


def _reader(made: Format) -> ModuleType:
    """The module that reads a format. Raises Unreadable where it needs an extra that is not there."""
    try:
        return import_module(f"archgen.weights.formats.{made.module}")
    except ModuleNotFoundError as error:
        if error.name != "h5py":
            raise
        help = "install it with `pip install 'archgen[keras]'`"
        raise Unreadable("it is a file of Keras, which h5py reads", help) from None


def _first_file(path: Path) -> Path:
    index = path.parent / f"{path.name}.index"
    if not path.exists() and index.exists():
        path = index
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise Unreadable("it is a folder", f"name a file in it{_in_folder(path)}")
    if not stat.S_ISREG(mode):
        raise Unreadable("it is no regular file", "name a file of weights")
    return path


def _in_folder(folder: Path) -> str:
    likely = (".safetensors", ".pth", ".pt", ".index", ".ckpt", ".bin", ".h5", ".keras")
    names = sorted(path.name for path in folder.iterdir() if path.suffix in likely)
    return f", as in `{folder / names[0]}`" if names else ""


def _format(path: Path) -> Format:
    """What a file is, by how it begins and ends."""
    with path.open("rb") as file:
        start = file.read(16)
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(0, size - 8))
        end = file.read(8)
    if not start:
        raise Unreadable("it is empty")
    if end == TABLE_MAGIC:
        return TF_BUNDLE if path.suffix == ".index" else TF_SLICES
    if start.startswith(HDF5_MAGIC):
        return KERAS_FILE
    if start.startswith(b"PK"):
        return KERAS_FILE if _is_keras(path) else TORCH_FILE
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size:
        return SAFETENSORS
    if start.startswith(b"\x80"):
        return TORCH_FILE
    raise Unreadable(
        _odd(path, start), "archgen reads safetensors, torch, TensorFlow and Keras files"
    )


def _is_keras(path: Path) -> bool:
    """Whether an archive is of Keras."""
    try:
        with zipfile.ZipFile(path) as archive:
            return KERAS_MEMBER in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix == ".keras"


def _odd(path: Path, start: bytes) -> str:
    """What an unknown file may be."""
    if start.startswith(b"version https:/"):
        return "it is the pointer of Git LFS to a file that was not fetched"
    if start.lstrip()[:1] == b"<":
        return "it is a web page"
    if ".data-" in path.name:
        return "it is the data of a TensorFlow checkpoint, whose index is another file"
    if start[8:9] == b"{":
        return "it is a safetensors file that is cut off"
    return "it is none of the formats that archgen knows"
