"""Findings as workflow commands, which GitHub shows beside the lines of a pull request."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from archgen.cli.palette import PLAIN, Palette
from archgen.cli.reporters.tally import plural
from archgen.diagnostics import Diagnostic, Severity, Span
from archgen.harmless import harmless

# GitHub shows the first ten annotations of each level in a step and drops the rest without a word
SHOWN = 10

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github(
    diagnostics: Sequence[Diagnostic],
    _sources: Mapping[str, str],
    _palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields commands for the first ten findings of each severity, errors first."""
    shown: Counter[Severity] = Counter()
    for diagnostic in sorted(diagnostics, key=lambda d: list(_LEVELS).index(d.severity)):
        shown[diagnostic.severity] += 1
        if shown[diagnostic.severity] <= SHOWN:
            yield _command(diagnostic)
    hidden = sum(max(0, count - SHOWN) for count in shown.values())
    if hidden:
        yield f"{plural(hidden, 'more finding')} without an annotation: {SHOWN} of a kind are shown"


def _command(diagnostic: Diagnostic) -> str:
    title = f"{diagnostic.rule.code} {diagnostic.rule.name}"
    places = {"title": title, "file": diagnostic.span.source, **_region(diagnostic.span)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in places.items())
    return f"::{_LEVELS[diagnostic.severity]} {properties}::{_data(_text(diagnostic))}"


def _region(span: Span) -> dict[str, str]:
    """The place as GitHub takes it: columns only where they are on one line."""
    lines = {"line": str(span.start.line), "endLine": str(span.end.line)}
    if span.start.line != span.end.line:
        return lines
    return {**lines, "col": str(span.start.column), "endColumn": str(span.end.column)}


def _text(diagnostic: Diagnostic) -> str:
    """The whole finding, a line for each of its parts."""
    return "\n".join(
        [
            diagnostic.message,
            *([diagnostic.caption] if diagnostic.caption else []),
            *(f"{label.span}: {label.text}" for label in diagnostic.labels),
            *diagnostic.notes,
            *([f"help: {diagnostic.help}"] if diagnostic.help else []),
        ]
    )


def _data(text: str) -> str:
    """`text` as the data of a command; its own line ends stay."""
    lines = (harmless(line).replace("%", "%25") for line in text.split("\n"))
    return "%0A".join(lines)


def _property(text: str) -> str:
    """`text` as a property of a command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
