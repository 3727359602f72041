"""How another process ended, in words."""

from __future__ import annotations

import signal


def how_it_ended(status: int) -> str:
    """What a shell would tell of a status as `subprocess` gives it, a signal's number negative."""
    return f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
