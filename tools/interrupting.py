"""Interrupts every command at many moments, from its first millisecond to its last.

    tools/interrupts                     # every command, 40 moments each
    tools/interrupts build --count 400   # one command, densely

Prints for each command how often the interrupt met the interpreter's own start (where no program can
shield itself), how often the command, and every promise that was broken: a status that is neither 130
nor that of the whole command, a traceback, a file left behind. Exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.interrupting import COMMANDS, prepare, problems, run


def main() -> int:
    """Runs the script; returns its exit status."""
    parser = argparse.ArgumentParser("tools/interrupts", description=__doc__.partition("\n")[0])
    parser.add_argument("commands", nargs="*", choices=[*COMMANDS, []], help="all without any")
    parser.add_argument("--count", type=int, default=40, help="moments a command")
    parser.add_argument("--until", type=float, help="the last moment, instead of the command's end")
    asked = parser.parse_args()
    # a shell starts with interrupts ignored what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        names = asked.commands or list(COMMANDS)
        broken = sum(_sweep(command, folder, asked.count, asked.until) for command in names)
    return 1 if broken else 0


def _sweep(name: str, folder: Path, count: int, until: float | None) -> int:
    """Interrupts one command at evenly spread moments; returns how often a promise was broken."""
    began = time.perf_counter()
    whole = run(COMMANDS[name], folder)
    length = until or time.perf_counter() - began
    early, late, broken, done = 0.0, 0, 0, 0
    for step in range(count):
        shutil.rmtree(folder / "out")
        (folder / "out").mkdir()
        after = length * step / count
        ended = run(COMMANDS[name], folder, after)
        if ended.fell_before_main:
            early = max(early, after)
            late += 1
            continue
        done += ended.status == whole.status
        for problem in problems(ended, whole):
            broken += 1
            print(f"  {name} after {after:.3f} s: {problem}")
    print(
        f"{name}: {count} interrupts in {length:.2f} s: {late} met the interpreter's start "
        f"(the last after {early * 1000:.0f} ms), {done} came too late, {broken} broken"
    )
    return broken


if __name__ == "__main__":
    sys.exit(main())
