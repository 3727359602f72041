"""The way in and the only way out: whatever a command meets becomes an exit status here."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from archgen.cli.exit_codes import BUG, INTERRUPTED, LOST, SOUND, UNUSABLE
from archgen.cli.group import archgen
from archgen.cli.terminal import discard, note, open_missing_streams, tolerate_any_text

# what the system refuses for reasons of its own: neither a bug of ours nor a wrong spec
THE_WORLD = frozenset(
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM"),
        *("EMFILE", "ENFILE", "ENOMEM", "ENAMETOOLONG", "ELOOP"),
    )
    if hasattr(errno, name)
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; `argv` is without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is not None:
        return _status(arguments)
    with _own_process():
        return _status(arguments)


@contextmanager
def _own_process() -> Iterator[None]:
    """Saves a fifth of the time of a short command, in a process that runs nothing else.

    Few collections on the way, and none at the end: a check makes many objects and keeps them until
    they go with the process. No plugins of pydantic: looking for them reads the metadata of every
    installed package. And no process that this one starts, whatever starts it (a layout engine, a data
    loader, PyTorch's elastic agent), has the current folder on its module path: a file `click.py` of
    somebody else's project is not imported. PYTHONSAFEPATH is Python's own switch for that (-P).
    """
    open_missing_streams()
    gc.set_threshold(100_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        gc.freeze()


def _status(arguments: list[str]) -> int:
    tolerate_any_text()
    if (refusal := _refusal(arguments)) is not None:
        note(f"archgen: {refusal}")
        return UNUSABLE
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        note("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # a bug of ours must not look like the user's error
        return _bug(error, arguments)


def _refusal(arguments: list[str]) -> str | None:
    """Why no command can run, or None."""
    if any("\0" in argument for argument in arguments):
        return "an argument holds a null character, which no name of a file has"
    try:
        os.getcwd()  # noqa: PTH109  # half of what a path costs, in every command
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        return f"the current folder cannot be used: {reason}: `cd` to one that is there"
    return None


def _run(arguments: list[str]) -> int:
    stdout = sys.stdout
    try:
        status = archgen.main(arguments, "archgen", standalone_mode=False)
    except click.ClickException as error:
        _show(error)
        return LOST if error.exit_code == LOST else UNUSABLE
    except OSError as error:
        if error.errno not in THE_WORLD:
            raise
        discard(sys.stdout)
        note(f"archgen: {_what_failed(error)}")
        return UNUSABLE
    except click.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as stop:  # how click ends a completion, and a help that nobody reads on
        was_left = sys.stdout is not stdout  # click replaces what a reader has left
        status = SOUND if was_left else stop.code
    return status if isinstance(status, int) else SOUND


def _show(error: click.ClickException) -> None:
    """Prints a refusal; what the user typed or named in it cannot command the terminal."""
    from archgen.harmless import harmless

    told = io.StringIO()
    error.show(told)
    note("\n".join(map(harmless, told.getvalue().rstrip("\n").split("\n"))))


def _what_failed(error: OSError) -> str:
    from archgen.diagnostics import brief
    from archgen.harmless import harmless

    reason = "the disk is full" if error.errno == errno.ENOSPC else os.strerror(error.errno or 0)
    if error.filename is None:
        return f"the output cannot be written: {reason.lower()}"
    return brief(f"`{harmless(os.fsdecode(error.filename))}`: {reason.lower()}")


def _bug(error: Exception, arguments: list[str]) -> int:
    if "--debug" in arguments:
        import traceback

        note("".join(traceback.format_exception(error)).rstrip())
    from archgen.harmless import harmless

    reason = harmless(" ".join(f"{type(error).__name__}: {error}".split()))
    hint = "" if "--debug" in arguments else "; `archgen --debug ...` shows where it happened"
    note(
        f"archgen: this is a bug in archgen and not in your files ({reason[:300]}): "
        f"please report it with the command and its input{hint}"
    )
    return BUG
