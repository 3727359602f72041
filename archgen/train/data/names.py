"""Millions of names in a few bytes each: one blob, and where each name ends.

A list of Python strings would be copied page by page into every loading process, since reading a
string changes its reference count; an array is shared for as long as it lives.
"""

from __future__ import annotations

import os
import unicodedata
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


def told_apart(name: str, others: Iterable[str]) -> str:
    """What tells a name from one of `others` that looks the same; nothing where none does.

    Unicode writes an accented letter as one character (NFC) or as two (NFD), as file systems of macOS do.
    """
    plain = unicodedata.normalize("NFC", name)
    for other in others:
        if other != name and unicodedata.normalize("NFC", other) == plain:
            return (
                f"`{other}` looks the same and is written otherwise ({_form(other)}: {other!a}, "
                f"and {_form(name)}: {name!a}): rename one of them"
            )
    return ""


def _form(name: str) -> str:
    forms = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, name)]
    return forms[0] if forms else "mixed"
