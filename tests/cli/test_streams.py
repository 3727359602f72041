"""Streams and disks that fail: a reader that leaves, a closed stream, a full disk, a limit on file sizes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.interrupting import ENTRY, SPEC

RESULTS = {
    "check": ("check", "--format", "json", "small.yaml"),
    "summary": ("summary", "inception_v4"),
    "show": ("show", "--resolved", "inception_v4"),
    "build": ("build", "inception_v4"),
    "explain": ("explain", "AG301"),
    "help": ("--help",),
}
TRAIN = ("train", "small.yaml", "--data", "synthetic", "--max-steps", "1", "--out", "run")
BUILD = ("build", "small.yaml", "-o", "made.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SPEC)
    return tmp_path


def archgen(
    arguments: tuple[str, ...],
    folder: Path,
    redirection: str = "",
    limit: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """One command as its own process, its streams as a shell redirects them."""
    words = ["bash", "-c", f'exec "$@" {redirection}', "bash", sys.executable, "-c", ENTRY]
    return subprocess.run(
        [*words, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=limit,
    )


def no_file_may_grow() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize("name", RESULTS)
def test_a_reader_that_leaves_is_met_with_silence(folder: Path, name: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", ENTRY, *RESULTS[name]],
            cwd=folder,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("name", ["check", "build"])
def test_a_closed_stream_is_no_failure(folder: Path, name: str, redirection: str) -> None:
    done = archgen(RESULTS[name], folder, redirection)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", RESULTS)
def test_a_full_disk_behind_stdout_is_one_line(folder: Path, name: str) -> None:
    done = archgen(RESULTS[name], folder, ">/dev/full")
    assert done.returncode == 2
    assert done.stderr == "archgen: the output cannot be written: the disk is full\n"


def test_a_full_disk_behind_both_streams_still_has_its_status(folder: Path) -> None:
    assert archgen(RESULTS["build"], folder, ">/dev/full 2>/dev/full").returncode == 2


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/dev/full", "is no regular file"),
        ("/proc/made.py", "cannot be written"),
        ("no/made.py", "there is no folder"),
        ("small.yaml/made.py", "cannot be written"),
    ],
)
def test_a_place_that_takes_no_file_is_one_line(folder: Path, place: str, words: str) -> None:
    done = archgen(("build", "small.yaml", "-o", place), folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_limit_on_file_sizes_leaves_no_file(folder: Path) -> None:
    done = archgen(BUILD, folder, limit=no_file_may_grow)
    assert done.returncode == 2
    assert done.stderr == "Error: `made.py` cannot be written: file too large\n"
    assert [path.name for path in folder.iterdir()] == ["small.yaml"]


@pytest.mark.slow
def test_a_limit_on_file_sizes_ends_a_training_in_one_line(folder: Path) -> None:
    done = archgen(TRAIN, folder, limit=no_file_may_grow)
    assert done.returncode == 2
    assert done.stderr == "Error: `run/spec.yaml` cannot be written: file too large\n"
    assert not (folder / "run").exists()


@pytest.mark.slow
def test_a_training_without_stderr_reaches_its_end(folder: Path) -> None:
    done = archgen(TRAIN, folder, "2>&-")
    assert done.returncode == 0
    assert done.stdout.startswith("small: ")
    assert (folder / "run" / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_training_whose_reader_leaves_reaches_its_end(folder: Path) -> None:
    done = archgen((*TRAIN, "--batch", "8"), folder, "2>&1 | head -n 1; exit ${PIPESTATUS[0]}")
    assert done.returncode == 0
    assert done.stdout.startswith("training on ")
    assert '"status": "finished"' in (folder / "run" / "run.json").read_text()
