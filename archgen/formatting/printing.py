"""A layout as text: two spaces a level, what is in brackets on one line if it fits, comments in columns."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from archgen.formatting.layout import (
    Alias,
    Collection,
    Comment,
    Entry,
    Lead,
    Piece,
    Scalar,
    without_first_lead,
)
from archgen.formatting.remarks import BREAK
from archgen.formatting.words import one_line

WIDTH = 120
STEP = 2


class _Line(NamedTuple):
    """One line without its comment, and the comment."""

    text: str
    tail: Comment | None = None


def print_layout(root: Collection) -> str:
    """The text of a whole document, a line break at its end."""
    lines = [*([] if root.entries else [_Line("{}")]), *_block(root, 0)]
    while not lines[-1].text:
        lines.pop()
    while not lines[0].text:
        lines.pop(0)
    columns = _columns(lines)
    return "".join(f"{_with_tail(line, columns)}\n" for line in lines)


def _columns(lines: Iterable[_Line]) -> dict[int, int]:
    """The new columns of the comments that stood in one column with others."""
    ends: defaultdict[int, int] = defaultdict(int)
    counts: Counter[int] = Counter()
    for line in lines:
        if line.tail is not None:
            counts[line.tail.column] += 1
            ends[line.tail.column] = max(ends[line.tail.column], len(line.text) + 2)
    return {column: max(column, ends[column]) for column in ends if counts[column] > 1}


def _with_tail(line: _Line, columns: dict[int, int]) -> str:
    if line.tail is None:
        return line.text
    column = columns.get(line.tail.column, len(line.text) + 2)
    return f"{line.text:<{column}}{line.tail.text}"


def _block(collection: Collection, indent: int) -> Iterator[_Line]:
    """The entries of a collection, each on lines of its own."""
    pad = _padding(collection, indent)
    for number, entry in enumerate(map(_lifted, collection.entries)):
        lines = list(_entry(entry, indent, pad))
        lead = (None, *entry.lead) if entry.is_apart and len(lines) > 1 else entry.lead
        yield from _lead(lead if number else _from_comment(lead), indent)
        yield from lines
    end = collection.end
    yield from _lead(end if collection.entries else _from_comment(end), indent)


def _lifted(entry: Entry) -> Entry:
    """A list's entry with what stands above its own first entry above its `-`."""
    inner = entry.value
    if entry.key is not None or not isinstance(inner, Collection) or not inner.entries:
        return entry
    first = _lifted(inner.entries[0])
    inner = without_first_lead(replace(inner, entries=(first, *inner.entries[1:])))
    return replace(entry, value=inner, lead=(*entry.lead, *first.lead))


def _from_comment(lead: Lead) -> Lead:
    return _from_comment(lead[1:]) if lead and lead[0] is None else lead


def _lead(lead: Lead, indent: int) -> Iterator[_Line]:
    """The comments of a lead, and one blank line where there are any."""
    was_blank = False
    for comment in lead:
        if comment is not None or not was_blank:
            yield _Line(" " * indent + comment.text if comment is not None else "")
        was_blank = comment is None


def _padding(collection: Collection, indent: int) -> int:
    """The width of the keys, their colons with them, where the values are to stand in one column."""
    columns = {entry.column for entry in collection.entries}
    gaps = {None if e.column is None else e.column - e.width for e in collection.entries}
    if not collection.is_mapping or collection.is_flow or len(columns) > 1 or len(gaps) < 2:
        return 0
    keys = [_key(entry) for entry in collection.entries]
    width = max(map(len, keys)) + 1
    rows = [_on_one_line(entry.value, indent + width) for entry in collection.entries]
    return width if None not in rows else 0


def _key(entry: Entry) -> str:
    assert entry.key is not None
    return one_line(entry.key, in_flow=False, is_key=True) + ":"


def _entry(entry: Entry, indent: int, pad: int) -> Iterator[_Line]:
    start = " " * indent + (f"{_key(entry):<{pad}}".rstrip() if entry.key else "-")
    room = max(len(start), indent + pad - 1) + 1
    text = _on_one_line(entry.value, room)
    if text is not None:
        yield _Line(f"{start:<{room}}{text}" if text else start, entry.tail)
    elif isinstance(entry.value, Collection):
        yield from _nested(entry, entry.value, start, indent)
    else:
        assert isinstance(entry.value, Scalar)
        yield from _long_scalar(entry.value, start, indent, entry.tail)


def _on_one_line(piece: Piece, room: int) -> str | None:
    """The piece on the line of its key, if that is where it belongs."""
    if isinstance(piece, Collection):
        if piece.entries and (not piece.is_flow or not piece.is_simple):
            return None
        text = _flow(piece)
        return text if room + len(text) <= WIDTH or not piece.entries else None
    if isinstance(piece, Alias) or not piece.has_lines:
        return one_line(piece, in_flow=False)
    if piece.style or "\n" in piece.text:
        return None
    text = one_line(piece, in_flow=False)
    return text if room + len(text) <= WIDTH else None


def _flow(piece: Piece) -> str:
    """The piece in brackets."""
    if not isinstance(piece, Collection):
        return one_line(piece, in_flow=True)
    inner = ", ".join(map(_flow_entry, piece.entries))
    brackets = f"{{{inner}}}" if piece.is_mapping else f"[{inner}]"
    return f"{piece.mark} {brackets}".strip()


def _flow_entry(entry: Entry) -> str:
    if entry.key is None:
        return _flow(entry.value)
    return f"{one_line(entry.key, in_flow=True, is_key=True)}: {_flow(entry.value)}"


def _nested(entry: Entry, inner: Collection, start: str, indent: int) -> Iterator[_Line]:
    """A collection below its key; below a `-`, its first line beside it."""
    lines = _block(inner, indent + STEP)
    if entry.key is None and not inner.mark:
        if entry.tail is not None:  # it stood behind a bracket that is gone
            yield _Line(" " * indent + entry.tail.text)
        line = next(lines)
        yield line._replace(text=f"{start} {line.text.lstrip(' ')}")
    else:
        yield _Line(f"{start} {inner.mark}".rstrip(), entry.tail)
    yield from lines


def _long_scalar(scalar: Scalar, start: str, indent: int, tail: Comment | None) -> Iterator[_Line]:
    """A plain or block scalar of several lines, each as it was, at the indentation that is due."""
    if scalar.style:
        yield from _block_scalar(scalar, start, indent, tail)
        return
    rows = [row.strip() for row in BREAK.split(scalar.raw)]
    rows[0] = f"{start} {scalar.mark} ".rstrip() + f" {rows[0]}"
    for number, row in enumerate(rows, start=1):
        text = row if number == 1 or not row else " " * (indent + STEP) + row
        yield _Line(text, tail if number == len(rows) else None)


def _block_scalar(scalar: Scalar, start: str, indent: int, tail: Comment | None) -> Iterator[_Line]:
    if not scalar.text.strip() or scalar.text.endswith("\n\n"):
        quoted = one_line(replace(scalar, style='"'), in_flow=False)
        yield _Line(f"{start} {quoted}", tail)
        return
    _, *rows = BREAK.split(scalar.raw)
    margin = _margin(next(row for row in rows if row.strip()))
    deeper = _margin(next(row for row in scalar.text.split("\n") if row.strip()))
    sign = scalar.style + (str(STEP) if deeper else "") + ("" if scalar.text[-1] == "\n" else "-")
    yield _Line(f"{start} {scalar.mark} ".rstrip() + f" {sign}", tail)
    for row in rows:
        inner = row[margin - deeper :]
        yield _Line(" " * (indent + STEP) + inner if inner else "")


def _margin(row: str) -> int:
    found = re.match(" *", row)
    assert found is not None
    return found.end()
