"""How a process that ran one command ends."""

from __future__ import annotations

import os
import sys


def end_at_once(status: int) -> int:
    """Ends the process with `status` without freeing its objects one by one: a twentieth of a short command.

    Returns `status` where the interpreter has more to do at its end: with torch loaded, whose company
    may have processes and folders to put away; under a profiler or debugger; with output left over.
    """
    if "torch" in sys.modules or sys.getprofile() or sys.gettrace():
        return status
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return status
    os._exit(status)
