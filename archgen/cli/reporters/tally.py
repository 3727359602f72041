"""How many findings of each severity there are, counted and said."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archgen.diagnostics import Diagnostic, Severity


@dataclass(frozen=True)
class Tally:
    """Findings by severity, and the number of sources they are in."""

    errors: int
    warnings: int
    notes: int
    files: int

    @classmethod
    def of(cls, diagnostics: Sequence[Diagnostic]) -> "Tally":
        """Counts the findings."""
        counts = Counter(diagnostic.severity for diagnostic in diagnostics)
        files = len({diagnostic.span.source for diagnostic in diagnostics})
        return cls(counts[Severity.ERROR], counts[Severity.WARNING], counts[Severity.NOTE], files)


def closing_line(diagnostics: Sequence[Diagnostic]) -> str:
    """The last line of a report: `found 2 errors and 1 warning in 1 file`."""
    tally = Tally.of(diagnostics)
    counts = [(tally.errors, "error"), (tally.warnings, "warning"), (tally.notes, "note")]
    found = [plural(count, word) for count, word in counts if count]
    if not found:
        return "found no problems"
    return f"found {_enumeration(found)} in {plural(tally.files, 'file')}"


def plural(count: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _enumeration(parts: Iterable[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
