"""Specs of other revisions: `REV:path` as git names it, and the libraries of that revision with it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from archgen.cli.git import GitFailed, GitRefused, git
from archgen.diagnostics import SpecError
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES
from archgen.spec.files import SpecText, decode, start_of


class Revision(NamedTuple):
    """A commit of the repository around a folder; `name` is what the user calls it."""

    name: str
    commit: str
    root: Path

    def read(self, path: Path, *, within: Path) -> SpecText:
        """The file that stood at `path`, which lies in the repository. Raises SpecError."""
        place = path.resolve() if path.is_absolute() else (self.root / path).resolve()
        if not place.is_relative_to(within) or not place.is_relative_to(self.root):
            raise _refusal(f"{self.name}:{path}", "this leads out of the project")
        inside = place.relative_to(self.root).as_posix()
        shown = f"{self.name}:{inside}"
        blob = f"{self.commit}:{inside}"
        size = _git(self.root, shown, "cat-file", "-s", blob)
        if int(size) > MAX_BYTES:
            raise _refusal(shown, f"the file is larger than {MAX_BYTES // 1024**2} MiB")
        return SpecText(
            shown, decode(_git(self.root, shown, "cat-file", "blob", blob), shown), place
        )


def split_revision(target: str) -> tuple[str, str] | None:
    """`REV:path` in its two parts; None for what names a file that is there, or no revision."""
    revision, colon, path = target.partition(":")
    if not colon or not revision or not path or "\0" in target or Path(target).exists():
        return None
    return revision, path


def open_revision(target: str, name: str) -> Revision:
    """The revision `name` of the repository around the working folder. Raises SpecError."""
    if name.startswith("-"):
        raise _refusal(target, f"`{name}` is no revision", "write a branch, a tag or a commit")
    here = Path.cwd()
    root = _git(here, target, "rev-parse", "--show-toplevel").decode().rstrip("\n")
    try:
        commit = _git(here, target, "rev-parse", "--verify", f"{name}^{{commit}}")
    except SpecError:
        help = "write a branch, a tag or a commit, as in `main:specs/net.yaml`"
        raise _refusal(target, f"there is no file and no revision `{name}`", help) from None
    return Revision(name, commit.decode().strip(), Path(root).resolve())


def _git(folder: Path, shown: str, *arguments: str) -> bytes:
    """What git prints. Raises SpecError with what it says where it fails."""
    try:
        return git(folder, *arguments)
    except GitRefused as error:
        help = "write REV:path, the path as from the top of the repository"
        raise _refusal(shown, f"git cannot read this: {error}", help) from None
    except GitFailed as error:
        raise _refusal(shown, str(error), error.help) from None


def _refusal(source: str, message: str, help: str = "") -> SpecError:
    return SpecError([UNREADABLE.at(start_of(source), message, help=help)])
