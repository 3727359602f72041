"""Reading spec files: text only, of bounded size, and nothing outside the project a spec belongs to."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from archgen.diagnostics import Position, Span, SpecError, did_you_mean
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES
from archgen.spec.yaml_errors import end_of

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
ROOT_MARKS = (".git", "pyproject.toml")


class SpecText(NamedTuple):
    """The text of one spec: the name to show for it, the text, and the file it was read from."""

    source: str
    text: str
    path: Path | None = None


def digest_of(texts: Iterable[str]) -> str:
    """The sha256 of a spec and its libraries, whatever their order."""
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def start_of(source: str) -> Span:
    """The first character of a source, for findings that concern a file as a whole."""
    return Span(source, Position(1, 1), Position(1, 1))


def read_spec(path: Path, shown: str | None = None, *, within: Path | None = None) -> SpecText:
    """The text of a regular file. Raises SpecError where it cannot be read as UTF-8 text.

    Nothing that is not regular is waited for or read, not even where it takes the file's place
    meanwhile; and with `within`, a resolved folder, nothing that lies elsewhere.
    """
    source = shown or str(path)
    try:
        _demand_regular(path.stat(), source)  # already opening some devices does something
        with os.fdopen(_opened(path, within, source), "rb") as file:
            _demand_regular(os.fstat(file.fileno()), source)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = _nearest(path)
        help = f"did you mean `{near}`?" if near else "check the path"
        raise _unreadable(source, "there is no such file", help, near) from None
    except (OSError, ValueError) as error:
        reason = (
            error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        )
        raise _unreadable(source, f"the file cannot be read: {reason}") from None
    return SpecText(source, decode(data, source), path)


def _demand_regular(found: os.stat_result, source: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _unreadable(source, "this is not a regular file", "name a YAML file")


def _opened(path: Path, within: Path | None, source: str) -> int:
    """A descriptor of the file; below `within`, each part of its path is opened in the one before.

    The path is resolved, so a link that is met on the way has just been put there, and is refused.
    """
    if within is None:
        return os.open(path, _READING)
    real = path.resolve()
    if not real.is_relative_to(within):
        raise _unreadable(source, "this leads out of the project")
    found = os.open(within, os.O_RDONLY)
    for part in real.relative_to(within).parts:
        folder = found
        try:
            found = os.open(part, _READING | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
    return found


def decode(data: bytes, source: str) -> str:
    """Bytes as UTF-8 text of bounded size. Raises SpecError."""
    if len(data) > MAX_BYTES:
        raise _unreadable(source, f"the file is larger than {MAX_BYTES // 1024**2} MiB")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = end_of(data[: error.start].decode("utf-8"))
        place = Span(source, Position(line, column), Position(line, column + 1))
        message = f"the file is not UTF-8 text: it holds the byte 0x{data[error.start]:02x}"
        finding = UNREADABLE.at(place, message, help="save it as UTF-8")
        raise SpecError([finding], {source: data.decode("utf-8", "replace")}) from None


def _unreadable(source: str, message: str, help: str = "", meant: Path | None = None) -> SpecError:
    finding = UNREADABLE.at(start_of(source), message, help=help)
    return SpecError([finding._replace(meant=str(meant or ""))])


def _nearest(path: Path) -> Path | None:
    """The spec in the same folder that a path may be meant for."""
    try:
        names = [other.name for other in path.parent.iterdir() if other.suffix in (".yaml", ".yml")]
    except OSError:
        return None
    near = did_you_mean(path.name, names)
    return path.with_name(near) if near else None


def root_of(path: Path) -> Path:
    """The folder below which a spec may name files: the nearest with a project's mark, or its own."""
    return project_of(path.resolve().parent)


def project_of(folder: Path) -> Path:
    """The nearest of a resolved folder and those above it with a project's mark, or the folder."""
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in ROOT_MARKS):
            return candidate
    return folder
