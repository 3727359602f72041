"""Times of several tasks, taken in turns, and their ratios to a base as a table."""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

Task = Callable[[], object]
Clock = Callable[[], float]
WORDS = {0, 5}  # the columns of a table that hold no numbers


class Ratio(NamedTuple):
    """The seconds of a task and of its base, and the most that the one may be of the other."""

    task: str
    seconds: float
    base: float
    aim: float | None = None

    @property
    def value(self) -> float:
        """Seconds of the task for each second of the base."""
        return self.seconds / self.base

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        verdict = "" if self.aim is None else "ok" if self.value <= self.aim else "over"
        aim = "" if self.aim is None else f"{self.aim:.2f}"
        seconds = (f"{1000 * value:,.0f} ms" for value in (self.seconds, self.base))
        return (self.task, *seconds, f"{self.value:.2f}", aim, verdict)


def measure(
    tasks: Mapping[str, Task],
    *,
    rounds: int,
    clock: Clock,
    summary: Callable[[Sequence[float]], float],
) -> dict[str, float]:
    """What `clock` says of each task: `summary` of rounds in which each task has one turn.

    One more round, before the others, warms caches and is not counted.
    """
    turns = [{name: _time(task, clock) for name, task in tasks.items()} for _ in range(rounds + 1)]
    return {name: summary([turn[name] for turn in turns[1:]]) for name in tasks}


def _time(task: Task, clock: Clock) -> float:
    gc.collect()
    start = clock()
    made = task()
    elapsed = clock() - start
    del made  # what a task makes is thrown away on nobody's time
    return elapsed


def print_ratios(title: str, base: str, ratios: Iterable[Ratio]) -> None:
    """A table for the terminal that is also one for Markdown."""
    heads = ("task", "time", base, "ratio", "aim", "")
    rows = [ratio.cells() for ratio in ratios]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(f"{title}\n")
    rule = [
        f"{'-' * (width - 1)}{'-' if place in WORDS else ':'}" for place, width in enumerate(widths)
    ]
    for row in (_aligned(heads, widths), rule, *(_aligned(row, widths) for row in rows)):
        print(f"| {' | '.join(row)} |")
    print()


def _aligned(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    """Words to the left, numbers to the right."""
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if place in WORDS else cell.rjust(width)


def versions(*packages: str) -> str:
    """The Python that runs and the packages measured, with their versions."""
    return ", ".join(
        (
            f"Python {platform.python_version()}",
            *(f"{package} {version(package)}" for package in packages),
        )
    )
