"""Where a command's words go: results to stdout, all else to stderr, colours where they are wanted.

A reader that stops reading (`archgen check | head`) ends the output without a word and changes
nothing about the exit status.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

import click

_CHOICE = "archgen.color"
_SILENT = "archgen.silent"


def remember_colour(ctx: click.Context, choice: str | None) -> None:
    """Keeps what `--color` said, on the group or on the command."""
    if choice is not None:
        ctx.meta[_CHOICE] = choice


def has_colour(*, to_stderr: bool = False) -> bool:
    """Whether what goes to stdout (or stderr) is to be coloured."""
    ctx = click.get_current_context(silent=True)
    choice = ctx.meta.get(_CHOICE, "auto") if ctx else "auto"
    return wants_colour(choice, sys.stderr if to_stderr else sys.stdout, os.environ)


def wants_colour(choice: str, stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """The option decides, then NO_COLOR, FORCE_COLOR and TERM=dumb, then whether a person looks.

    A stream is None where the process was started without it.
    """
    if stream is None:
        return False
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return environment.get("TERM") != "dumb" and stream.isatty()


@contextmanager
def silenced() -> Iterator[None]:
    """Inside, this process says nothing: another one says the same."""
    ctx = click.get_current_context()
    ctx.meta[_SILENT] = True
    try:
        yield
    finally:
        del ctx.meta[_SILENT]


def _is_silent() -> bool:
    ctx = click.get_current_context(silent=True)
    return ctx is not None and _SILENT in ctx.meta


def write(text: str) -> None:
    """Writes `text` to stdout as it is; a full disk is an OSError."""
    if _is_silent():
        return
    try:
        click.echo(text, sys.stdout, nl=False, color=has_colour())
    except OSError as error:
        if not _has_left(sys.stdout, error):
            raise
        discard(sys.stdout)


def _has_left(stream: TextIO, error: OSError) -> bool:
    """Whether the reader of a pipe is gone, or the terminal: its window or connection was closed."""
    if error.errno != errno.EIO:
        return error.errno == errno.EPIPE
    return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)


def write_lines(lines: Iterable[str]) -> None:
    """Writes a result of whole lines."""
    text = "\n".join(lines)
    if text:
        write(f"{text}\n")


def clear_screen(*, is_first: bool = False) -> None:
    """Begins a result in the place of the one before: on an empty screen, or after an empty line."""
    if sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        write("\x1b[2J\x1b[3J\x1b[H")
    elif not is_first:
        write("\n")


def note(text: str) -> None:
    """Tells the person at the terminal something that is no result; where nobody can hear it, nothing."""
    if _is_silent():
        return
    try:
        click.echo(text, sys.stderr, color=has_colour(to_stderr=True))
    except OSError:
        discard(sys.stderr)


def tolerate_any_text() -> None:
    """Lets any text through a stream that is not UTF-8, escaped where it has no letters for it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def open_missing_streams() -> None:
    """Opens on nothing each standard stream that the process was started without (`>&-`).

    Otherwise the next file that is opened would take its number, and what a library prints with it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def discard(stream: TextIO | None) -> None:
    """Sends what the stream still holds nowhere, so that the interpreter can close it."""
    if stream is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
