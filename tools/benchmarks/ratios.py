"""What several tasks take, measured in turns, and its ratio to what a base takes, as a table."""

from __future__ import annotations

import gc
import platform
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

Task = Callable[[], object]
Clock = Callable[[], float]
WORDS = {0, 5}  # the columns of a table that hold no numbers
DRAWS = 2000


class Unit(NamedTuple):
    """What amounts are printed in: a name, and how many of it one second or one byte is."""

    name: str
    factor: float

    def shown(self, amount: float) -> str:
        """The amount with its unit."""
        return f"{amount * self.factor:,.0f} {self.name}"


MILLISECONDS = Unit("ms", 1e3)
MEGABYTES = Unit("MB", 1e-6)


class Ratio(NamedTuple):
    """What a task and its base take, and the most that the one may be of the other.

    `seconds` and `base` are seconds or, with the unit MEGABYTES, bytes. The ratio is known to
    `noise`, and within its aim where its lower end is.
    """

    task: str
    seconds: float
    base: float
    aim: float | None = None
    noise: float | None = None
    unit: Unit = MILLISECONDS

    @property
    def value(self) -> float:
        """What the task takes for each one that the base takes."""
        return self.seconds / self.base

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        least = self.value - (self.noise or 0.0)
        verdict = "" if self.aim is None else "ok" if least <= self.aim else "over"
        aim = "" if self.aim is None else f"{self.aim:.2f}"
        amounts = (self.unit.shown(self.seconds), self.unit.shown(self.base))
        noise = "" if self.noise is None else f" ± {self.noise:.2f}"
        return (self.task, *amounts, f"{self.value:.2f}{noise}", aim, verdict)


def ratio_of_medians(
    task: str, turns: Sequence[float], base: Sequence[float], aim: float | None
) -> Ratio:
    """The ratio of two tasks that had their turns in the same rounds.

    Its noise is half the width of the middle 95 % of what the ratio is of rounds drawn again and
    again, with replacement, from those measured (the bootstrap).
    """
    draw = random.Random(0)
    rounds = list(zip(turns, base, strict=True))
    drawn = sorted(_medians(draw.choices(rounds, k=len(rounds))) for _ in range(DRAWS))
    noise = (drawn[int(0.975 * DRAWS)] - drawn[int(0.025 * DRAWS)]) / 2
    return Ratio(task, statistics.median(turns), statistics.median(base), aim, noise)


def _medians(rounds: Sequence[tuple[float, float]]) -> float:
    """The ratio of the medians of both tasks over `rounds`."""
    return statistics.median(x for x, _ in rounds) / statistics.median(y for _, y in rounds)


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


def take_turns(tasks: Mapping[str, Task], *, rounds: int, clock: Clock) -> dict[str, list[float]]:
    """What `clock` says of each task in each round, every other round backwards: A B, B A, A B."""
    turns: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds):
        for name in list(tasks)[:: -1 if number % 2 else 1]:
            turns[name].append(_time(tasks[name], clock))
    return turns


def _time(task: Task, clock: Clock) -> float:
    gc.collect()
    start = clock()
    made = task()
    elapsed = clock() - start
    del made  # what a task makes is thrown away on nobody's time
    return elapsed


def print_ratios(title: str, base: str, ratios: Iterable[Ratio], *, what: str = "time") -> None:
    """A table for the terminal that is also one for Markdown."""
    heads = ("task", what, base, "ratio", "aim", "")
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
