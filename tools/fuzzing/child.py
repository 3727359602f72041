"""One batch of cases in a process of its own, so that a crash or a hang of one case is an outcome too."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from time import monotonic, process_time
from typing import NamedTuple

from tools.fuzzing.outcome import Failure, Outcome, Target

POLL = 0.5


class Batch(NamedTuple):
    """What came of some seeds; of a batch that was cut off, of the first of them only."""

    outcomes: tuple[Outcome, ...]
    seconds: float


class ChildFailed(Exception):
    """The process of a batch crashed, hung or raised; `done` cases had come of it before."""

    def __init__(self, done: int, what: str) -> None:
        super().__init__(what)
        self.done = done
        self.what = what


def run_batch(target: Target, seeds: range, seconds: float) -> Batch:
    """The outcomes of the seeds, until `seconds` of CPU are spent.

    Where the process does not survive, the cases that had not come of it run again one by one, and
    the first that its process does not survive is the failure.
    """
    try:
        return _in_child(target, seeds, seconds)
    except ChildFailed as error:
        sound = _in_child(target, seeds[: error.done], float("inf"))
        together = error
    outcomes, spent = [*sound.outcomes], sound.seconds
    for seed in seeds[together.done :]:
        try:
            alone = _in_child(target, range(seed, seed + 1), float("inf"))
        except ChildFailed as error:
            return Batch((*outcomes, _failed(target, seed, error.what)), spent)
        outcomes += alone.outcomes
        spent += alone.seconds
    # No case fails alone: the failure is of them together, told of the last.
    what = f"only after seeds {seeds[0]} to {seeds[-1] - 1} in one process: {together.what}"
    return Batch((*outcomes[:-1], _failed(target, seeds[-1], what)), spent)


def _failed(target: Target, seed: int, what: str) -> Outcome:
    return Outcome(seed, 0.0, Failure(what, input_of(target, seed)), "no answer")


def input_of(target: Target, seed: int) -> str:
    """The text of a case, as far as its target can tell it without running the case."""
    text_of = getattr(target, "text_of", None)
    return str(text_of(seed)) if text_of else f"the case of seed {seed}"


def _in_child(target: Target, seeds: range, seconds: float) -> Batch:
    """Raises ChildFailed."""
    context = multiprocessing.get_context("fork")
    done = context.RawValue("q", 0)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(target, seeds, seconds, done, theirs))
    process.start()
    theirs.close()
    try:
        answer = _wait(process, ours, done, getattr(target, "PATIENCE", 30.0))
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(answer, str):
        raise ChildFailed(done.value, answer)
    return answer


def _wait(
    process: multiprocessing.process.BaseProcess, pipe: Connection, done: object, patience: float
) -> Batch | str:
    """The batch, or why there is none."""
    seen, since = -1, monotonic()
    while not pipe.poll(POLL):
        value = getattr(done, "value", 0)
        if value != seen:
            seen, since = value, monotonic()
        elif monotonic() - since > patience:
            return f"no answer for {patience:g} s"
    try:
        answer: Batch | str = pipe.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        return f"the process ended {ended}"
    return answer


def _work(target: Target, seeds: range, seconds: float, done: object, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    began = process_time()
    outcomes: list[Outcome] = []
    try:
        for outcome in _until(target, seeds, began + seconds):
            outcomes.append(outcome)
            done.value = len(outcomes)  # type: ignore[attr-defined]  # a shared number
        pipe.send(Batch(tuple(outcomes), _spent() - began))
    except Exception:  # noqa: BLE001  # a target that raises is told beside its seed
        pipe.send(f"the target raised:\n{traceback.format_exc()}")


def _until(target: Target, seeds: range, end: float) -> Iterator[Outcome]:
    for outcome in target.run(seeds):
        yield outcome
        if process_time() > end:
            return


def _spent() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    times = os.times()
    return process_time() + times.children_user + times.children_system
