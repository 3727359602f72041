"""Stopping on request: the first signal waits for a moment at which the run is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from archgen.train.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked this process to stop. The second request is no request any more."""

    def __init__(self) -> None:
        self._number: int | None = None

    def heed(self) -> None:
        """Raises Interrupted if a signal has come; called only where the run's state is whole."""
        if self._number is not None:
            raise Interrupted(self._number)

    def take(self, number: int, _frame: FrameType | None) -> None:
        """Notes the first signal; a second one stops wherever the process is."""
        if self._number is not None:
            raise KeyboardInterrupt
        self._number = number


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Inside, SIGINT and SIGTERM become a request, but for a signal that the process ignores.

    Outside the main thread, which alone may take signals, there are no requests.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = [number for number in SIGNALS if before[number] not in (signal.SIG_IGN, None)]
    for number in taken:
        signal.signal(number, request.take)
    try:
        yield request
    finally:
        for number in taken:
            signal.signal(number, before[number])
