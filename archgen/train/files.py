"""Files that are whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = ".archgen-{}.tmp"
TEMPORARIES = _TEMPORARY.format("*")  # the pattern of their names


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder; what is written there becomes `path` at once.

    The content is on the disk before the name is. If the block raises, `path` is as it was. The
    temporary name cannot be foreseen and is made anew, so nobody can have put a link there.
    """
    temporary = path.with_name(_TEMPORARY.format(os.urandom(8).hex()))
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Removes what killed processes left of files that were never whole."""
    for path in folder.glob(TEMPORARIES):
        path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a file is what a killed process left of one that was never whole."""
    return path.match(TEMPORARIES)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable, where folders can be opened (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
