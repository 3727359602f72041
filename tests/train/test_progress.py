from __future__ import annotations

import io

import pytest

from archgen.train.evaluation import Evaluation
from archgen.train.progress import (
    BarProgress,
    LineProgress,
    Progress,
    StepReport,
    clock_text,
    progress_on,
)

EVALUATION = Evaluation(count=200, loss=0.5, correct_top1=170, correct_top5=199)


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def report(step: int, steps: int = 1000) -> StepReport:
    return StepReport(step, steps, 0, 1.25, 0.5, 0.01, 640.0, 75.0)


def tell(progress: Progress) -> None:
    progress.start(1000)
    for step in range(1, 1001):
        progress.stepped()
        if step % 10 == 0:
            progress.trained(report(step))
    progress.tested(1000, EVALUATION)
    progress.stop()


def test_a_pipe_gets_about_twenty_plain_lines() -> None:
    stream = io.StringIO()
    tell(progress_on(stream))
    lines = stream.getvalue().splitlines()
    assert 20 <= len(lines) <= 22
    assert "\x1b" not in stream.getvalue()
    assert lines[0] == ("step 10/1000  loss 1.250  accuracy 50.0%  lr 0.01  640 img/s  1:15 left")
    assert lines[-1] == "step 1000  test: loss 0.500  top-1 85.00%  top-5 99.50%  of 200 images"


def test_a_short_run_shows_every_report() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.start(4)
    for step in range(1, 5):
        progress.trained(report(step, steps=4))
    assert len(stream.getvalue().splitlines()) == 4


def test_a_terminal_gets_a_bar_and_a_line_for_each_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = progress_on(stream)
    assert isinstance(progress, BarProgress)
    tell(progress)
    assert "1000/1000" in stream.getvalue()
    assert "640 img/s" in stream.getvalue()
    assert "top-1 85.00%" in stream.getvalue()


def test_a_bar_that_never_started_can_be_stopped() -> None:
    stream = Terminal()
    BarProgress(stream).stop()
    assert "training" not in stream.getvalue()


def test_a_bare_progress_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    tell(Progress())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (75, "1:15"), (3661, "1:01:01")]
)
def test_clocks_read_as_clocks(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
