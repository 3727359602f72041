"""What Ctrl-C does in a process of ours: it ends it at once, or as soon as a file is whole.

No handler here raises: an exception out of the blue is lost in callbacks of the interpreter, taken for
something else by libraries, and fatal in C++. Installed before anything else is imported, so this
module imports as little as it can.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
def writing() -> Iterator[None]:
    """Inside, an interrupt waits: files are put in order first, and then it ends the process.

    Without `take_interrupts` before, or inside another one, nothing is changed.
    """
    if signal.getsignal(signal.SIGINT) is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, _wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _leave)
        if _met:
            _leave(signal.SIGINT, None)


def _wait(number: int, _frame: FrameType | None) -> None:
    _met.append(number)


def _leave(_number: int, _frame: FrameType | None) -> None:
    with suppress(OSError):  # nobody may be there to hear it
        os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
