"""One line for each finding, as editors and `grep` like it."""

from collections.abc import Iterator, Mapping, Sequence

from archgen.cli.palette import PLAIN, Palette, paint
from archgen.diagnostics import Diagnostic
from archgen.harmless import harmless


def concise(
    diagnostics: Sequence[Diagnostic],
    _sources: Mapping[str, str],
    palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields `FILE:LINE:COLUMN: error[CODE] MESSAGE` for each finding."""
    for diagnostic in diagnostics:
        tag = f"{diagnostic.severity}[{diagnostic.rule.code}]"
        colour = palette.severity(diagnostic.severity)
        place = harmless(str(diagnostic.span))
        yield f"{place}: {paint(tag, colour)} {harmless(diagnostic.message)}"
