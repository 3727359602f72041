"""Stopping on request: the first signal waits for a moment at which the run is whole."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from archgen.train.errors import Interrupted

HANGUP = getattr(signal, "SIGHUP", None)  # the terminal is gone; Windows has no such signal
SIGNALS = (signal.SIGINT, signal.SIGTERM, *(() if HANGUP is None else (HANGUP,)))


class StopRequest:
    """Whether somebody asked this process to stop. The second request is no request any more.

    One of several processes, which a launcher has started, is often told twice: by whoever signals
    all of them, and by the launcher. There a second request is still one, and the launcher, which
    kills what does not end, counts time. That the launcher is gone is a request too. And where a
    connection breaks, the shell tells of it as well as the system: that is one request everywhere.
    """

    def __init__(self, *, is_launched: bool = False) -> None:
        self._number: int | None = None
        self._launcher = os.getppid() if is_launched else None

    def heed(self) -> None:
        """Raises Interrupted if a signal has come; called only where the run's state is whole."""
        if self._number is not None:
            raise Interrupted(self._number)
        if self._launcher is not None and os.getppid() != self._launcher:
            raise Interrupted(signal.SIGTERM)

    def take(self, number: int, _frame: FrameType | None) -> None:
        """Notes the first signal; a second one stops wherever the process is."""
        if self._number is not None and self._launcher is None and number != HANGUP:
            raise KeyboardInterrupt
        self._number = number if self._number is None else self._number


@contextmanager
def stop_requests(*, is_launched: bool = False) -> Iterator[StopRequest]:
    """Inside, SIGINT, SIGTERM and SIGHUP become a request, but for a signal that the process ignores.

    Outside the main thread, which alone may take signals, there are no requests.
    """
    request = StopRequest(is_launched=is_launched)
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
