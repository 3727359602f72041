"""The command line: one module a command, imported when the command runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from archgen.cli.ending import end_at_once
from archgen.cli.exit_codes import INTERRUPTED
from archgen.cli.interrupts import ignore_interrupts, take_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; `argv` is without the program's name.

    As the command itself, without `argv`, an interrupt ends the process from here on without a
    traceback: also while the modules of the command load, which is most of the time of a short one.
    """
    if argv is None:
        take_interrupts()
    try:
        from archgen.cli.entry import main as run

        status = run(argv)
    except KeyboardInterrupt:  # a second one, while a run that was asked to stop saved its state
        if argv is not None:
            raise
        os._exit(INTERRUPTED)
    if argv is not None:
        return status
    ignore_interrupts()
    return end_at_once(status)


__all__ = ["main"]
