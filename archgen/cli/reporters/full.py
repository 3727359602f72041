"""A finding as a person wants to read it: the user's lines, the derivation, and what to type."""

from collections.abc import Iterator, Mapping, Sequence

from archgen.cli.palette import PLAIN, Palette, paint
from archgen.cli.reporters.excerpt import Pen, sections
from archgen.diagnostics import Diagnostic
from archgen.harmless import harmless


def full(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields the rows of each finding, with an empty one between two findings.

    `sources` maps the names in spans to texts; where one is missing, places stand without lines.
    """
    for number, diagnostic in enumerate(diagnostics):
        if number:
            yield ""
        yield from _finding(diagnostic, sources, palette)


def _finding(diagnostic: Diagnostic, sources: Mapping[str, str], palette: Palette) -> Iterator[str]:
    colour = palette.severity(diagnostic.severity)
    parts = sections(diagnostic, sources)
    pen = Pen.wide_enough(parts, palette, colour)
    tag = paint(f"{diagnostic.severity}[{diagnostic.rule.code}]", colour)
    yield f"{tag}: {paint(harmless(diagnostic.message), palette.message)}"
    for number, part in enumerate(parts):
        if number and part.drawn:
            yield pen.row("")
        yield from pen.section(part)
    for note in diagnostic.notes:
        yield from _hanging(pen.beside(" = "), " " * (pen.gutter + len(" = ")), note)
    if diagnostic.help:
        yield from _hanging(
            paint("help:", palette.help) + " ", " " * len("help: "), diagnostic.help
        )


def _hanging(first: str, others: str, text: str) -> Iterator[str]:
    """The lines of `text`, the first after `first` and the others after `others`."""
    for number, line in enumerate(text.split("\n")):
        yield f"{others if number else first}{harmless(line)}".rstrip()
