from __future__ import annotations

import io
from dataclasses import replace

import pytest

from archgen.train.evaluation import Evaluation
from archgen.train.progress import (
    BarProgress,
    LineProgress,
    Progress,
    SharedProgress,
    StepReport,
    clock_text,
    progress_on,
    step_text,
)

EVALUATION = Evaluation(count=200, loss=0.5, correct_top1=170, correct_top5=199)


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def report(step: int, steps: int = 1000) -> StepReport:
    return StepReport(
        step=step,
        steps=steps,
        epoch=step / 40,
        epochs=steps / 40,
        loss=1.25,
        top1=0.5,
        learning_rate=0.01,
        images_per_second=640.0,
        data_wait=0.03,
        seconds_left=75.0,
    )


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
    assert lines[0] == (
        "step 10/1000  epoch 0.25/25  loss 1.250  top-1 50.0%  lr 0.01  640 img/s  data 3%  ETA 1:15"
    )
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


def test_how_much_of_a_gpu_is_used_is_shown_where_it_is_known() -> None:
    assert "data 3%  MFU 42%  ETA 1:15" in step_text(replace(report(10), mfu=0.4184))


def test_several_are_all_told_the_same() -> None:
    one, other = io.StringIO(), io.StringIO()
    tell(SharedProgress(LineProgress(one), LineProgress(other)))
    assert one.getvalue() == other.getvalue() != ""


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
