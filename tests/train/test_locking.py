from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torch import nn

from archgen.train import ImageSet, Progress, Recipe, RunFolder, TrainingError, fit
from archgen.train.locking import LOCK_FILE, locked

pytest.importorskip("fcntl")

HOLDER = """
import sys
from pathlib import Path
from archgen.train.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has the lock of `folder`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_run_that_another_process_trains_is_left_alone(
    run: RunFolder, images: ImageSet, recipe: Recipe, tiny: Callable[[int], nn.Module]
) -> None:
    with held_elsewhere(run.path) as process:
        before = {path: path.read_bytes() for path in run.path.iterdir()}
        with pytest.raises(TrainingError, match=f"is in use: process {process.pid} on .* trains"):
            fit(tiny(0), images, images, recipe, run, seed=0, progress=Progress())
        assert {path: path.read_bytes() for path in run.path.iterdir()} == before
    fit(tiny(0), images, images, recipe, run, seed=0, progress=Progress())


def test_a_folder_in_which_another_process_begins_a_run_is_left_alone(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path), pytest.raises(TrainingError, match="is in use"):
        RunFolder.create(tmp_path, spec="", recipe="")
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]
    RunFolder.create(tmp_path, spec="", recipe="")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked(tmp_path) as unlocked:
            assert unlocked is None


def test_a_process_trains_once_in_a_folder_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path):
        again = locked(tmp_path / ".")
        with pytest.raises(TrainingError, match="this process already trains"):
            again.__enter__()
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK_FILE).read_text()
    assert not (tmp_path / LOCK_FILE).read_text()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / LOCK_FILE).symlink_to(other)
    lock = locked(tmp_path)
    with pytest.raises(TrainingError, match="cannot be opened"):
        lock.__enter__()
    assert other.read_text() == "mine"


def test_a_file_system_without_locks_is_told_of(
    run: RunFolder,
    images: ImageSet,
    recipe: Recipe,
    tiny: Callable[[int], nn.Module],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_descriptor: int, _flags: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    told: list[str] = []

    class Told(Progress):
        def tell(self, line: str) -> None:
            told.append(line)

    monkeypatch.setattr("fcntl.lockf", refuse)
    fit(tiny(0), images, images, recipe, run, seed=0, progress=Told())
    assert "has no locks (No locks available)" in told[0]
