"""Which two trees `git diff` compares, so that each side of a spec has the libraries of its own tree.

Git tells a driver the content of a file on both sides and not where it comes from. Where it comes from is
read off the command line of the git that runs the driver, and believed only where that tree holds this very
content at this path. Without such evidence, the trees that hold it (the working tree, the index, and
recent commits) must agree about every library; otherwise nothing is said of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from archgen.cli.git import GitFailed, git
from archgen.cli.reach import CommittedTree, Tree, WorkingTree, closure
from archgen.cli.revisions import Revision

MAX_COMMITS = 50  # whose libraries are compared where the command line does not say which one it is
_ANCESTORS = 4  # processes between git and this one: a shell, a wrapper of the console script


class Origin(NamedTuple):
    """Where one side comes from: a revision, or the files as they are if that is None."""

    revision: Revision | None


def origins(
    paths: tuple[str, str], blobs: tuple[str, str], root: Path
) -> tuple[Origin | None, Origin | None]:
    """The origin of each side of a file at `paths`, from the top, whose contents git calls `blobs`.

    All zeros mean content that git has not hashed: that of the working tree. None where the evidence is
    not enough.
    """
    named = _named_by_git(root) or (None, None)
    return _origin(paths[0], blobs[0], root, named[0]), _origin(paths[1], blobs[1], root, named[1])


def _origin(path: str, blob: str, root: Path, named: Origin | None) -> Origin | None:
    if not blob.strip("0"):
        return Origin(None)
    if named is not None and _tree(named, root).blobs().get(path) == blob:
        return named
    # The same spec may stand in many commits, with other libraries in some: all that touched any of its
    # files are asked, and where they are too many, or disagree, it is not known which one is shown.
    now = [Origin(None), Origin(Revision("", "", root)), _head(root)]
    files = {name for origin in now for name in closure(_tree(origin, root), path)}
    listing = ("rev-list", "--all", "--full-history", f"--max-count={MAX_COMMITS + 1}", "--")
    commits = git(root, "--literal-pathspecs", *listing, *sorted(files)).decode().split()
    if len(commits) > MAX_COMMITS:
        return None
    holding = [
        (origin, tree)
        for origin in (*now, *(Origin(Revision(name[:10], name, root)) for name in commits))
        if (tree := _tree(origin, root)).blobs().get(path) == blob
    ]
    libraries = [closure(tree, path) for _, tree in holding]
    is_certain = bool(holding) and all(other == libraries[0] for other in libraries)
    return holding[0][0] if is_certain else None


def _tree(origin: Origin, root: Path) -> Tree:
    return WorkingTree(root) if origin.revision is None else CommittedTree(origin.revision)


def _named_by_git(root: Path) -> tuple[Origin, Origin] | None:
    """What the command line of the git above this process says that it compares."""
    for words in _command_lines():
        if not words or Path(words[0]).stem != "git":
            continue
        if "diff" not in words:
            return None
        options = words[words.index("diff") + 1 :]
        options = options[: options.index("--")] if "--" in options else options
        if {"-R", "--merge-base", "--no-index"} & {*options}:
            return None
        is_cached = "--cached" in options or "--staged" in options
        revisions: list[str] = []
        for word in options:
            if word.startswith("-"):
                continue
            if ":" in word:  # the content of a file, which has no tree
                return None
            found = _revisions(word, root)
            if not found:  # the first path; no revision comes after it
                break
            revisions += found
        return _compared(revisions, root, is_cached=is_cached)
    return None


def _compared(names: Sequence[str], root: Path, *, is_cached: bool) -> tuple[Origin, Origin] | None:
    """Both sides of `git diff`, as its manual page has it, for the commits on its command line."""
    index, files = Origin(Revision("", "", root)), Origin(None)
    commits = [Origin(Revision(name[:10], name, root)) for name in names]
    match commits:
        case []:
            return (_head(root), index) if is_cached else (index, files)
        case [one]:
            return (one, index) if is_cached else (one, files)
        case [one, two] if not is_cached:
            return one, two
    return None


def _head(root: Path) -> Origin:
    return Origin(Revision("HEAD", git(root, "rev-parse", "HEAD").decode().strip(), root))


def _revisions(word: str, root: Path) -> list[str]:
    """The commits that a word of the command line means: one, or the two of `A..B` and `A...B`."""
    try:
        if "..." in word:
            old, new = (part or "HEAD" for part in word.split("...", 1))
            return [
                git(root, "merge-base", "--", old, new).decode().strip(),
                *_revisions(new, root),
            ]
        parts = [part or "HEAD" for part in word.split("..", 1)] if ".." in word else [word]
        verify = ("rev-parse", "--quiet", "--verify")
        return [git(root, *verify, f"{part}^{{commit}}").decode().strip() for part in parts]
    except GitFailed:
        return []


def _command_lines() -> Iterator[list[str]]:
    """The words of the processes above this one, the nearest first, as far as the system shows them."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        if process <= 1:
            return
        if sys.platform == "linux":
            folder = Path("/proc", str(process))
            try:
                words = folder.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                about = folder.joinpath("stat").read_text(errors="replace")
            except OSError:
                return
            yield [os.fsdecode(word) for word in words]
            process = int(about.rpartition(")")[2].split()[1])
        else:
            command = ["ps", "-ww", "-o", "ppid=,command=", "-p", str(process)]
            try:
                done = subprocess.run(  # noqa: S603  # no word of a user's: the number of a process
                    command, capture_output=True, text=True, check=False, timeout=5
                )
            except (OSError, subprocess.TimeoutExpired):
                return
            parent, _, line = done.stdout.strip().partition(" ")
            if not parent.isdecimal():
                return
            yield line.split()
            process = int(parent)
