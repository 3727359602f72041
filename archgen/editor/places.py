"""Places of a text as editors count them: lines and columns from 0, a column in units of an encoding."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from archgen.diagnostics import Position, Span
from archgen.spec.patching import Offsets

# the Language Server Protocol knows these ends of lines, and libyaml three more
_BREAK = re.compile("\r\n|[\r\n]")


class Place(NamedTuple):
    """A place between two characters."""

    line: int
    character: int


class Places:
    """Positions of findings as places of an editor, and back. `encoding` is utf-8, utf-16 or utf-32."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self._text = text
        self._offsets = Offsets(text)
        breaks = list(_BREAK.finditer(text))
        self._starts = [0, *(found.end() for found in breaks)]
        self._ends = [*(found.start() for found in breaks), len(text)]
        self._encoding = f"{encoding}-le" if encoding != "utf-8" else encoding
        self._unit = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]

    def of(self, position: Position) -> Place:
        """The place of a position of a finding."""
        offset = self._offsets.of(position)
        line = bisect_right(self._starts, offset) - 1
        return Place(line, self._units(self._text[self._starts[line] : offset]))

    def range(self, span: Span) -> tuple[Place, Place]:
        """The places between which a span lies."""
        return self.of(span.start), self.of(span.end)

    def position(self, place: Place) -> Position:
        """The position of a place; of one outside the text, the nearest."""
        return self._offsets.position(self.offset(place))

    def offset(self, place: Place) -> int:
        """The offset of a place; of one behind the end of its line, that end."""
        if place.line >= len(self._starts):
            return len(self._text)
        start, end = self._starts[place.line], self._ends[place.line]
        units = 0
        for offset in range(start, end):
            if units >= place.character:
                return offset
            units += self._units(self._text[offset])
        return end

    def line_end(self, line: int) -> Place:
        """The end of a line."""
        start, end = self._starts[line], self._ends[line]
        return Place(line, self._units(self._text[start:end]))

    def end(self) -> Place:
        """The end of the text."""
        return self.line_end(len(self._starts) - 1)

    def _units(self, text: str) -> int:
        return len(text.encode(self._encoding, "surrogatepass")) // self._unit
