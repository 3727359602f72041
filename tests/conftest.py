"""Tests share two cores, and hold what interrupts do also where a shell began them behind `&`."""

from __future__ import annotations

import os
import signal

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads, also by the processes tests start

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so shells start jobs behind `&`
    signal.signal(signal.SIGINT, signal.default_int_handler)
