"""What stops a training run; every message is written for the person who started it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TrainingError(Exception):
    """Training cannot start, or cannot go on; the message says why and what to change."""


class DataError(TrainingError):
    """The images cannot be used; the message names the file or folder at fault."""


class Unwritable(TrainingError):
    """A file of the run cannot be written, a full disk above all; what was whole before still is.

    `advice` says how much of the run that is, and what to type.
    """

    def __init__(self, path: Path, cause: OSError, advice: str = "") -> None:
        self.path, self.cause = path, cause
        reason = "the disk is full" if self.is_full else (cause.strerror or str(cause)).lower()
        super().__init__(
            f"`{path}` cannot be written: {reason}" + (f"; {advice}" if advice else "")
        )

    @property
    def is_full(self) -> bool:
        """Whether the disk is full, or what this user may have of it."""
        return self.cause.errno in (errno.ENOSPC, errno.EDQUOT)


class Diverged(TrainingError):
    """A loss or a weight is no number any more, so going on would be for nothing."""


class PeerLost(TrainingError):
    """Another process of this run is gone: what it was doing is lost, and the run may be resumed."""


class Interrupted(Exception):
    """A signal asked the run to stop, and the run did so where it can go on later."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"stopped by signal {signal}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Inside, what the system refuses becomes `Unwritable`, which says of what file."""
    try:
        yield
    except OSError as error:
        raise Unwritable(path, error) from error
