from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

import pytest

from archgen.train.audience import Audience
from archgen.train.progress import progress_on
from tests.train.test_progress import Terminal, tell


@pytest.fixture
def deserted() -> Iterator[TextIO]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


def test_nothing_fails_where_nobody_listens(deserted: TextIO) -> None:
    tell(progress_on(deserted))


def test_what_a_stream_still_holds_goes_nowhere(deserted: TextIO) -> None:
    audience = Audience(deserted)
    assert audience.write("held back") == len("held back")
    audience.flush()
    deserted.close()  # would raise: it flushes


def test_a_bar_on_a_terminal_that_is_gone_is_drawn_for_nobody() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    tell(progress_on(Gone()))


def test_who_listens_hears_everything_and_is_asked_what_it_is() -> None:
    stream = Terminal()
    audience = Audience(stream)
    audience.write("heard")
    assert (stream.getvalue(), audience.isatty()) == ("heard", True)
