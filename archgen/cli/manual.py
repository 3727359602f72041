"""The manual page of `archgen`, written from what its commands say of themselves."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from archgen import __version__
from archgen.cli import exit_codes
from archgen.cli.group import COMMANDS, archgen

DATE = "2026-11-28"
WIDTH = 68
OF_ALL = ("--color", "--debug", "--help")  # told once
STATUSES = {
    exit_codes.SOUND: "Nothing is wrong.",
    exit_codes.FINDINGS: "A spec has errors, or a file is stale; with --strict, or with --exit-code and "
    "--breaking of archgen diff, what these ask for.",
    exit_codes.UNUSABLE: "The command line is wrong, or a file cannot be read or written.",
    exit_codes.BUG: "A bug of archgen, never of its input.",
    exit_codes.INTERRUPTED: "Interrupted; a file that was being written is whole or as it was.",
}
ENVIRONMENT = {
    "NO_COLOR": "Where it is not empty, nothing is coloured.",
    "FORCE_COLOR": "Where it is neither empty nor 0, output is coloured though no terminal shows it.",
    "TERM": "Where it is dumb, nothing is coloured.",
}


def man_page() -> str:
    """The whole page, in the macros that every man has."""
    return "\n".join([*_head(), *_commands(), *_tail()]) + "\n"


def _head() -> Iterator[str]:
    yield '.\\" Written by tools/generate_docs.py; changes made here are lost.'
    yield f'.TH ARCHGEN 1 "{DATE}" "archgen {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "archgen \\- a compiler for network architectures"
    yield ".SH SYNOPSIS"
    yield ".B archgen"
    yield "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]..."
    yield ".SH DESCRIPTION"
    yield from _text(inspect.cleandoc(archgen.help or ""))
    yield ".SH OPTIONS"
    yield "Every command takes these."
    yield from _options(archgen, "archgen", of_all=True)


def _commands() -> Iterator[str]:
    yield ".SH COMMANDS"
    context = click.Context(archgen, info_name="archgen")
    for name in COMMANDS:
        command = archgen.get_command(context, name)
        assert command is not None
        yield from _command(command, f"archgen {name}")


def _command(command: click.Command, name: str) -> Iterator[str]:
    """One command, or a group of them with each of its own."""
    context = click.Context(command, info_name=name)
    usage = " ".join(map(_escaped, dict.fromkeys(command.collect_usage_pieces(context))))
    yield f".SS {_escaped(name)} {usage}"
    yield from _text(inspect.cleandoc(command.help or ""))
    yield from _options(command, name, of_all=False)
    if command.epilog:
        yield from _text(inspect.cleandoc(command.epilog))
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, f"{name} {inner}")


def _options(command: click.Command, name: str, *, of_all: bool) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    for param in command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        is_of_all = any(option in OF_ALL for option in param.opts)
        if record is None or (is_of_all and not of_all):
            continue
        yield ".TP"
        yield f"\\fB{_escaped(record[0])}\\fR"
        yield from _text(record[1])


def _tail() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for status, meaning in STATUSES.items():
        yield from (".TP", f"\\fB{status}\\fR", *_text(meaning))
    yield ".SH ENVIRONMENT"
    for variable, meaning in ENVIRONMENT.items():
        yield from (".TP", f"\\fB{variable}\\fR", *_text(meaning))


def _text(text: str) -> Iterator[str]:
    """Paragraphs of a help text; one that begins with a backspace keeps its lines, as click has it."""
    for number, paragraph in enumerate(re.split(r"\n{2,}", text.strip("\n"))):
        first, *others = paragraph.split("\n")
        if number and first != "\b":
            yield ".PP"
        if first == "\b":
            title, *lines = others
            yield from (".PP", _line(title), ".PP", ".nf", ".RS 4")
            yield from (_line(line.strip()) for line in lines if line.strip())
            yield from (".RE", ".fi")
        else:
            yield from map(_line, textwrap.wrap(" ".join((first, *others)), WIDTH))


def _line(text: str) -> str:
    """A line that no macro can begin."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
