"""A stream to people, who may leave: what cannot be told any more is dropped, and the work goes on."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO


class Audience:
    """A text stream whose reader may close a pipe or a terminal, or whose disk may be full.

    From the first failure on it takes everything and tells nobody: `metrics.jsonl` has it all.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self._is_terminal = stream.isatty()
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether a terminal was there at first."""
        return self._is_terminal

    def write(self, text: str) -> int:
        """Passes `text` on while somebody is there; returns its length either way."""
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError:
                self._leave()
        return len(text)

    def flush(self) -> None:
        """Passes on what the stream holds back, while somebody is there."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._leave()

    def _leave(self) -> None:
        """Sends nowhere what the stream still holds, which the interpreter flushes at its end."""
        assert self._stream is not None
        stream, self._stream = self._stream, None
        with suppress(OSError, ValueError):  # a stream that is no file of the system holds nothing
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
