"""Noticing that files are saved: their stamps are looked at a few times a second.

Polling needs no library, works on network drives and in containers, and a spec is a handful of files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from archgen.catalog import SUFFIXES, find
from archgen.cli.terminal import clear_screen, note

INTERVAL = 0.3  # seconds between two looks
SETTLED = 0.05  # editors write in several steps; seconds without a further one


class Stamp(NamedTuple):
    """What changes when a file does: when it was written, in ns, its size and which file it is."""

    written: int
    size: int
    number: int


class Watch:
    """The files that something was made from, and how they were when that began.

    A folder stands for the specs in it at any depth, a file for the specs beside it too: a library
    that was not there before is seen.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._seen = _stamps(self._names)

    def follow(self, names: Iterable[str], begun: int) -> None:
        """Watches these from now on; what was written since `begun` (ns) counts as a change."""
        self._names = tuple(names)
        now = _stamps(self._names)
        self._seen = {
            path: self._seen.get(path, None if stamp and stamp.written >= begun else stamp)
            for path, stamp in now.items()
        }

    def wait(self) -> None:
        """Returns when a file is another than it was, and is no longer being written."""
        while (now := _stamps(self._names)) == self._seen:
            time.sleep(INTERVAL)
        while now != self._seen:
            self._seen = now
            time.sleep(SETTLED)
            now = _stamps(self._names)


def again_and_again(targets: Iterable[str], work: Callable[[], Iterable[str]]) -> NoReturn:
    """Does the work, and again whenever one of the targets, or of the files that it names, is saved.

    On a terminal each turn begins with an empty screen; elsewhere an empty line parts the turns.
    """
    named = [str(find(target)) for target in targets]
    watch, begun = Watch(named), time.time_ns()
    clear_screen(is_first=True)
    while True:
        watch.follow([*named, *work()], begun)
        note("watching; Ctrl-C ends this")
        watch.wait()
        begun = time.time_ns()
        clear_screen()


def _stamps(names: Iterable[str]) -> Mapping[Path, Stamp | None]:
    files: set[Path] = set()
    for name in names:
        path = Path(name)
        files.update({path}, _specs_in(path) if path.is_dir() else _specs_beside(path))
    return {path: _stamp(path) for path in files}


def _specs_in(folder: Path) -> list[Path]:
    return [path for suffix in SUFFIXES for path in folder.rglob(f"*{suffix}")]


def _specs_beside(path: Path) -> list[Path]:
    try:
        return [other for other in path.parent.iterdir() if other.suffix in SUFFIXES]
    except OSError:
        return []


def _stamp(path: Path) -> Stamp | None:
    """None where there is no such file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)
