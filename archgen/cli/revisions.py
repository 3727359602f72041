"""Specs of other revisions: `REV:path` as git names it, and the libraries of that revision with it.

`:path` is the file in git's index, as it would be committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from archgen.catalog import find
from archgen.cli.git import GitFailed, GitRefused, git, root_of_repository
from archgen.diagnostics import SpecError
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES
from archgen.spec.files import SpecText, decode, start_of


class Revision(NamedTuple):
    """A commit of the repository around a folder, its index if that is empty; `name` is the user's."""

    name: str
    commit: str
    root: Path

    def read_named(self, path: str) -> SpecText:
        """A file by its path from the top, or with `./` from the working folder. Raises SpecError."""
        is_from_here = path.startswith(("./", "../"))
        try:
            return self.read((Path.cwd() if is_from_here else self.root) / path, within=self.root)
        except SpecError:
            if is_from_here or not self._has(Path.cwd() / path):
                raise
        named = f"{self.name}:{path}"
        help = f"did you mean `{self.name}:./{path}`, from this folder?"
        raise _refusal(named, "there is no such file at the top of the repository", help)

    def _has(self, path: Path) -> bool:
        try:
            inside = path.resolve().relative_to(self.root).as_posix()
            return git(self.root, "cat-file", "-t", f"{self.commit}:{inside}") == b"blob\n"
        except (GitFailed, ValueError):
            return False

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
    """`REV:path` in its two parts; None for what names a file that is there, or no revision.

    The first part is empty for the index.
    """
    revision, colon, path = target.partition(":")
    if not colon or not path or "\0" in target or Path(target).exists():
        return None
    return revision, path


def open_revision(target: str, name: str) -> Revision:
    """The revision `name` of the repository around the working folder, or its index. Raises SpecError."""
    if name.startswith("-"):
        raise _refusal(target, f"`{name}` is no revision", "write a branch, a tag or a commit")
    here = Path.cwd()
    root = _git(here, target, "rev-parse", "--show-toplevel").decode().rstrip("\n")
    if not name:
        return Revision(name, "", Path(root).resolve())
    try:
        commit = _git(here, target, "rev-parse", "--verify", f"{name}^{{commit}}")
    except SpecError:
        help = "write a branch, a tag or a commit, as in `main:specs/net.yaml`"
        raise _refusal(target, f"there is no file and no revision `{name}`", help) from None
    return Revision(name, commit.decode().strip(), Path(root).resolve())


def demand_no_revision(target: str, beside: str) -> None:
    """Refuses a revision that names no file, with what to write. Raises SpecError."""
    if target.startswith("-") or not target or "\0" in target:
        return
    try:
        git(Path.cwd(), "rev-parse", "--quiet", "--verify", f"{target}^{{commit}}")
        root = root_of_repository(Path.cwd())
    except GitFailed:
        return
    help = f"write `{target}:{_path_of(beside, root)}`"
    raise _refusal(target, f"`{target}` is a revision, and a file of it is needed", help)


def _path_of(target: str, root: Path) -> str:
    """The path of a spec from the top of the repository, where it lies there."""
    parts = split_revision(target)
    if parts is not None:
        return parts[1]
    try:
        place = find(target).resolve()
    except SpecError:
        return "PATH"
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else "PATH"


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
