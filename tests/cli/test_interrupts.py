"""Ctrl-C at any moment of any command: 130, no traceback, no partial file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from ast import parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.interrupting import COMMANDS, LOADING_TORCH, MISSPELT, Ended, prepare, problems, run

SHORT = tuple(name for name in COMMANDS if name not in LOADING_TORCH)
MOMENTS = (0.0, 0.03, 0.08, 0.15, 0.25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and a trained network."""
    made = tmp_path_factory.mktemp("interrupted")
    prepare(made)
    return made


@pytest.fixture(autouse=True)
def empty(folder: Path) -> Iterator[None]:
    yield
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()


def interrupted(name: str, folder: Path, after: float) -> Ended:
    """The command, interrupted, with what it left removed."""
    ended = run(COMMANDS[name], folder, after)
    made = folder / "out" / "made.py"
    if made.exists():
        parse(made.read_text())  # whole or absent
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()
    return ended


@pytest.mark.parametrize("name", SHORT)
def test_an_interrupt_leaves_nothing_half_done(folder: Path, name: str) -> None:
    whole = run(COMMANDS[name], folder)
    assert whole.status == 0, whole.err
    assert (whole.spec == MISSPELT) == (name not in ("fix", "fmt"))
    for after in MOMENTS:
        ended = interrupted(name, folder, after)
        assert ended.fell_before_main or not problems(ended, whole), (after, ended)


def test_an_interrupt_waits_until_a_file_is_whole(tmp_path: Path) -> None:
    script = """
import os, signal
from pathlib import Path
from archgen.cli.interrupts import take_interrupts
from archgen.cli.write_file import write_file

take_interrupts()
chmod = Path.chmod
def interrupted(path, mode):
    os.kill(os.getpid(), signal.SIGINT)
    chmod(path, mode)
Path.chmod = interrupted
write_file(Path("made.py"), "new")
print("went on")
"""
    (tmp_path / "made.py").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"made.py": "new"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "moments"), [("train", (0.5, 2.0, 3.0)), ("eval", (0.7, 2.2))])
def test_an_interrupt_ends_what_computes(
    folder: Path, name: str, moments: tuple[float, ...]
) -> None:
    whole = run(COMMANDS[name], folder)
    assert whole.status == 0, whole.err
    shutil.rmtree(folder / "out")
    (folder / "out").mkdir()
    for after in moments:
        ended = interrupted(name, folder, after)
        assert not problems(ended, whole), (after, ended)
