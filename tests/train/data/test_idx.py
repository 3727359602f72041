from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from archgen.train import DataError
from archgen.train.data import idx

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_what_is_encoded_is_decoded() -> None:
    assert np.array_equal(idx.decode(idx.encode(IMAGES), "x", 3), IMAGES)
    assert np.array_equal(idx.decode(idx.encode(IMAGES[0, 0]), "x", 1), IMAGES[0, 0])


def test_encoding_is_reproducible_and_carries_no_time() -> None:
    packed = idx.encode(IMAGES)
    assert packed == idx.encode(IMAGES)
    assert packed[4:8] == bytes(4)


@pytest.mark.parametrize("keep", [0, 5, 30, -9, -1])
def test_a_truncated_file_is_refused_by_name(keep: int) -> None:
    with pytest.raises(DataError, match=r"`odd\.gz`"):
        idx.decode(idx.encode(IMAGES)[:keep], "odd.gz", 3)


@pytest.mark.parametrize(
    ("header", "values", "word"),
    [
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 3, 4), bytes(23), "does not hold the 24 bytes"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 3, 4), bytes(25), "does not hold the 24 bytes"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**31] * 3), b"", "declares"),
        (struct.pack(">BBBB3I", 0, 0, 13, 3, 2, 3, 4), bytes(24), "not an IDX file"),
        (struct.pack(">BBBB1I", 0, 0, 8, 1, 24), bytes(24), "not an IDX file"),
        (b"", b"", "not an IDX file"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(header: bytes, values: bytes, word: str) -> None:
    with pytest.raises(DataError, match=word):
        idx.decode(gzip.compress(header + values), "odd.gz", 3)


def test_what_is_no_gzip_file_is_refused() -> None:
    with pytest.raises(DataError, match="not a whole gzip file"):
        idx.decode(b"\x89PNG and so on", "odd.gz", 3)
