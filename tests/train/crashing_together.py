"""Training in several processes of which one is killed again and again.

    python -m tests.train.crashing_together kills 20     # resumed by starting all of them again
    python -m tests.train.crashing_together restarts 20  # PyTorch's elastic agent does that, in place
    python -m tests.train.crashing_together torchrun 20  # likewise, as the command torchrun

Prints a line of JSON: how many runs were hit, the hash of the end of one that was not, and of the ends
of the others, after resuming at which steps; `equal` counts those that are as it. The victim and the
moment are drawn anew for each run. `seconds` is the longest from a kill to the end of its run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from archgen.train.launch import this_launch
from tests.train.crashing import check_story, end_of, newest_step, tiny
from tests.train.ranks import on_ranks, started
from tests.train.test_distributed import trained

SIZE = 2
STEPS = 24
RECIPE: dict[str, Any] = {
    "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "schedule": {"name": "cosine", "warmup_steps": 2},
    "augment": {"flip": True, "crop_padding": 1},
    "batch": 16,
    "steps": STEPS,
    "eval_every": 4,
    "ema": {"decay": 0.99},
    "clip_norm": 1.0,
}
GUARD = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"}


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    kinds = {"kills": killed, "restarts": restarted, "torchrun": restarted_by_torchrun}
    if arguments[0] == "work":
        work(Path(arguments[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        tried = Tried(Path(folder))
        for number in range(int(arguments[1])):
            kinds[arguments[0]](tried, tried.folder / f"run-{number}")
        sys.stdout.write(json.dumps(tried.result()) + "\n")


@dataclass
class Tried:
    """The runs that were hit, beside one that was not."""

    folder: Path
    chance: random.Random = field(default_factory=lambda: random.Random(1602))  # noqa: S311
    ends: list[str] = field(default_factory=list)
    resumed_at: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def drawn(self) -> tuple[int, int, float]:
        """Which process to kill, after which step, and how long after that."""
        return (
            self.chance.randrange(SIZE),
            self.chance.randrange(STEPS - 4),
            self.chance.uniform(0, 0.02),
        )

    def ended(self, run: Path, hit_at: int, since: float) -> None:
        """Notes the end of a run whose newest checkpoint was of step `hit_at` when it was hit."""
        check_story(run, STEPS)
        self.ends.append(end_of(run))
        self.resumed_at.append(hit_at)
        self.seconds = max(self.seconds, time.monotonic() - since)

    def result(self) -> Mapping[str, Any]:
        """What came of them."""
        whole = self.folder / "whole"
        on_ranks(SIZE, trained, whole, RECIPE)
        return {
            "kills": len(self.ends),
            "whole": end_of(whole),
            "ends": self.ends,
            "resumed_at": self.resumed_at,
            "seconds": round(self.seconds, 1),
            "equal": self.ends.count(end_of(whole)),
        }


def killed(tried: Tried, run: Path) -> None:
    """A run of which one process is killed; the other is waited for, then both start again."""
    victim, step, later = tried.drawn()
    ranks = started(SIZE, trained, run, RECIPE, tiny, 1, meet=run.with_suffix(".meet"))
    hit_at = _reached(run, step, later)
    os.kill(ranks[victim].process.pid or 0, signal.SIGKILL)
    since = time.monotonic()
    for rank in ranks:
        rank.result()
    on_ranks(SIZE, trained, run, RECIPE)
    tried.ended(run, hit_at, since)


def restarted(tried: Tried, run: Path) -> None:
    """A run of which one process is killed, and that an elastic agent of its own starts again."""
    agent = os.fork()
    if not agent:
        os.environ.update(GUARD)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=SIZE,
            run_id=run.name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=1,
            start_method="fork",
        )
        try:
            elastic_launch(config, work)(run)
        except ChildFailedError:
            os._exit(1)
        os._exit(0)
    _kill_one(tried, run, lambda: os.waitstatus_to_exitcode(os.waitpid(agent, 0)[1]))


def restarted_by_torchrun(tried: Tried, run: Path) -> None:
    """Likewise, by the command and with fresh interpreters."""
    options = ["--standalone", f"--nproc-per-node={SIZE}", "--max-restarts=1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", *options]
    agent = subprocess.Popen(
        [*torchrun, "-m", "tests.train.crashing_together", "work", str(run)],
        env={**os.environ, **GUARD},
        stderr=subprocess.DEVNULL,
    )
    _kill_one(tried, run, agent.wait)


def _kill_one(tried: Tried, run: Path, wait: Callable[[], int]) -> None:
    victim, step, later = tried.drawn()
    hit_at = _reached(run, step, later)
    pid = int((run.parent / f"{run.name}.{victim}").read_text())
    os.kill(pid, signal.SIGKILL)
    since = time.monotonic()
    status = wait()
    assert status == 0, status
    tried.ended(run, hit_at, since)


def work(run: Path) -> None:
    """What each process does that an agent has started."""
    torch.set_num_threads(1)
    launch = this_launch()
    (run.parent / f"{run.name}.{launch.share.rank}").write_text(str(os.getpid()))
    with launch.world(torch.device("cpu")) as world:
        trained(world, run, RECIPE, every=1)


def _reached(run: Path, step: int, later: float) -> int:
    """Waits until a run has a checkpoint of that step, and some time longer; its newest one then."""
    deadline = time.monotonic() + 600
    while newest_step(run) < max(1, step):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(later)
    return newest_step(run)


if __name__ == "__main__":
    main(sys.argv[1:])
