"""Runs targets in batches until their cases or seconds are reached, and tells what came of them."""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.fuzzing.child import run_batch
from tools.fuzzing.outcome import Outcome, Target
from tools.fuzzing.state import Progress, State

TARGETS = ("bytes", "layout", "edits", "views", "networks", "faults")
SHOWN = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 without failures, 1 with some, 2 for a wrong command, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    names = [name for name in TARGETS if name in options.targets]
    try:
        state = State(options.state)
        for name in names:
            state.progress(name, options.seed)
    except ValueError as error:
        print(f"tools/fuzz: {error}", file=sys.stderr)
        return 2
    interrupted = False
    try:
        for name in names:
            _run(_target(name), state, options)
    except KeyboardInterrupt:
        interrupted = True
    progresses = [(name, state.progress(name, options.seed)) for name in names]
    _tell(progresses, options)
    if interrupted:
        return 130
    return int(any(progress.failures for _, progress in progresses))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/fuzz",
        description="Tries the compiler on made-up input and holds it to what it promises.",
        epilog="A seed makes the same case every time: `tools/fuzz edits --seed 17 --cases 1 -v` "
        "shows case 17. With --state, a stopped run goes on with the same command.",
    )
    parser.add_argument("targets", nargs="+", choices=TARGETS, metavar="TARGET", help=str(TARGETS))
    parser.add_argument("--cases", type=_count, default=None, help="cases of each target in all")
    parser.add_argument(
        "--seconds", type=float, default=None, help="CPU seconds of each target in this run"
    )
    parser.add_argument("--seed", type=_count, default=0, help="the first seed (default 0)")
    parser.add_argument("--state", type=Path, help="a JSON file that keeps the progress")
    parser.add_argument("-v", "--verbose", action="store_true", help="show inputs and tallies")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _target(name: str) -> Target:
    target: Target = importlib.import_module(f"tools.fuzzing.{name}")
    return target


def _run(target: Target, state: State, options: argparse.Namespace) -> None:
    """Goes on with a target until its cases or its seconds are reached."""
    progress = state.progress(target.NAME, options.seed)
    if options.cases is None and options.seconds is None:
        options.cases = 1000
    end = None if options.cases is None else progress.first + options.cases
    limit = float("inf") if options.seconds is None else progress.seconds + options.seconds
    gc.collect()
    gc.freeze()  # what is shared with the processes of the batches stays shared
    while (end is None or progress.next < end) and progress.seconds < limit:
        stop = progress.next + target.BATCH
        seeds = range(progress.next, stop if end is None else min(stop, end))
        batch = run_batch(target, seeds, limit - progress.seconds)
        progress.take(batch.outcomes, batch.seconds)
        state.keep(target.NAME, batch.outcomes)
        _tell_cases(target, batch.outcomes, options)


def _tell_cases(target: Target, outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    """With --verbose, the failures of a batch; of a run of one case, what the target shows of it."""
    if not options.verbose:
        return
    show = getattr(target, "show", None) if options.cases == 1 else None
    for outcome in outcomes:
        if outcome.failure is not None:
            what, text = outcome.failure
            told = "" if show is not None else f"\n{_printable(text)}"
            print(f"--- {target.NAME} {outcome.seed}: {what}{told}", flush=True)
        if show is not None:
            print(_printable(show(outcome.seed)), flush=True)


def _printable(text: str) -> str:
    """The text as a terminal can take it."""
    return "".join(c if c == "\n" or c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


def _tell(progresses: Sequence[tuple[str, Progress]], options: argparse.Namespace) -> None:
    """The table, the first failures and how to see them again."""
    print(f"{'target':<10}{'cases':>10}{'failures':>10}{'CPU s':>10}{'cases/s':>10}  slowest case")
    for name, progress in progresses:
        rate = progress.cases / progress.seconds if progress.seconds else 0.0
        slowest = f"{progress.slowest:.3f} s, seed {progress.slowest_seed}"
        print(
            f"{name:<10}{progress.cases:>10,}{len(progress.failures):>10,}"
            f"{progress.seconds:>10.1f}{rate:>10,.0f}  {slowest if progress.cases else '-'}"
        )
    for name, progress in progresses:
        if options.verbose:
            for what, count in sorted(progress.tally.items(), key=lambda item: -item[1]):
                print(f"{name}: {count:>9,}  {what}")
        for failure in progress.failures[:SHOWN]:
            first_line = _printable(failure["what"].partition("\n")[0])
            print(f"{name}: {first_line}")
            print(f"    tools/fuzz {name} --seed {failure['seed']} --cases 1 -v")
        if len(progress.failures) > SHOWN:
            print(f"{name}: and {len(progress.failures) - SHOWN:,} more")
