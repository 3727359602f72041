"""Writing a result to a file that is whole or as it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from archgen.cli.interrupts import writing
from archgen.spec.files import project_of
from archgen.train.files import replacing


class CannotWrite(Exception):
    """The file cannot be written, for the reason in the message; what was there still is."""


def write_file(path: Path, content: str | bytes, *, never: Iterable[Path] = ()) -> None:
    """Puts `content` at `path` at once; the permissions of a file that was there stay.

    A link is followed to its file within the project, and refused where it leads out of that: somebody
    else may have put it there. None of the files in `never` is overwritten: they are what the content
    was made of. Raises CannotWrite.
    """
    write_parts(path, [content.encode() if isinstance(content, str) else content], never=never)


def write_parts(
    path: Path, parts: Iterable[bytes | memoryview], *, never: Iterable[Path] = ()
) -> None:
    """Puts what is large, in pieces, at `path`, as `write_file` does."""
    try:
        target = path.resolve()
        named = Path(os.path.abspath(path))  # noqa: PTH100  # links stay, `..` goes
        project = project_of(named.parent)
        if not target.is_relative_to(project.resolve()):
            raise CannotWrite(
                f"`{path}` leads by a link to `{target}`, out of `{project}`: name that file itself"
            )
        mode = _mode(target)
        if any(target == other.resolve() for other in never):
            raise CannotWrite(f"`{path}` is what this is made from, and stays as it is")
        if mode is not None and not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise CannotWrite(f"`{path}` is {what}: name a file to write")
        if not target.parent.is_dir():
            raise CannotWrite(f"there is no folder `{path.parent}` to write `{path.name}` into")
        with writing(), replacing(target) as temporary:
            with temporary.open("wb") as file:
                file.writelines(parts)
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotWrite(f"`{path}` cannot be written: {reason}") from None
    except (RuntimeError, ValueError) as error:  # a loop of links; a null character
        raise CannotWrite(f"`{path}` is no place to write to: {error}") from None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
