"""A difference as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archgen.diagnostics import Diagnostic
from archgen.diff.compare import Difference, Severity
from archgen.diff.ripple import ripple
from archgen.diff.wording import (
    COLUMNS,
    OF_MACS,
    VERDICTS,
    change_cells,
    closing,
    place,
    ripple_words,
    row_cells,
    total_cells,
)
from archgen.render.table import Line, aligned

MARGIN = "  "


def difference_text(
    difference: Difference, names: tuple[str, str], width: int = 0, *, is_full: bool = False
) -> Iterator[Line]:
    """Own changes with their places, a table of what they do, what follows, and what it means.

    On a screen that is too narrow, of `width` columns, the table does without MACs; 0 is any width.
    Parts that are as before are only counted unless it `is_full`.
    """
    yield Line(f"{names[0]} -> {names[1]}", "head")
    if difference.severity is Severity.EQUAL and difference.is_known and not is_full:
        yield Line(VERDICTS[Severity.EQUAL])
        yield from _failures(difference)
        return
    cells = [change_cells(change) for change in difference.changes]
    if cells:
        yield Line("")
        yield from (Line(f"{MARGIN}{line}") for line in aligned(cells, left=5))
    yield from _table(difference, width, is_full=is_full)
    yield from (Line(f"{MARGIN}> {ripple_words(widened)}") for widened in ripple(difference))
    yield from _failures(difference)
    yield Line("")
    is_breaking = difference.severity >= Severity.WEIGHT_BREAKING
    yield Line(closing(difference), "broken" if is_breaking else "")


def _table(difference: Difference, width: int, *, is_full: bool) -> Iterator[Line]:
    rows = [row for row in difference.rows if row.sign or is_full]
    if not rows:
        return
    cells: list[Sequence[str]] = [COLUMNS, *map(row_cells, rows), total_cells(difference)]
    lines = aligned(cells, left=3)
    if 0 < width < max(map(len, lines)) + len(MARGIN):
        lines = aligned([(*c[: OF_MACS.start], *c[OF_MACS.stop :]) for c in cells], left=3)
    yield Line("")
    for number, line in enumerate(lines):
        yield Line(f"{MARGIN}{line}", "head" if number in (0, len(lines) - 1) else "")


def _failures(difference: Difference) -> Iterator[Line]:
    """The errors that came with the change, those that stay, and those that went."""
    if difference.failed or difference.mended or difference.lasting:
        yield Line("")
    for found in difference.failed:
        yield Line(f"{MARGIN}! {_failure(found)}", "broken")
    for found in difference.lasting:
        yield Line(f"{MARGIN}! {_failure(found)} (on both sides)", "broken")
    for found in difference.mended:
        yield Line(f"{MARGIN}- {_failure(found)} (mended)")


def _failure(found: Diagnostic) -> str:
    return f"{place(found.span)}: {found.rule.code} {found.message}"
