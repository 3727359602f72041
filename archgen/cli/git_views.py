"""What git calls to show specs: a text to compare, a driver of its own, a tool.

Git takes a program that fails for one that died, and shows nothing more; so these end with 0 whatever
is wrong with a spec, and say so in what they print.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.cli.sides import Side

MISSING = frozenset({"/dev/null", os.devnull, "nul"})


@click.command(hidden=True)
@click.argument("file")
def git_textconv(file: str) -> int:
    """Print FILE as lines of `path = value`, for `git log -p`."""
    write_lines(_lines(file))
    return SOUND


@click.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def git_diff(arguments: tuple[str, ...]) -> int:
    """Print what has become of a spec, for `git diff`, which gives seven arguments, or nine for a rename."""
    if len(arguments) < 7:
        path = arguments[0] if arguments else ""
        sides = f"archgen diff :2:{path} :3:{path}"
        write_lines([f"* unmerged: {_shown(path)}; `{_shown(sides)}` compares both sides"])
        return SOUND
    path, old, old_blob, _, new, new_blob, _, *renamed = arguments
    shown = [f"diff --archgen {_shown(path)}"]
    if len(renamed) > 1:
        shown += [_shown(line) for line in renamed[1].splitlines() if line.startswith("rename ")]
    after = renamed[0] if renamed else path
    change = _Change((old, new), (path, after), (old_blob, new_blob))
    write_lines([*shown, *change.lines(), ""])
    return SOUND


@click.command(hidden=True)
@click.argument("old")
@click.argument("new")
@click.argument("path")
def git_difftool(old: str, new: str, path: str) -> int:
    """Print what has become of a spec, for `git difftool`."""
    change = _Change((old, new), (path, path))
    write_lines([f"diff --archgen {_shown(path)}", *change.lines(), ""])
    return SOUND


class _Change(NamedTuple):
    """Two files that git gives, the paths at which they stand in their trees, and what it calls them."""

    files: tuple[str, str]
    paths: tuple[str, str]
    blobs: tuple[str, str] | None = None

    def lines(self) -> Sequence[str]:
        """What the change means where both sides are networks; otherwise line by line."""
        from archgen.cli.report import paint_lines
        from archgen.diff import compare
        from archgen.diff.text import difference_text

        if MISSING & {*self.files}:
            return list(self._line_by_line())
        sides = self._sides()
        if isinstance(sides, str):
            return [sides, *self._line_by_line()]
        before, after = sides
        if before.network is None or after.network is None:
            return [*self._line_by_line(), *self._reached()]
        difference = compare(before.network, after.network, (before.findings, after.findings))
        names = f"a/{self.paths[0]}", f"b/{self.paths[1]}"
        return list(paint_lines(difference_text(difference, names)))

    def _sides(self) -> tuple[Side, Side] | str:
        """Both specs with the libraries of their own trees; or why it is not known which those are."""
        from archgen.cli.compared_trees import origins
        from archgen.cli.git import GitFailed, root_of_repository
        from archgen.cli.reach import blob_of
        from archgen.cli.sides import read_side

        try:
            root = root_of_repository(Path.cwd())
            blobs = self.blobs or tuple(blob_of(Path(file), root) for file in self.files)
            found = origins(self.paths, (blobs[0], blobs[1]), root)
        except (GitFailed, OSError):
            found = None, None
        sides = []
        for file, path, origin in zip(self.files, self.paths, found, strict=True):
            if origin is None:
                told = (
                    "(it is not known which libraries this side has: `archgen diff REV:{0} REV:{0}`"
                )
                return _shown(told.format(path) + " compares networks)")
            read = None if origin.revision is None else origin.revision.read
            sides.append(read_side(file, Path(path), read=read))
        return sides[0], sides[1]

    def _reached(self) -> Iterator[str]:
        """A line that names the networks which a changed library reaches."""
        from archgen.cli.git import GitFailed
        from archgen.cli.reach import since
        from archgen.diagnostics import SpecError

        try:
            _, reach = since("HEAD", [Path(path) for path in self.paths])
        except (GitFailed, SpecError):
            return
        users = reach.networks(self.paths)
        if users:
            more = f" and {len(users) - 1} more" if len(users) > 1 else ""
            yield f"(it is part of {_shown(users[0])}{more}: `archgen check --since HEAD` checks them)"

    def _line_by_line(self) -> Iterator[str]:
        names = f"a/{self.paths[0]}", f"b/{self.paths[1]}"
        texts = [[] if file in MISSING else list(_lines(file)) for file in self.files]
        shown = [
            _shown(os.devnull if file in MISSING else name)
            for file, name in zip(self.files, names, strict=True)
        ]
        yield from difflib.unified_diff(texts[0], texts[1], shown[0], shown[1], lineterm="")


def _lines(file: str) -> Iterator[str]:
    """A file as text to compare; where it cannot be read, the reason."""
    from archgen.cli.flat import flat_text
    from archgen.diagnostics import SpecError
    from archgen.spec.files import read_spec

    try:
        yield from flat_text(read_spec(Path(file)).text, file)
    except SpecError as error:
        yield f"({error.diagnostics[0].message})"


def _shown(text: str) -> str:
    from archgen.harmless import harmless

    return harmless(text)
