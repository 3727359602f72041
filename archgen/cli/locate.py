"""The files that a command line means: paths, names of specs that come with archgen, `-`, folders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from archgen.catalog import SUFFIXES, find
from archgen.diagnostics import Findings, SpecError
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES, parse
from archgen.spec.files import SpecText, decode, project_of, read_spec, start_of
from archgen.spec.loader import KINDS, kind_of

STDIN = "-"
STDIN_SOURCE = "<stdin>"
CHECKED_KINDS = ("network", "blocks", "recipe", "preparation", "weights")

# a key at the left edge tells the kind of a file, also of one that is no YAML further down
_KEY = re.compile(rf"^[\"']?({'|'.join(KINDS)}|archgen)[\"']?\s*:", re.MULTILINE)


class Found(NamedTuple):
    """The text of one file and its kind; or the reason why there is none."""

    text: SpecText | None
    kind: str = ""
    problem: SpecError | None = None
    is_named: bool = False

    @property
    def is_checked(self) -> bool:
        """Whether a check takes it: it was named, or a folder holds it and its kind is known."""
        return self.text is None or self.is_named or self.kind in CHECKED_KINDS


def read_target(target: str) -> SpecText:
    """The one spec that a path, a name or `-` means. Raises SpecError where it cannot be read."""
    return _stdin() if target == STDIN else read_spec(find(target))


def expand(targets: Iterable[str]) -> Iterator[Found]:
    """The files that the targets mean, each once; folders are searched.

    A folder yields every YAML file in it, whatever its kind; one that holds nothing to check
    yields a problem too.
    """
    seen: set[str] = set()
    for target in targets:
        for found in _expand(target):
            key = os.path.realpath(found.text.source) if found.text else ""
            if not key or key not in seen:
                seen.add(key)
                yield found


def _expand(target: str) -> Iterator[Found]:
    try:
        path = Path() if target == STDIN else find(target)
        if target != STDIN and os.path.isdir(path):  # noqa: PTH112  # False for a name too long
            yield from _in_folder(path)
            return
        text = read_target(target)
        yield Found(text, kind_of_text(text.text), is_named=True)
    except SpecError as error:
        yield Found(None, problem=error)


def _stdin() -> SpecText:
    if sys.stdin is None:
        raise _refusal(STDIN_SOURCE, "there is no standard input to read")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    return SpecText(STDIN_SOURCE, decode(data, STDIN_SOURCE))


def _refusal(source: str, message: str, help: str = "") -> SpecError:
    return SpecError([UNREADABLE.at(start_of(source), message, help=help)])


def _in_folder(folder: Path) -> Iterator[Found]:
    is_empty = True
    for found in _walk(folder):
        is_empty = is_empty and not found.is_checked
        yield found
    if is_empty:
        help = "a spec is a .yaml file with a key `network` or `blocks`"
        yield Found(None, problem=_refusal(str(folder), "there are no specs in this folder", help))


def _walk(folder: Path) -> Iterator[Found]:
    refused: list[OSError] = []
    for name, folders, files in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        for file in sorted(files):
            path = Path(name, file)
            if path.suffix in SUFFIXES:
                yield _read(path, folder)
    for error in refused:
        reason = (error.strerror or "it cannot be read").lower()
        yield Found(
            None, problem=_refusal(str(error.filename), f"the folder cannot be read: {reason}")
        )


def _read(path: Path, folder: Path) -> Found:
    """A file that a folder holds; a link out of the project is not followed.

    Nobody named it, and what it leads to would be shown beside the findings.
    """
    try:
        project = project_of(folder.resolve())
        if _leads_out(path, project):
            help = "name the file itself to check it"
            raise _refusal(str(path), "this is a link that leaves the project", help)
        text = read_spec(path, within=project)
    except SpecError as error:
        return Found(None, problem=error)
    return Found(text, kind_of_text(text.text))


def _leads_out(path: Path, project: Path) -> bool:
    try:
        return path.is_symlink() and not path.resolve().is_relative_to(project)
    except (OSError, RuntimeError):  # links in a circle lead nowhere; reading them says so
        return False


def kind_of_text(text: str) -> str:
    """What a file says it is: one of KINDS; `network` where it only says that it is for archgen."""
    keys = set(_KEY.findall(text))
    if not keys:
        root = parse(text, "", Findings())
        return kind_of(root) if root is not None else ""
    return next((kind for kind in KINDS if kind in keys), "network")
