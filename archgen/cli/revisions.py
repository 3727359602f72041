"""Specs of other revisions: `REV:path` as git names it, and the libraries of that revision with it.

`:path` is the file in git's index, as it would be committed; while a merge is unresolved, `:2:path` is
our side of it and `:3:path` theirs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from archgen.catalog import find
from archgen.cli.git import GitFailed, GitRefused, git, root_of_repository
from archgen.diagnostics import SpecError
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES
from archgen.spec.files import SpecText, decode, start_of

_STAGED = re.compile(r":([0-3]):(.+)", re.DOTALL)
_SUBMODULE = "160000"  # the mode of an entry that is a commit of another repository


class Revision(NamedTuple):
    """A commit of the repository around a folder, or its index if `commit` is empty.

    `name` is the user's. Of the index, `stage` is a side of an unresolved merge: 1 the base, 2 ours,
    3 theirs; files that are merged have no sides, and are then read as they are merged.
    """

    name: str
    commit: str
    root: Path
    stage: int = 0

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
            return git(self.root, "cat-file", "-t", self._object(inside)) == b"blob\n"
        except (GitFailed, ValueError):
            return False

    def read(self, path: Path, *, within: Path) -> SpecText:
        """The file that stood at `path`, which lies in the repository. Raises SpecError."""
        place = path.resolve() if path.is_absolute() else (self.root / path).resolve()
        if not place.is_relative_to(within) or not place.is_relative_to(self.root):
            raise _refusal(f"{self.name}:{path}", "this leads out of the project")
        inside = place.relative_to(self.root).as_posix()
        shown = f"{self.name}:{inside}"
        named = self._object(inside)
        try:
            size = _git(self.root, shown, "cat-file", "-s", named)
        except SpecError:
            if (found := self._in_submodule(inside)) is None:
                raise
            return _read_of_submodule(self, *found)._replace(path=place)
        if int(size) > MAX_BYTES:
            raise _refusal(shown, f"the file is larger than {MAX_BYTES // 1024**2} MiB")
        text = decode(_git(self.root, shown, "cat-file", "blob", named), shown)
        return SpecText(shown, text, place)

    def _object(self, inside: str) -> str:
        """How git names the content of a path."""
        if self.commit:
            return f"{self.commit}:{inside}"
        if self.stage:
            try:
                git(self.root, "cat-file", "-e", f":{self.stage}:{inside}")
            except GitFailed:  # this file is merged
                return f":0:{inside}"
        return f":{self.stage}:{inside}"

    def _in_submodule(self, inside: str) -> tuple[str, str, str] | None:
        """The folder of the submodule that holds a path, its commit, and the path in it."""
        for folder in list(Path(inside).parents)[-2::-1]:
            name = folder.as_posix()
            listing = (
                ("ls-tree", "-z", self.commit, "--", name)
                if self.commit
                else ("ls-files", "-s", "-z", "--", name)
            )
            try:
                line = git(self.root, "--literal-pathspecs", *listing).decode("utf-8", "replace")
            except GitFailed:
                return None
            if line.startswith(f"{_SUBMODULE} "):
                words = line.partition("\t")[0].split()
                commit = words[2] if self.commit else words[1]
                return name, commit, Path(inside).relative_to(folder).as_posix()
        return None


def _read_of_submodule(outer: Revision, folder: str, commit: str, inside: str) -> SpecText:
    """A file of the commit of a submodule that a revision names. Raises SpecError."""
    shown = f"{outer.name}:{folder}/{inside}"
    try:
        root = git(outer.root / folder, "rev-parse", "--show-toplevel", is_other=True)
        if Path(root.decode().rstrip("\n")).resolve() != (outer.root / folder).resolve():
            raise GitRefused("it is not checked out")
        data = git(outer.root / folder, "cat-file", "blob", f"{commit}:{inside}", is_other=True)
    except (GitFailed, OSError) as error:
        message = f"this lies in the submodule `{folder}`, whose commit {commit[:10]} cannot be read: {error}"
        help = f"get it with `git submodule update --init {folder}`"
        raise _refusal(shown, message, help) from None
    return SpecText(shown, decode(data, shown))


def split_revision(target: str) -> tuple[str, str] | None:
    """`REV:path` in its two parts; None for what names a file that is there, or no revision.

    The first part is empty for the index, and `:N` for a side of an unresolved merge.
    """
    if "\0" in target or Path(target).exists():
        return None
    if (staged := _STAGED.fullmatch(target)) is not None:
        return f":{staged[1]}", staged[2]
    revision, colon, path = target.partition(":")
    return (revision, path) if colon and path else None


def open_revision(target: str, name: str) -> Revision:
    """The revision `name` of the repository around the working folder, or its index. Raises SpecError."""
    if name.startswith("-"):
        raise _refusal(target, f"`{name}` is not a revision", "write a branch, a tag or a commit")
    here = Path.cwd()
    root = Path(_git(here, target, "rev-parse", "--show-toplevel").decode().rstrip("\n")).resolve()
    if not name or name.startswith(":"):
        return Revision(name, "", root, int(name[1:] or 0))
    try:
        commit = _git(here, target, "rev-parse", "--verify", f"{name}^{{commit}}")
    except SpecError:
        help = "write a branch, a tag or a commit, as in `main:specs/net.yaml`"
        if git(here, "rev-parse", "--is-shallow-repository") == b"true\n":
            help = "this clone is shallow and may lack it: get more with `git fetch --deepen=100`"
        raise _refusal(target, f"there is no file and no revision `{name}`", help) from None
    return Revision(name, commit.decode().strip(), root)


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
