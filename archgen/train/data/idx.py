"""The IDX format of MNIST: a magic number, the dimensions, then bytes; here always gzipped.

Layout: two zero bytes, 0x08 for unsigned bytes, the number of dimensions, each dimension as a
big-endian uint32, then the values in row-major order.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archgen.train.errors import DataError

Pixels = NDArray[np.uint8]

MAX_BYTES = 2**30
FILES: dict[Literal["train", "test"], tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def encode(values: Pixels) -> bytes:
    """`values` as gzipped IDX, with no time, name or operating system in the gzip header."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(header + values.tobytes())
    return packed.getvalue()


def decode(packed: bytes, name: str, ndim: int) -> Pixels:
    """The array of `ndim` dimensions in a gzipped IDX file; `name` is what errors call it."""
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            shape = _read_shape(file.read(4 + 4 * ndim), name, ndim)
            count = math.prod(shape)
            if count > MAX_BYTES:
                raise DataError(f"`{name}` declares {count} bytes; the limit is {MAX_BYTES}")
            values = file.read(count)
            surplus = file.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"`{name}` is not a whole gzip file: {error}") from error
    if len(values) != count or surplus:
        raise DataError(f"`{name}` does not hold the {count} bytes that its header declares")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _read_shape(header: bytes, name: str, ndim: int) -> tuple[int, ...]:
    if header[:4] != bytes((0, 0, 8, ndim)) or len(header) != 4 + 4 * ndim:
        raise DataError(f"`{name}` is not an IDX file of unsigned bytes with {ndim} dimensions")
    return struct.unpack(f">{ndim}I", header[4:])
