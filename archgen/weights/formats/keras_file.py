"""Keras' files: HDF5 in its old layout and its new one, alone or in a `.keras` archive.

The old layout (files of keras.applications) names each tensor, `conv2d_3/conv2d_3/kernel:0`. The new one
(`x.weights.h5`) numbers them, `layers/conv2d_3/vars/0`: what a number is follows from the class that the
group is called after, and what the layer is called is an attribute. Names here are those of the old layout,
without its repetition: `conv2d_3/kernel`. Nothing is read but numbers that lie in the file as they are.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import torch
from torch import Tensor

from archgen.weights.checkpoint import (
    KERAS_MEMBER,
    MAX_TENSORS,
    Checkpoint,
    Entry,
    Format,
    Unreadable,
)
from archgen.weights.leaves import by_number
from archgen.weights.norms import EITHER

MAX_DEPTH = 32
MAX_GROUPS = 100_000
MAX_CONFIG_BYTES = 16 * 2**20
KERAS_CONFIG = "config.json"  # of a `.keras` archive, what its layers are
DAMAGED = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, MemoryError)

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies", "model_weights")
_OF_TRAINING = ("optimizer", "optimizer_weights")
_DENSE = ("kernel", "bias")
_DEPTHWISE = ("depthwise/kernel", "depthwise/bias")
_AFFINE = ("gamma", "beta")
_STATISTICS = ("moving_mean", "moving_variance")
_ROLES = {  # what the tensors of a class are, in their order
    "conv2d": _DENSE,
    "conv2d_transpose": _DENSE,
    "dense": _DENSE,
    "depthwise_conv2d": _DEPTHWISE,
    "group_normalization": _AFFINE,
    "layer_normalization": _AFFINE,
    "separable_conv2d": ("depthwise/kernel", "pointwise/kernel", "pointwise/bias"),
}
_NORMS = {4: (*_AFFINE, *_STATISTICS), 3: (EITHER, *_STATISTICS), 2: _STATISTICS}
_SWITCHES = {"gamma": "scale", "beta": "center"}
_SEPARATE = {"depthwise_kernel": "depthwise/kernel", "pointwise_kernel": "pointwise/kernel"}
NO_NAMES = (
    "it names layers by class and number only, and branches may stand in another order: "
    "look at the pairs"
)


class Found(NamedTuple):
    """A dataset: its path in the file, and what h5py knows of it."""

    path: str
    dataset: Any  # h5py's classes are not annotated


def read(path: Path, made: Format) -> Checkpoint:
    """The tensors of a file, in the order in which a person would sort their names."""
    try:
        file = h5py.File(_content(path), "r")
        found = list(_datasets(file))
        names = _names(file, found, _norms_without(path))
        entries = {name: _entry(one) for name, one in names.items()}
        notes = tuple(_notes(file, found))
    except DAMAGED as error:
        raise _damaged(error) from None

    def tensor(name: str) -> Tensor:
        return _tensor(name, names[name])

    ordered = {name: entries[name] for name in sorted(entries, key=by_number)}
    return Checkpoint(
        path,
        made.name,
        made.dialect,
        ordered,
        tensor,
        (path,),
        notes=notes,
        has_numbers_only=NO_NAMES in notes,
    )


def _damaged(error: BaseException) -> Unreadable:
    reason = str(error).strip("'\" \n").partition("\n")[0] or type(error).__name__
    return Unreadable(f"it is cut off or damaged: {reason}")


def _content(path: Path) -> Path | io.BytesIO:
    """The HDF5 file itself, or the one in an archive, which must not be packed."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(KERAS_MEMBER)
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > path.stat().st_size:
            raise Unreadable("its archive is compressed, which Keras never does")
        return io.BytesIO(archive.read(KERAS_MEMBER))


def _norms_without(path: Path) -> dict[str, str]:
    """By the name of each norm of an archive that has one of gamma and beta alone, which that is.

    That is read from the configuration of the model, as data: nothing in it is made. A name that stands for
    different norms in nested models is left out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(KERAS_CONFIG)
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > MAX_CONFIG_BYTES:
                return {}
            waiting = [json.loads(archive.read(member))]
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, RecursionError):
        return {}
    found: dict[str, set[str]] = {}
    while waiting:
        value = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value
        waiting += [each for each in inner if isinstance(each, dict | list)]
        config = value.get("config") if isinstance(value, dict) else None
        if isinstance(config, dict) and str(value.get("class_name")).endswith("Normalization"):
            kept = [word for word, key in _SWITCHES.items() if config.get(key, True) is True]
            found.setdefault(str(config.get("name")), set()).add(kept[0] if len(kept) == 1 else "")
    return {name: kinds.pop() for name, kinds in found.items() if len(kinds) == 1}


# --------------------------------------------------------------------------------------- what is there


def _datasets(file: h5py.File) -> Iterator[Found]:
    """Every dataset outside the optimizer's groups. Refuses links: they could lead out of the file."""
    waiting = [("", file, 0)]
    seen = 0
    while waiting:
        path, group, depth = waiting.pop()
        for key in group:
            inner = f"{path}/{key}" if path else key
            seen += 1
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise Unreadable(f"`{inner}` in it is a link, which Keras never writes")
            if depth > MAX_DEPTH or seen > MAX_GROUPS:
                raise Unreadable("its groups are nested without end")
            if path == "" and key in _OF_TRAINING:
                continue
            value = group[key]
            if isinstance(value, h5py.Group):
                waiting.append((inner, value, depth + 1))
            else:
                yield Found(inner, value)


def _names(file: h5py.File, found: list[Found], lacking: Mapping[str, str]) -> dict[str, Found]:
    """The datasets by the names that a person knows; `lacking` says which norm has beta, or gamma, alone."""
    if len(found) > MAX_TENSORS:
        raise Unreadable(f"it holds more than {MAX_TENSORS:,} tensors")
    words = _words(found)
    names: dict[str, Found] = {}
    for one in found:
        owner, _, last = one.path.rpartition("/")
        if owner.endswith("/vars") and last.isdecimal():
            name = _numbered(file, owner, last, len(words[owner]))
            layer, _, role = name.rpartition("/")
            if role == EITHER and (known := lacking.get(layer.rpartition("/")[2])):
                name = f"{layer}/{known}"
        else:
            name = _written(owner, last, words[owner])
        if name in names:
            raise Unreadable(f"two tensors of it are called `{name}`")
        names[name] = one
    return names


def _words(found: list[Found]) -> dict[str, tuple[str, ...]]:
    """What the tensors of each layer are called, by the path of its group."""
    words: dict[str, tuple[str, ...]] = {}
    for one in found:
        owner, _, last = one.path.rpartition("/")
        words[owner] = (*words.get(owner, ()), last.partition(":")[0])
    return words


def _written(owner: str, last: str, beside: tuple[str, ...]) -> str:
    """The name of a tensor of the old layout, whose groups repeat the name of the layer."""
    parts = [part for part in owner.split("/") if part not in _CONTAINERS]
    once = [part for place, part in enumerate(parts) if place == 0 or part != parts[place - 1]]
    layer = once[:1] if once[-1:] == once[:1] else once
    role = last.partition(":")[0]
    is_depthwise = "depthwise_kernel" in beside or "depthwise" in owner
    if role == "kernel" and is_depthwise:
        role = "depthwise_kernel"
    if role == "bias" and is_depthwise:  # of a separable convolution, it is added at the end
        role = "pointwise/bias" if "pointwise_kernel" in beside else "depthwise/bias"
    return "/".join([*layer, _SEPARATE.get(role, role)])


def _numbered(file: h5py.File, owner: str, number: str, count: int) -> str:
    """The name of a tensor of the new layout, by the class of its layer."""
    *outer, key, _ = owner.split("/")
    called = file[owner].attrs.get("name", key)
    layer = called if isinstance(called, str) and called else key
    kind = re.sub(r"_\d+$", "", key)
    roles = _NORMS.get(count, ()) if kind == "batch_normalization" else _ROLES.get(kind, ())
    if roles == _AFFINE and count == 1:
        roles = (EITHER,)
    place = int(number) if len(number) < 3 else MAX_DEPTH
    role = roles[place] if place < len(roles) else f"vars/{number}"
    return "/".join([*(part for part in outer if part not in _CONTAINERS), layer, role])


def _notes(file: h5py.File, found: list[Found]) -> Iterator[str]:
    """What a person should know before the pairs are trusted."""
    owners = {
        owner: len(words) for owner, words in _words(found).items() if owner.endswith("/vars")
    }
    if any("name" not in file[owner].attrs for owner in owners):
        yield NO_NAMES


# ------------------------------------------------------------------------------------------- numbers


def _entry(found: Found) -> Entry:
    dataset = found.dataset
    return Entry(tuple(dataset.shape or ()), str(dataset.dtype), int(dataset.nbytes or 0))


def _tensor(name: str, found: Found) -> Tensor:
    """The numbers of a dataset, if they lie in the file as they are."""
    dataset = found.dataset
    try:
        if dataset.is_virtual or dataset.external:
            raise Unreadable(f"the numbers of `{name}` lie outside the file")
        if dataset.chunks is not None:
            raise Unreadable(f"`{name}` is packed, which Keras never does")
        if dataset.dtype.kind not in "fiu":
            raise Unreadable(f"`{name}` is of {dataset.dtype}, and no tensor of numbers")
        if dataset.id.get_storage_size() != dataset.nbytes:
            raise Unreadable(f"`{name}` is cut off: not all of its numbers are there")
        values = dataset[()]
        return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), copy=False).copy())
    except DAMAGED as error:
        raise _damaged(error) from None
