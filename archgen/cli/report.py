"""Findings on the terminal: in the format asked for, with a line at the end that counts them."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from archgen.cli.exit_codes import FINDINGS, SOUND, UNUSABLE
from archgen.cli.terminal import has_colour, note, write_lines
from archgen.diagnostics import Diagnostic, Severity, SpecError
from archgen.rules import UNREADABLE

if TYPE_CHECKING:
    from archgen.render import Line

Arguments = ParamSpec("Arguments")


def reports_findings(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """The command, with what is wrong with a spec told on stderr and in the exit status."""

    @wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except SpecError as error:
            note_findings(error.diagnostics, error.sources)
            return status_of(error.diagnostics)

    return run


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, by file and place; a library's finding comes with every file that uses it."""
    unique: dict[tuple[object, ...], Diagnostic] = {}
    for diagnostic in diagnostics:
        source, *rest = diagnostic.key
        unique.setdefault((os.path.normpath(source), *rest), diagnostic)
    return sorted(unique.values(), key=lambda d: (d.span.source, d.span.start, d.rule.code))


def print_findings(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], output_format: str
) -> None:
    """Findings as a result, on stdout."""
    from archgen.cli.palette import COLOURS, PLAIN
    from archgen.cli.reporters import REPORTERS

    palette = COLOURS if has_colour() else PLAIN
    write_lines(REPORTERS[output_format](diagnostics, sources, palette))


def note_findings(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], output_format: str = "full"
) -> None:
    """Findings that stand in the way of a result, on stderr."""
    from archgen.cli.palette import COLOURS, PLAIN
    from archgen.cli.reporters import REPORTERS, closing_line

    found = ordered(diagnostics)
    palette = COLOURS if has_colour(to_stderr=True) else PLAIN
    lines = [*REPORTERS[output_format](found, sources, palette)]
    note("\n".join([*lines, *([""] if output_format == "full" else []), closing_line(found)]))


def paint_lines(lines: Iterable[Line]) -> Iterator[str]:
    """The lines of a view, made harmless and coloured by what they are."""
    from archgen.cli.palette import COLOURS, paint
    from archgen.harmless import harmless

    colours = {"head": COLOURS.message, "broken": COLOURS.error} if has_colour() else {}
    for line in lines:
        yield paint(harmless(line.text), colours.get(line.role, ""))


def status_of(diagnostics: Iterable[Diagnostic], *, strict: bool = False) -> int:
    """The exit status for these findings: a file that cannot be read weighs more than an error."""
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    codes = {diagnostic.rule.code for diagnostic in diagnostics if diagnostic.severity in failing}
    if UNREADABLE.code in codes:
        return UNUSABLE
    return FINDINGS if codes else SOUND
