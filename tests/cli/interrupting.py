"""Commands as processes of their own, interrupted after a time, and what they leave behind."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ENTRY = "import sys; from archgen.cli import main; sys.exit(main())"  # what the console script does

SPEC = """archgen: 1
name: small
input: {channels: 1, grid: 28}
params: {num_classes: {type: int, default: 10}}
network:
  - conv: {filters: 4, kernel: 3, padding: same}
    repeat: 3
  - global_avg_pool
  - linear: {features: num_classes}
"""
MISSPELT = SPEC.replace("repeat:", "repaet:").replace("kernel: 3, ", "kernel:  3,   ")
WEIGHTS = "trained/model.safetensors"
COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("check", "small.yaml", "inception_v4"),
    "summary": ("summary", "inception_v4"),
    "show": ("show", "--resolved", "inception_v4"),
    "fix": ("check", "--fix", "misspelt.yaml"),
    "fmt": ("fmt", "misspelt.yaml"),
    "report": ("report", "trained", "-o", "out/page.html"),
    "schema": ("schema",),
    "diff": ("diff", "resnet_50", "resnet_101"),
    "render": ("render", "inception_v4", "-o", "out/drawn.svg"),
    "build": ("build", "inception_v4", "-o", "out/made.py"),
    "explain": ("explain", "AG301"),
    "train": (
        "train",
        "small.yaml",
        "--data",
        "synthetic",
        "--max-steps",
        "60",
        "--out",
        "out/run",
    ),
    "eval": ("eval", "trained"),
    "profile": ("profile", "small.yaml", "--steps", "2"),
    "weights show": ("weights", "show", WEIGHTS),
    "weights import": (
        *("weights", "import", "small.yaml", WEIGHTS),
        *("-o", "out/weights.safetensors", "--write-map", "out/map.yaml"),
    ),
    "export": ("export", "small.yaml", "--weights", WEIGHTS, "-o", "out/program.pt2"),
}
LOADING_TORCH = ("train", "eval", "profile", "weights show", "weights import", "export")

SAVED = re.compile(r"run/checkpoints/step-\d+\.(pt|json)")


class Ended(NamedTuple):
    """How a command ended: its status and streams, the files that it left, and the spec to be mended."""

    status: int
    out: str
    err: str
    left: frozenset[str]
    spec: str

    @property
    def fell_before_main(self) -> bool:
        """Whether the interrupt met the interpreter's own start, which no program can shield.

        It then dies by the signal or of a part of itself that could not begin (`init_import_site`,
        `init_sys_streams`), before a line of ours has run.
        """
        is_start = self.status == -signal.SIGINT or "Fatal Python error: init_" in self.err
        return is_start and "archgen/cli/entry" not in self.err


def prepare(folder: Path) -> None:
    """Makes what the commands work on; the trained network takes a few seconds."""
    (folder / "small.yaml").write_text(SPEC)
    (folder / "out").mkdir()
    arguments = ("train", "small.yaml", "--data", "synthetic", "--max-steps", "1")
    ended = run((*arguments, "--out", "trained"), folder)
    assert ended.status == 0, ended.err


def run(arguments: tuple[str, ...], folder: Path, interrupt_after: float | None = None) -> Ended:
    """Runs one command in `folder`, interrupted after so many seconds, or to its end."""
    misspelt = folder / "misspelt.yaml"
    misspelt.write_text(MISSPELT)
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if interrupt_after is not None:
        time.sleep(interrupt_after)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    inside = folder / "out"
    left = frozenset(str(path.relative_to(inside)) for path in inside.rglob("*"))
    return Ended(process.returncode, out, err, left, misspelt.read_text())


def problems(ended: Ended, whole: Ended) -> list[str]:
    """What an interrupted command did wrong, held against the same command run to its end."""
    wrong = []
    if ended.status not in (whole.status, 130):
        wrong.append(f"status {ended.status}")
    if "Traceback" in ended.err or "Exception ignored" in ended.err:
        wrong.append(f"a traceback: {ended.err[-2000:]}")
    saved = {path for path in ended.left if SAVED.fullmatch(path)}  # the state, to go on from it
    if extra := ended.left - whole.left - saved:
        wrong.append(f"it left {sorted(extra)}")
    if ended.spec not in (MISSPELT, whole.spec):
        wrong.append(f"it left half a spec: {ended.spec!r}")
    return wrong
