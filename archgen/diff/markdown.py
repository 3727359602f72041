"""A difference as Markdown for a pull request: a table, what follows, the changes, and one diagram.

Whatever somebody else wrote stands in code spans, in which GitHub reads no markup, no mention, no
number of an issue and no link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from archgen.diagnostics import Diagnostic
from archgen.diff.compare import Difference, Row
from archgen.diff.ripple import ripple
from archgen.diff.wording import (
    COLUMNS,
    KINDS,
    change_cells,
    closing,
    cut,
    part_words,
    place,
    ripple_words,
    row_cells,
    total_cells,
    verdict,
)
from archgen.render.markdown import code_span
from archgen.render.mermaid import label_text

LONGEST_COMMENT = 65_536  # characters that GitHub takes
ROOM_FOR_TABLE = 16_000
ROOM_FOR_LIST = 14_000
LONGEST_NAME = 200
MOST_BOXES = 60
FILLS = {
    "changed": "#f5c542",
    "induced": "#fbe9a9",
    "new": "#8fd19e",
    "gone": "#f19c9c",
    "unknown": "#d9d9d9",
}
KEY = "`~` changed, `>` another only by what goes in, `+` new, `-` gone, `?` hidden by an error"


def difference_markdown(difference: Difference, names: tuple[str, str]) -> str:
    """A comment that fits where GitHub shows it; what is left out of a list is counted."""
    spans = [code_span(name[-LONGEST_NAME:]) for name in names]
    sections = [
        f"**{verdict(difference)}** {spans[0]} → {spans[1]}",
        _table(difference),
        _listed(_failures(difference)),
        _listed(code_span(f"> {ripple_words(widened)}") for widened in ripple(difference)),
        _folded(difference),
        _diagram(difference.rows),
        closing(difference) if any(row.sign for row in difference.rows) else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _table(difference: Difference) -> str:
    rows = [row for row in difference.rows if row.sign]
    if not rows:
        return ""
    lines = [_line(COLUMNS), _line(("---",) * 3 + ("---:",) * 5)]
    body = [_line(_row(row)) for row in rows]
    body, left_out = _fitting(body, ROOM_FOR_TABLE)
    if left_out:
        body.append(_line(("", f"{left_out} more", *[""] * 6)))
    total = tuple(f"**{cell}**" if cell else "" for cell in total_cells(difference))
    return "\n".join([*lines, *body, _line(total), "", KEY])


def _row(row: Row) -> tuple[str, ...]:
    sign, name, *cells = row_cells(row)
    return (code_span(sign), code_span(name, in_table=True), *cells)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def failure(found: Diagnostic) -> str:
    """A finding and its place."""
    return f"**{found.rule.code}** {code_span(found.message)} in {code_span(place(found.span))}"


def _failures(difference: Difference) -> Iterator[str]:
    yield from (failure(found) for found in difference.failed)
    yield from (f"{failure(found)}, on both sides" for found in difference.lasting)
    yield from (f"{failure(found)}, mended" for found in difference.mended)


def _listed(items: Iterable[str], room: int = ROOM_FOR_LIST // 2) -> str:
    lines, left_out = _fitting([f"- {item}" for item in items], room)
    return "\n".join([*lines, *([f"- {left_out} more"] if left_out else [])])


def _folded(difference: Difference) -> str:
    """The own changes, folded away."""
    count = len(difference.changes)
    if not count:
        return ""
    items = []
    for sign, where, step, what, at in map(change_cells, difference.changes):
        words = " ".join(word for word in (sign, where, step, what) if word)
        items.append(f"{code_span(words)} in {code_span(at)}")
    summary = f"{count} own changes" if count > 1 else "1 own change"
    inner = _listed(items, ROOM_FOR_LIST)
    return f"<details><summary>{summary}</summary>\n\n{inner}\n\n</details>"


def _fitting(lines: Sequence[str], room: int) -> tuple[list[str], int]:
    """The first lines that fit, and how many are left out."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept, len(lines) - len(kept)


# --- the diagram --------------------------------------------------------------------------------


def _diagram(rows: Sequence[Row]) -> str:
    """The parts in a row, the changed ones coloured; what is as before in between is one box."""
    boxes = list(_boxes(rows))
    if all(kind == "same" for _, kind in boxes):
        return ""
    left_out = len(boxes) - MOST_BOXES
    if left_out > 0:
        boxes = [*boxes[:MOST_BOXES], (f"{left_out} more", "same")]
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'  n{n}["{label_text(words)}"]:::{kind}' for n, (words, kind) in enumerate(boxes)]
    there = [n for n, (_, kind) in enumerate(boxes) if kind != "gone"]
    lines += [f"  n{one} --> n{other}" for one, other in pairwise(there)]
    used = {kind for _, kind in boxes}
    lines += [f"  classDef {k} fill:{fill},color:#000" for k, fill in FILLS.items() if k in used]
    return "\n".join([*lines, "```"])


def _boxes(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The words and the kind of each box."""
    for is_same, group in groupby(rows, lambda row: not row.sign):
        some = list(group)
        if is_same and len(some) > 1:
            yield f"{len(some)} as before", "same"
        else:
            yield from ((cut(part_words(row)), KINDS[row.sign]) for row in some)
