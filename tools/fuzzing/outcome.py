"""What a target of the fuzzer offers, and what came of one of its cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Failure(NamedTuple):
    """A case that broke a promise: which one, and the spec or the bytes that show it."""

    what: str
    text: str


class Outcome(NamedTuple):
    """One case: its seed, its CPU seconds, what was wrong, and a short class for the tally."""

    seed: int
    seconds: float
    failure: Failure | None
    what: str


class Target(Protocol):
    """A module of `tools.fuzzing`. A seed makes the same case every time, whatever ran before it.

    A target may also say how many wall seconds it may stay silent, as `PATIENCE`, and show a case
    with all that was found, by `show(seed)`.
    """

    NAME: str
    BATCH: int

    def run(self, seeds: range) -> Iterator[Outcome]:
        """One outcome a seed, in the order of the seeds."""
