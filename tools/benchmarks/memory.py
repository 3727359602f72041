"""The most memory that a network needs at a time, beyond what it needs to exist.

    python -m tools.benchmarks.memory SPEC ours|theirs STEP LAYOUT

prints what a process of its own comes to, in bytes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from tools.benchmarks.twins import COMPARED, STEPS, compiled, images_for, lay_out, live

SIDES = ("ours", "theirs")
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler tells when it starts and stops


def tensor_bytes(task: Callable[[], object]) -> int:
    """The most bytes of tensors that live at a time and were made by `task`.

    Exact, and the same each time: counted from what torch's allocator gives out and takes back.
    Memory that a library takes for itself is not among it.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as watch:
        task()
    events = [e for e in watch.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


def resident_bytes(spec: str, side: str, step: str, layout: str) -> int:
    """How much a process's resident memory grows, at most, while a network has its first turn."""
    command = (sys.executable, "-m", "tools.benchmarks.memory", spec, side, step, layout)
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # ours
    return int(done.stdout)


def main() -> None:
    """Measures this process."""
    spec, side, step, layout = sys.argv[1:]
    torch.set_num_threads(1)
    compilation = compiled(spec)
    net = live(COMPARED[spec], compilation) if side == "ours" else COMPARED[spec].theirs()
    lay_out(net, layout)
    images = images_for(compilation)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _status("VmRSS")
    STEPS[step](net, images)
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    found = re.search(
        rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE
    )
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
