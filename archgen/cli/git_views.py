"""What git calls to show specs: a text to compare, a driver of its own, a tool.

Git takes a program that fails for one that died, and shows nothing more; so these end with 0 whatever
is wrong with a spec, and say so in what they print.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.terminal import write_lines

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
    """Print what has become of a spec, for `git diff`, which gives seven arguments or more."""
    if len(arguments) < 7:
        write_lines([f"* unmerged: {_shown(' '.join(arguments[:1]))}"])
        return SOUND
    path, old, _, _, new, *_ = arguments
    write_lines([f"diff --archgen {_shown(path)}", *_difference(old, new, path), ""])
    return SOUND


@click.command(hidden=True)
@click.argument("old")
@click.argument("new")
@click.argument("path")
def git_difftool(old: str, new: str, path: str) -> int:
    """Print what has become of a spec, for `git difftool`."""
    write_lines([f"diff --archgen {_shown(path)}", *_difference(old, new, path), ""])
    return SOUND


def _difference(old: str, new: str, path: str) -> Sequence[str]:
    """What a change means where both sides are networks; otherwise what it changes, line by line."""
    from archgen.cli.report import paint_lines
    from archgen.cli.sides import read_side
    from archgen.diff import compare
    from archgen.diff.text import difference_text

    if old not in MISSING and new not in MISSING:
        sides = [read_side(file, Path(path)) for file in (old, new)]
        before, after = sides
        if before.network is not None and after.network is not None:
            difference = compare(before.network, after.network, (before.findings, after.findings))
            return list(paint_lines(difference_text(difference, (f"a/{path}", f"b/{path}"))))
    return list(_line_by_line(old, new, path))


def _line_by_line(old: str, new: str, path: str) -> Iterator[str]:
    names = (f"a/{path}", f"b/{path}")
    texts = [[] if file in MISSING else list(_lines(file)) for file in (old, new)]
    shown = [
        os.devnull if file in MISSING else name
        for file, name in zip((old, new), names, strict=True)
    ]
    old_name, new_name = map(_shown, shown)
    yield from difflib.unified_diff(texts[0], texts[1], old_name, new_name, lineterm="")


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
