"""`archgen check --watch`, and how saved files are noticed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archgen.cli.watching import Watch
from tests.cli.conftest import BROKEN, TINY, Command
from tests.cli.interrupting import ENTRY

BEFORE = 0  # ns; every file was written later
LATER = 2**62


def test_a_saved_file_is_noticed(spec: Callable[..., Path]) -> None:
    watch = Watch([str(spec())])
    spec(BROKEN)
    watch.wait()


@pytest.mark.parametrize("name", ["other.yaml", "library.yml"])
def test_a_new_file_beside_it_is_noticed(spec: Callable[..., Path], name: str) -> None:
    watch = Watch([str(spec())])
    spec(name=name)
    watch.wait()


def test_a_file_that_goes_is_noticed(spec: Callable[..., Path]) -> None:
    path = spec()
    watch = Watch([str(path)])
    path.unlink()
    watch.wait()


def test_a_file_deep_in_a_folder_is_noticed(spec: Callable[..., Path]) -> None:
    spec(name="specs/a/b/c.yaml")
    watch = Watch(["specs"])
    spec(BROKEN, name="specs/a/b/c.yaml")
    watch.wait()


def test_what_was_written_while_it_was_read_counts_as_a_change(spec: Callable[..., Path]) -> None:
    watch = Watch([str(spec())])
    spec(name="library/blocks.yaml")
    watch.follow(["tiny.yaml", "library/blocks.yaml"], BEFORE)
    watch.wait()


def test_what_was_there_before_is_no_change(
    spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle(Exception):
        pass

    def sleep(_: float) -> None:
        raise Idle

    watch = Watch([str(spec())])
    spec(name="library/blocks.yaml")
    watch.follow(["tiny.yaml", "library/blocks.yaml"], LATER)
    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(Idle):
        watch.wait()


@pytest.mark.slow
def test_check_goes_on_as_files_are_saved_until_an_interrupt(
    spec: Callable[..., Path], folder: Path
) -> None:
    spec()
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "check", "--watch", "tiny.yaml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline() == "found no problems in 1 file\n"
        assert process.stderr.readline() == "watching; Ctrl-C ends this\n"
        spec(BROKEN)
        assert process.stdout.readline() == "\n"
        assert process.stdout.readline().startswith("error[AG301]: ")
        assert process.stderr.readline() == "watching; Ctrl-C ends this\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == "interrupted\n"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-",), "--watch follows files: name one in the place of `-`"),
        (("tiny.yaml", "--fix"), "--watch only checks: leave out --fix and --diff"),
        (("tiny.yaml", "--diff"), "--watch only checks: leave out --fix and --diff"),
    ],
)
def test_what_cannot_be_watched_is_told(
    archgen: Command, spec: Callable[..., Path], arguments: tuple[str, ...], told: str
) -> None:
    spec(TINY)
    result = archgen("check", "--watch", *arguments)
    assert result.status == 2
    assert told in result.err
