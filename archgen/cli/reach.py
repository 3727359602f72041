"""Which specs a change of files reaches: those that use or extend them, directly or through others.

The one answer for `check --since`, the hook, the review of a pull request and git's driver. References
are followed as they are written on either side of the change: a network that used a library before is
reached as well as one that does now.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from archgen.catalog import SUFFIXES
from archgen.cli.git import git, root_of_repository
from archgen.cli.locate import CHECKED_KINDS, kind_of_text
from archgen.cli.revisions import Revision, open_revision
from archgen.diagnostics import Findings, SpecError
from archgen.rules import UNREADABLE
from archgen.spec.document import MAX_BYTES, MappingNode, ScalarNode, parse
from archgen.spec.files import start_of

MAX_LINKS = 40  # links on the way to one file, as Linux has it
_LINK = "120000"  # the mode of a symbolic link


class Tree(Protocol):
    """The YAML files of one side of a change, by their paths from the top of the repository."""

    def blobs(self) -> Mapping[str, str]:
        """The name that git has for the content of each regular file."""

    def real(self, path: str) -> str | None:
        """The path of the file that a path leads to through links; None where it leaves the tree."""

    def data(self, path: str) -> bytes:
        """What a regular file holds."""


class WorkingTree(Tree):
    """The files as they are: those that git tracks, and those that it would show as new."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        listed = git(self._root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = sorted({os.fsdecode(name) for name in listed.split(b"\0") if _is_yaml(name)})
        paths = ((name, self._root / name) for name in names)
        # no link leads to a regular file: where it does, the file itself is listed, or is not ours
        regular = [
            (name, path) for name, path in paths if path.is_file() and path.resolve() == path
        ]
        self._blobs = {name: blob_of(path, self._root) for name, path in regular}

    def blobs(self) -> Mapping[str, str]:  # noqa: D102
        return self._blobs

    def real(self, path: str) -> str | None:  # noqa: D102
        try:
            return (self._root / path).resolve().relative_to(self._root).as_posix()
        except (OSError, RuntimeError, ValueError):
            return None

    def data(self, path: str) -> bytes:  # noqa: D102
        with (self._root / path).open("rb") as file:
            return file.read(MAX_BYTES + 1)


@cache
def _object_format(root: Path) -> str:
    return git(root, "rev-parse", "--show-object-format").decode().strip()


def blob_of(path: Path, root: Path) -> str:
    """What git would call the content of a file, of the bytes as they are: no filter of git's is run."""
    digest = hashlib.new(_object_format(root), usedforsecurity=False)
    with path.open("rb") as file:
        digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while part := file.read(MAX_BYTES):
            digest.update(part)
    return digest.hexdigest()


class CommittedTree(Tree):
    """The files of a commit, or of git's index."""

    def __init__(self, revision: Revision) -> None:
        self._root = revision.root
        self._blobs: dict[str, str] = {}
        self._links: dict[str, str] = {}
        listing = (
            ("ls-tree", "-r", "-z", revision.commit) if revision.commit else ("ls-files", "-sz")
        )
        for entry in git(self._root, *listing).split(b"\0"):
            about, _, name = entry.partition(b"\t")
            words = about.decode("ascii").split()
            blob = words[2 if revision.commit else 1] if words else ""
            if words and words[0] == _LINK:
                self._links[os.fsdecode(name)] = blob
            elif words and _is_yaml(name):
                self._blobs[os.fsdecode(name)] = blob

    def blobs(self) -> Mapping[str, str]:  # noqa: D102
        return self._blobs

    def real(self, path: str) -> str | None:  # noqa: D102
        for _ in range(MAX_LINKS):
            parts = path.split("/")
            heads = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            link = next((head for head in heads if head in self._links), None)
            if link is None:
                return path
            target = os.fsdecode(git(self._root, "cat-file", "blob", self._links[link]))
            rest = path[len(link) :].lstrip("/")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target, rest))
            if path.startswith(("../", "/")) or path == "..":
                return None
        return None

    def data(self, path: str) -> bytes:  # noqa: D102
        blob = self._blobs[path]
        if int(git(self._root, "cat-file", "-s", blob)) > MAX_BYTES:
            return b""
        return git(self._root, "cat-file", "blob", blob)


class Reach(NamedTuple):
    """What a change comes to: the files that changed, and what is known of all specs and libraries.

    Paths are from the top of the repository. `kinds` has the kind of each file that is there now, or
    was where it is gone; `users` the files that use or extend a file, on either side of the change.
    """

    changed: frozenset[str]
    kinds: Mapping[str, str]
    users: Mapping[str, frozenset[str]]

    def reached(self, changed: Collection[str] | None = None) -> list[str]:
        """What is checked among the files that changed, or those named, and all that builds on them."""
        found, ahead = set[str](), sorted(self.changed if changed is None else changed)
        while ahead:
            path = ahead.pop()
            if path not in found:
                found.add(path)
                ahead.extend(self.users.get(path, ()))
        return sorted(path for path in found if self.kinds.get(path) in CHECKED_KINDS)

    def networks(self, changed: Collection[str] | None = None) -> list[str]:
        """The networks among those files."""
        return [path for path in self.reached(changed) if self.kinds[path] == "network"]


def since(name: str, named: Collection[Path] = ()) -> tuple[Path, Reach]:
    """The top of the repository, and what reaches from the commit `name` to the files as they are.

    The files in `named` count as changed. Before the first commit, `HEAD` is a tree without files.
    Raises SpecError where there is no such commit.
    """
    if not name or name.startswith(":"):  # an unset variable of a script is not the index
        message = f"`{name}` is not a commit to compare the files with"
        help = "write a branch, a tag or a commit, as in `--since main`"
        raise SpecError([UNREADABLE.at(start_of(name), message, help=help)])
    try:
        revision = open_revision(name, name)
    except SpecError:
        if name != "HEAD":
            raise
        root = root_of_repository(Path.cwd())
        empty = git(root, "hash-object", "-t", "tree", "--stdin").decode().strip()
        revision = Revision(name, empty, root)
    after = WorkingTree(revision.root)
    inside = [after.real(os.path.relpath(path.resolve(), revision.root)) for path in named]
    changed = [path for path in inside if path is not None]
    return revision.root, reach(CommittedTree(revision), after, changed)


def reach(before: Tree, after: Tree, also: Collection[str] = ()) -> Reach:
    """What the change from `before` to `after` reaches; the files in `also` count as changed."""
    old, new = before.blobs(), after.blobs()
    changed = {path for path in {*old, *new} if old.get(path) != new.get(path)} | {*also}
    kinds: dict[str, str] = {}
    users: dict[str, set[str]] = {}
    for tree in (after, before):
        for path in tree.blobs():
            is_known = path in kinds
            if is_known and old.get(path) == new.get(path):  # the same text on both sides
                continue
            text = _text(tree.data(path))
            if not is_known:
                kinds[path] = kind_of_text(text) if text else ""
            for other in _named(tree, path, text):
                users.setdefault(other, set()).add(path)
    frozen = {path: frozenset(others) for path, others in users.items()}
    return Reach(frozenset(changed), kinds, frozen)


def closure(tree: Tree, path: str) -> Mapping[str, str]:
    """The file at `path` and all that it names, directly or not, each with the name of its content."""
    blobs = tree.blobs()
    found: dict[str, str] = {}
    ahead = [path]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found[name] = blobs.get(name, "")
            ahead.extend(_named(tree, name, _text(tree.data(name))) if name in blobs else ())
    return found


def _text(data: bytes) -> str:
    """A file as text; empty where it is too large or is none: nothing is then known of it."""
    try:
        return data.decode("utf-8-sig") if len(data) <= MAX_BYTES else ""
    except UnicodeDecodeError:
        return ""


def _named(tree: Tree, path: str, text: str) -> Iterator[str]:
    """The files that a spec uses or extends, by their real paths."""
    if "use" not in text and "extends" not in text:
        return
    root = parse(text, path, Findings())
    if not isinstance(root, MappingNode):
        return
    use = root.get("use")
    values = [value for _, value in use.entries] if isinstance(use, MappingNode) else []
    for value in (*values, root.get("extends")):
        if isinstance(value, ScalarNode) and value.text and "\0" not in value.text:
            named = posixpath.normpath(posixpath.join(posixpath.dirname(path), value.text))
            real = None if named.startswith(("/", "../")) else tree.real(named)
            if real is not None:
                yield real


def _is_yaml(name: bytes) -> bool:
    return name.endswith(tuple(map(os.fsencode, SUFFIXES)))
