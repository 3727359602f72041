"""What a person sees while a network trains: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TextIO, cast

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from archgen.harmless import harmless
from archgen.train.audience import Audience
from archgen.train.evaluation import Evaluation

_PLAIN_LINES = 20


@dataclass(frozen=True, slots=True)
class StepReport:
    """Training since the last report: loss and top-1 are means over its images.

    `step` counts finished steps and `epoch` how often the training images have been gone through, with
    its fraction; both of a total. `data_wait` is the share of the time that went by until batches were
    there, and `mfu` the share of the devices' arithmetic that was used, where that is known.
    """

    step: int
    steps: int
    epoch: float
    epochs: float
    loss: float
    top1: float
    learning_rate: float
    images_per_second: float
    data_wait: float
    seconds_left: float
    mfu: float | None = None


class Progress:
    """Where a run shows itself. By itself it shows nothing."""

    def start(self, steps: int, done: int = 0) -> None:
        """Training of that many steps begins, or goes on after `done` of them."""

    def tell(self, line: str) -> None:
        """Something happened that a person should know of."""

    def stepped(self) -> None:
        """One more step is done."""

    def trained(self, report: StepReport) -> None:
        """The steps since the last report are measured."""

    def tested(self, step: int, evaluation: Evaluation) -> None:
        """The test images have been evaluated after `step` finished steps."""

    def stop(self) -> None:
        """Training is over, one way or another."""


def progress_on(stream: TextIO) -> Progress:
    """A bar where `stream` is a terminal, lines otherwise; nothing once nobody is there to see them."""
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


class SharedProgress(Progress):
    """Several that are all told the same."""

    def __init__(self, *others: Progress) -> None:
        self._others = others

    def start(self, steps: int, done: int = 0) -> None:
        """Starts each."""
        for other in self._others:
            other.start(steps, done)

    def tell(self, line: str) -> None:
        """Tells each."""
        for other in self._others:
            other.tell(line)

    def stepped(self) -> None:
        """Moves each."""
        for other in self._others:
            other.stepped()

    def trained(self, report: StepReport) -> None:
        """Reports to each."""
        for other in self._others:
            other.trained(report)

    def tested(self, step: int, evaluation: Evaluation) -> None:
        """Reports to each."""
        for other in self._others:
            other.tested(step, evaluation)

    def stop(self) -> None:
        """Stops each."""
        for other in self._others:
            other.stop()


class LineProgress(Progress):
    """About twenty lines a run, without control characters: for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Audience(stream)
        self._next_line = 0.0

    def tell(self, line: str) -> None:
        """The line."""
        self._print(harmless(line))

    def trained(self, report: StepReport) -> None:
        """A line, once another twentieth of the run is done."""
        if report.step >= self._next_line:
            self._next_line = report.step + report.steps / _PLAIN_LINES
            self._print(f"step {report.step}/{report.steps}  {step_text(report)}")

    def tested(self, step: int, evaluation: Evaluation) -> None:
        """Always a line."""
        self._print(f"step {step}  {evaluation_text(evaluation)}")

    def _print(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarProgress(Progress):
    """A bar with the latest figures beside it, and a lasting line for each evaluation."""

    def __init__(self, stream: TextIO) -> None:
        self._bar = _new_bar(stream)
        self._task = self._bar.add_task("training", total=None, figures="")

    def start(self, steps: int, done: int = 0) -> None:
        """Draws the bar, empty but for what was done before."""
        self._bar.update(self._task, total=steps, completed=done)
        self._bar.start()

    def tell(self, line: str) -> None:
        """Writes the line above the bar."""
        self._bar.console.print(harmless(line), markup=False, highlight=False)

    def stepped(self) -> None:
        """Moves the bar by one step."""
        self._bar.advance(self._task)

    def trained(self, report: StepReport) -> None:
        """Renews the figures beside the bar."""
        self._bar.update(self._task, figures=step_text(report))

    def tested(self, step: int, evaluation: Evaluation) -> None:
        """Writes a line above the bar."""
        self.tell(f"step {step}  {evaluation_text(evaluation)}")

    def stop(self) -> None:
        """Leaves the bar as it is and gives the terminal back."""
        self._bar.stop()


def step_text(report: StepReport) -> str:
    """The figures of a report on one line."""
    mfu = "" if report.mfu is None else f"  MFU {report.mfu:.0%}"
    return (
        f"epoch {report.epoch:.3g}/{report.epochs:.3g}  loss {report.loss:.3f}  "
        f"top-1 {report.top1:.1%}  lr {report.learning_rate:.2g}  "
        f"{report.images_per_second:.0f} img/s  data {report.data_wait:.0%}{mfu}  "
        f"ETA {clock_text(report.seconds_left)}"
    )


def evaluation_text(evaluation: Evaluation) -> str:
    """The figures of an evaluation on one line."""
    return (
        f"test: loss {evaluation.loss:.3f}  top-1 {evaluation.top1:.2%}  "
        f"top-5 {evaluation.top5:.2%}  of {evaluation.count} images"
    )


def clock_text(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _new_bar(stream: TextIO) -> rich.progress.Progress:
    return rich.progress.Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        console=Console(file=cast("IO[str]", Audience(stream))),  # it writes, and asks what it is
    )
