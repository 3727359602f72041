"""One process at a time in a run folder: two that train there would undo each other's work."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archgen.train.errors import TrainingError

if sys.platform != "win32":
    import fcntl

LOCK_FILE = "lock"
_MAX_OWNER_BYTES = 300
_TAKEN = (errno.EACCES, errno.EAGAIN)
_UNABLE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

_ours: set[tuple[int, Path]] = set()


@contextmanager
def locked(folder: Path) -> Iterator[str | None]:
    """Keeps every other process that asks for it out of a run folder, or raises `TrainingError`.

    The lock is the kernel's, on the file `lock`: it goes with the process, however that ends, and
    the file means nothing by itself. Yields None, or a line for the person where nothing here can
    keep others out: on Windows, and on network file systems without locks.
    """
    ours = (os.getpid(), folder.resolve())
    if ours in _ours:
        raise TrainingError(f"this process already trains in `{folder}`; name another run folder")
    path = folder / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise TrainingError(f"`{path}` cannot be opened: {error.strerror}") from error
    _ours.add(ours)
    try:
        unlocked = _take(descriptor, folder)
        _write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n")
        try:
            yield unlocked
        finally:
            _write(descriptor, "")
    finally:
        _ours.discard(ours)
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> str | None:
    """Locks the open file; None, or why that cannot be."""
    if sys.platform == "win32":
        return f"this system has no locks: start no second run in `{folder}` meanwhile"
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNABLE:
            return (
                f"the file system of `{folder}` has no locks ({error.strerror}): "
                "start no second run there meanwhile"
            )
        if error.errno not in _TAKEN:
            raise TrainingError(f"`{folder}` cannot be locked: {error.strerror}") from error
        owner = os.read(descriptor, _MAX_OWNER_BYTES).decode(errors="replace")
        owner = " ".join(filter(str.isprintable, owner.split())) or "another process"
        raise TrainingError(
            f"`{folder}` is in use: {owner} trains there; "
            "wait for it or stop it, or name another run folder"
        ) from error
    return None


def _write(descriptor: int, text: str) -> None:
    """Says in the file whose the lock is; a full disk is no reason not to train."""
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text.encode())
    except OSError:
        return
