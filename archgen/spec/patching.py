"""Edits of a text: the positions of findings as offsets, and several edits applied at once."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from archgen.diagnostics import Edit, Position, Span

# libyaml ends a line at each of these, and counts characters within it
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class Offsets:
    """Where the lines of a text begin, so that a position is found at once."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._length = len(text)

    def of(self, position: Position) -> int:
        """The offset of a position; of one outside the text, the nearest end."""
        line = min(max(position.line, 1), len(self._starts))
        return min(self._starts[line - 1] + max(position.column, 1) - 1, self._length)

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def text_at(text: str, span: Span) -> str:
    """What stands in a span."""
    offsets = Offsets(text)
    return text[offsets.of(span.start) : offsets.of(span.end)]


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits, none of which overlaps another; all else stays as it is."""
    offsets = Offsets(text)
    places = [(offsets.of(e.span.start), offsets.of(e.span.end), e.text) for e in edits]
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text
