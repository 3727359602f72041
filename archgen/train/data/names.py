"""Millions of names in a few bytes each: one blob, and where each name ends.

A list of Python strings would be copied page by page into every loading process, since reading a
string changes its reference count; an array is shared for as long as it lives.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A sequence of file names that cannot be changed."""

    blob: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """The names in their order; names that are no Unicode come back as they were."""
        blob, ends = bytearray(), [0]
        for name in names:
            blob += os.fsencode(name)
            ends.append(len(blob))
        return cls(np.frombuffer(bytes(blob), np.uint8), np.array(ends, np.int64))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> str:
        start, end = self.ends[index : index + 2]
        return os.fsdecode(self.blob[start:end].tobytes())
