"""What stops a training run; every message is written for the person who started it."""

from __future__ import annotations


class TrainingError(Exception):
    """Training cannot start, or cannot go on; the message says why and what to change."""


class DataError(TrainingError):
    """The images cannot be used; the message names the file or folder at fault."""


class Diverged(TrainingError):
    """A loss or a weight is no number any more, so going on would be for nothing."""


class PeerLost(TrainingError):
    """Another process of this run is gone: what it was doing is lost, and the run may be resumed."""


class Interrupted(Exception):
    """A signal asked the run to stop, and the run did so where it can go on later."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"stopped by signal {signal}")
