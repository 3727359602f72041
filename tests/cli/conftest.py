"""What tests of the command line share: a folder with a small spec in it, and a way to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple, Protocol

import pytest

from archgen.cli import main

TINY = dedent(
    """\
    archgen: 1
    name: tiny
    input: {channels: 3, grid: 8}
    defaults:
      conv: {padding: same, act: relu}
    params:
      num_classes: {type: int, default: 10}
    blocks:
      cell:
        params: {width: int}
        body:
          - concat:
              narrow:
                - conv: {filters: width, kernel: 1}
              wide:
                - conv: {filters: width, kernel: 3}
    network:
      - conv: {filters: 8, kernel: 1}
      - cell: {width: 4}
        repeat: 2
      - global_avg_pool
      - linear: {features: num_classes}
    """
)
BROKEN = TINY.replace("kernel: 3}", "kernel: 3, stride: 2, padding: 1}")
WARNED = TINY.replace("params:\n", "params:\n  spare: {type: int, default: 1}\n", 1)


class Result(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class Command(Protocol):
    """Runs `archgen` in this process."""

    def __call__(self, *arguments: str) -> Result: ...


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and no wishes about colours in the environment."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archgen(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, with what it printed."""

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        status = main(list(arguments))
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture
def spec(folder: Path) -> Callable[..., Path]:
    """Writes a spec and returns its path relative to the folder."""

    def write(text: str = TINY, name: str = "tiny.yaml") -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return Path(name)

    return write
