"""`archgen train` as a process that is told to end, as a scheduler or a shell does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from archgen.cli import main
from tests.compiling import SPECS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here"),
]
STEPS = 30


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A run on files, which processes read."""
    root = tmp_path_factory.mktemp("images")
    pixels = torch.randint(0, 255, (32, 40, 40), generator=torch.Generator().manual_seed(0))
    for index, image in enumerate(pixels.to(torch.uint8)):
        folder = root / ("train" if index < 24 else "test") / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.numpy()).save(folder / f"{index}.jpg")
    spec = str(SPECS / "inception_resnet_mini.yaml")
    length = ["--max-steps", str(STEPS), "--batch", "8"]
    return [spec, "--recipe", "recipes/inception_rmsprop", "--data", str(root), *length]


@pytest.fixture(scope="module")
def whole(arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of the run that nobody stops."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert main(["train", *arguments, "--out", str(run)]) == 0
    return (run / "model.safetensors").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many as the processes have: sums of other threads end in other digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("whom", ["process", "group"])
def test_a_terminated_run_saves_its_state_and_goes_on_to_the_same_weights(
    whom: str, arguments: list[str], whole: bytes, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    began = command("train", *arguments, "--workers", "2", "--out", str(run))
    reached(run / "metrics.jsonl", began)
    (os.kill if whom == "process" else os.killpg)(began.pid, signal.SIGTERM)
    _, told = began.communicate(timeout=60)
    assert began.returncode == 128 + signal.SIGTERM
    assert told.splitlines()[-1].startswith("interrupted; the state is saved: go on with `archgen")
    (manifest,) = (run / "checkpoints").glob("step-*.json")
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert json.loads(manifest.read_text())["step"] == last["step"] < STEPS
    assert main(["train", "--resume", str(run), "--workers", "1"]) == 0
    assert (run / "model.safetensors").read_bytes() == whole


def test_a_run_killed_before_its_first_checkpoint_begins_again_and_ends_alike(
    arguments: list[str], whole: bytes, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    began = command("train", *arguments, "--out", str(run))
    reached(run / "metrics.jsonl", began)
    began.kill()
    began.communicate(timeout=60)
    assert began.returncode == -signal.SIGKILL
    assert list((run / "checkpoints").glob("*.json")) == []
    assert main(["train", "--resume", str(run)]) == 0
    assert (run / "model.safetensors").read_bytes() == whole


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds the processes by /proc")
def test_a_killed_loading_process_is_told_as_such_and_the_run_goes_on(
    arguments: list[str], whole: bytes, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    began = command("train", *arguments, "--workers", "2", "--out", str(run))
    reached(run / "metrics.jsonl", began)
    os.kill(children(began)[-1], signal.SIGKILL)
    _, told = began.communicate(timeout=60)
    assert began.returncode == 2
    *_, saved, error = told.splitlines()
    assert saved.endswith(f"is saved: `archgen train --resume {run}` goes on from there")
    assert error == (
        "Error: one of the 2 processes that load images was killed by SIGKILL, as a system does with "
        "what takes too much memory; go on with fewer: `--workers 1`"
    )
    assert main(["train", "--resume", str(run), "--workers", "1"]) == 0
    assert (run / "model.safetensors").read_bytes() == whole
    (change,) = json.loads((run / "run.json").read_text())["changes"]
    assert (change["setting"], change["before"], change["after"]) == ("workers", "2", "1")


@pytest.mark.skipif(sys.platform != "linux", reason="a process dies with its parent on Linux")
def test_nothing_is_left_of_a_killed_run_and_nothing_is_said(
    arguments: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    began = command("train", *arguments, "--workers", "2", "--out", str(run))
    reached(run / "metrics.jsonl", began)
    readers = children(began)
    began.kill()
    _, told = began.communicate(timeout=60)  # it ends once no process has the pipe any more
    assert "Traceback" not in told
    assert len(readers) == 2
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in readers)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds the processes by /proc")
def test_processes_start_again_after_a_crash_and_save_when_their_launcher_is_told_to_end(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    length = ["--max-steps", "100000", "--batch", "16", "--checkpoint-every", "1"]
    spec = str(SPECS / "inception_resnet_mini.yaml")
    began = command("train", spec, *length, "--processes", "2", "--out", str(run))
    reached(run / "metrics.jsonl", began)
    victim = children(began)[1]
    os.kill(victim, signal.SIGKILL)
    newest = saved_step(run)
    deadline = time.monotonic() + 600
    while victim in children(began) or saved_step(run) <= newest + 1:
        assert began.poll() is None, began.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(began.pid, signal.SIGTERM)
    _, told = began.communicate(timeout=600)
    assert began.returncode == 128 + signal.SIGTERM
    assert (
        "process 2 of 2 was killed by SIGKILL; all start again (restart 1 of 3)"
        in told.splitlines()
    )
    assert told.splitlines()[-1].startswith("interrupted; the state is saved: go on with `archgen")
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process has started, the oldest first."""
    return [
        int(pid)
        for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ]


def saved_step(run: Path) -> int:
    """The step of the newest checkpoint."""
    return max(
        (int(path.stem[5:]) for path in (run / "checkpoints").glob("step-*.json")), default=0
    )


def command(*arguments: str) -> subprocess.Popen[str]:
    """A process of `archgen` that leads a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "archgen", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def reached(file: Path, process: subprocess.Popen[str]) -> None:
    """Waits until the run has told of its first step."""
    deadline = time.monotonic() + 120
    while not file.exists() or not file.read_bytes():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
