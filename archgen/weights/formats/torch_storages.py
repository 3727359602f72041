"""The two files of `torch.save`, an archive and a row of pickles: where the numbers of each tensor are."""

from __future__ import annotations

import io
import math
import mmap
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from archgen.weights.checkpoint import Unreadable
from archgen.weights.formats.pickles import (
    MAX_OPERATIONS,
    MAX_PICKLE_BYTES,
    Global,
    read_pickle,
)

MAGIC = 0x1950A86A20F9469CFC6C  # the first of the pickles in a row
MAX_AXES = 64
LOCAL_HEADER = 30  # bytes of an archive in front of the name of a part
_DTYPES = {
    name: found for name in dir(torch) if isinstance(found := getattr(torch, name), torch.dtype)
}
_STORAGES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
    "UntypedStorage": torch.uint8,
}
_UNREADABLE = {  # kinds of tensors whose numbers do not lie in one storage as they are
    "_rebuild_qtensor": "is quantised",
    "_rebuild_meta_tensor_no_storage": "is on the meta device, without numbers",
    "_rebuild_sparse_tensor": "is sparse",
    "_rebuild_sparse_csr_tensor": "is sparse",
    "_rebuild_nested_tensor": "is nested",
}


@dataclass(slots=True, eq=False)
class Place:
    """Where the bytes of a storage begin and how many they are; not known while names are read."""

    start: int = 0
    size: int = 0
    buffer: mmap.mmap | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A row of numbers of one type, from the number `shift` of those at a place."""

    place: Place
    dtype: torch.dtype
    count: int
    shift: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor that was not read yet; `problem` says why it cannot be."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None
    stride: tuple[int, ...] = ()
    offset: int = 0
    storage: Storage | None = None
    problem: str = ""

    def read(self, name: str) -> Tensor:
        """The numbers, mapped into memory. Raises Unreadable where the file does not hold them."""
        if self.problem or self.storage is None or self.dtype is None:
            raise Unreadable(f"`{name}` in it {self.problem or 'has no numbers'}")
        if not math.prod(self.shape):
            return torch.empty(self.shape, dtype=self.dtype)
        place, width = self.storage.place, self.dtype.itemsize
        reach = sum((side - 1) * step for side, step in zip(self.shape, self.stride, strict=True))
        first, count = self.storage.shift + self.offset, place.size // width
        if place.buffer is None or first + reach >= count:
            raise Unreadable(f"`{name}` is cut off: the file does not hold all of its numbers")
        flat = torch.frombuffer(place.buffer, dtype=self.dtype, count=count, offset=place.start)
        return flat.as_strided(self.shape, self.stride, first)


class _Torch:
    """What stands for torch's own objects in a pickle: storages, tensors and ordered dicts."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.widths: dict[str, int] = {}
        self._copied = 0

    def referred(self, found: object) -> object:
        """The storage that a persistent id names, or the class that old files keep with its source."""
        if isinstance(found, tuple) and len(found) > 1 and found[0] == "module":
            return found[1]
        if not isinstance(found, tuple) or len(found) < 5 or found[0] != "storage":
            raise ValueError("it refers to what is not a storage")
        _, kind, key, _, count, *views = found
        dtype = _STORAGES.get(kind.name.rpartition(".")[2]) if isinstance(kind, Global) else None
        if not isinstance(key, str) or not isinstance(count, int):
            raise TypeError("a storage has no name or no length")
        place = self.places.setdefault(key, Place())
        if dtype is None:  # quantised: a tensor over it says so
            return Storage(place, torch.uint8, 0)
        self.widths[key] = dtype.itemsize
        view = views[0] if views else None
        shift = view[1] if isinstance(view, tuple) and len(view) == 3 else 0
        return Storage(place, dtype, count, _whole(shift))

    def made(self, name: str, given: tuple[object, ...]) -> object:
        """The tensor or the dict that a call would give; None for any other."""
        owner, _, function = name.rpartition(".")
        if name == "collections.OrderedDict":
            return self._ordered(given)
        if owner not in ("torch._utils", "torch._tensor") or not function.startswith("_rebuild"):
            return None
        match function:
            case "_rebuild_parameter" | "_rebuild_parameter_with_state":
                return given[0]
            case "_rebuild_device_tensor_from_cpu_tensor":
                return given[0]
            case "_rebuild_from_type_v2" if isinstance(given[0], Global):
                inner = given[2]
                return self.made(given[0].name, inner if isinstance(inner, tuple) else ())
            case "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3":
                return _tensor(given)
        problem = _UNREADABLE.get(function, "is of a kind that archgen does not read")
        return Stored((), None, problem=f"{problem}, and no plain tensor")

    def _ordered(self, given: tuple[object, ...]) -> dict[object, object]:
        """An empty dict, or one of the pairs that Python 2 wrote as an argument."""
        pairs = given[0] if given and isinstance(given[0], list | tuple) else ()
        self._copied += len(pairs)
        if self._copied > MAX_OPERATIONS:
            raise ValueError("it copies the same list again and again")
        found: dict[object, object] = {}
        for pair in pairs:
            if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str):
                found[pair[0]] = pair[1]
        return found


def _tensor(given: tuple[object, ...]) -> Stored:
    """The tensor of a storage, an offset, sides, strides, and of what type where it says so."""
    storage, offset, sides, strides, *more = given
    if not isinstance(storage, Storage):
        raise TypeError("a tensor has no storage")
    if not isinstance(sides, tuple) or not isinstance(strides, tuple):
        raise TypeError("a tensor has no shape")
    if len(sides) != len(strides) or len(sides) > MAX_AXES:
        raise ValueError("the shape and the strides of a tensor disagree")
    shape, stride = tuple(map(_whole, sides)), tuple(map(_whole, strides))
    dtype, named = storage.dtype, more[2] if len(more) > 2 else None
    if isinstance(named, Global):  # of a storage without a type
        dtype = _DTYPES.get(named.name.removeprefix("torch."), dtype)
    return Stored(shape, dtype, stride, _whole(offset), storage)


def _whole(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**62:
        raise ValueError("a tensor has a side, a stride or an offset that is not a whole number")
    return value


# ----------------------------------------------------------------------------------------- files


def opened_archive(path: Path) -> object:
    """What lies in an archive, as torch has written it since 1.6."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    pickled = [part for part in parts if part.filename.endswith("data.pkl")]
    if not pickled:
        raise Unreadable("it is an archive of something else than torch's tensors")
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise Unreadable("its archive is compressed, which `torch.save` never does")
    owner = min((part.filename.removesuffix("data.pkl") for part in pickled), key=len)
    if any(part.filename.startswith((f"{owner}code/", f"{owner}constants.pkl")) for part in parts):
        help = "load it with `torch.jit.load`, and save its `state_dict()` with `torch.save`"
        raise Unreadable("it is a program of TorchScript, and not a file of tensors", help)
    content = _mapped(path)
    named = {part.filename: part for part in parts}
    order = named.get(f"{owner}byteorder")
    if order is not None and bytes(content[_span(content, order)]) == b"big":
        raise Unreadable("its numbers are stored with the highest byte first")
    reader = _Torch()
    span = _span(content, named[f"{owner}data.pkl"])
    if span.stop - span.start > MAX_PICKLE_BYTES:
        raise Unreadable(f"`{owner}data.pkl` in it is larger than 64 MiB")
    root = read_pickle(io.BytesIO(content[span]), reader.made, reader.referred)
    for key, place in reader.places.items():
        if (part := named.get(f"{owner}data/{key}")) is not None:
            span = _span(content, part)
            place.start, place.size, place.buffer = span.start, span.stop - span.start, content
    return root


def _span(content: mmap.mmap, part: zipfile.ZipInfo) -> slice:
    """Where in an archive the bytes of a part are."""
    header = content[part.header_offset : part.header_offset + LOCAL_HEADER]
    lengths = (int.from_bytes(header[place : place + 2], "little") for place in (26, 28))
    start = part.header_offset + LOCAL_HEADER + sum(lengths)
    if not header.startswith(b"PK\x03\x04") or start + part.file_size > len(content):
        raise ValueError("a part of its archive lies outside of it")
    return slice(start, start + part.file_size)


def opened_legacy(path: Path) -> object:
    """What lies in a row of pickles and storages, as torch wrote it before 1.6."""
    content, reader = _mapped(path), _Torch()
    values: list[object] = []
    with path.open("rb") as file:
        for _ in range(5):  # a magic number, a version, the machine, the value, storages by name
            values.append(read_pickle(file, reader.made, reader.referred))
            if values[0] != MAGIC:
                raise Unreadable("it is a pickle that `torch.save` did not write")
        start = file.tell()
    _, _, machine, root, keys = values
    if isinstance(machine, dict) and machine.get("little_endian") is False:
        raise Unreadable("its numbers are stored with the highest byte first")
    for key in keys if isinstance(keys, list) else ():
        place, width = reader.places[key], reader.widths.get(key, 1)
        count = int.from_bytes(content[start : start + 8], "little")
        start += 8
        place.start, place.buffer = start, content
        place.size = min(count * width, max(0, len(content) - start))
        start += count * width
    return root


def _mapped(path: Path) -> mmap.mmap:
    """The bytes of a file, read when they are looked at; torch wants to be able to write on them."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
