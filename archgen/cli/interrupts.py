"""What Ctrl-C does in a process of ours: end it at once, or unwind it where files are put in order.

Installed before anything else is imported, so this module imports as little as it can.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from archgen.cli.exit_codes import INTERRUPTED

_met: list[int] = []


def take_interrupts() -> None:
    """From here on an interrupt ends the process at once; not where interrupts are ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def ignore_interrupts() -> None:
    """From here on an interrupt changes nothing: the work is done, and only the interpreter ends.

    Without `take_interrupts` before, nothing is changed.
    """
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def unwinding() -> Iterator[None]:
    """Inside, an interrupt raises KeyboardInterrupt, so that every `finally` has its turn.

    Without `take_interrupts` before, nothing is changed.
    """
    yield from _handled_by(_unwind)


@contextmanager
def leaving() -> Iterator[None]:
    """Inside, an interrupt ends the process at once: for imports of libraries.

    Some take a KeyboardInterrupt for a failure of their own and go on, or tell of an ImportError.
    """
    yield from _handled_by(_leave)


def was_interrupted() -> bool:
    """Whether an interrupt was met, whatever the libraries on its way made of it."""
    return bool(_met)


def _handled_by(handler: object) -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    if before not in (_leave, _unwind):
        yield
        return
    signal.signal(signal.SIGINT, _leave if handler is _leave else _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _unwind(number: int, _frame: FrameType | None) -> None:
    _met.append(number)
    raise KeyboardInterrupt
