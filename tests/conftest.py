"""Tests share two cores, draw the same cases each time, and bear a shell that began them by `&`."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads, also by the processes tests start

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so shells start jobs behind `&`
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A gate judges the change, not the draw: new cases are looked for by `tools/fuzz`, and here with
# `--hypothesis-profile=explore`.
settings.register_profile("explore", deadline=None)
settings.register_profile(
    "gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gate")
