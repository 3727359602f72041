"""Text that somebody else wrote, as lines that are measured in screen columns."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from archgen.harmless import shown

CUT = "..."

# what YAML takes for the end of a line, so that we number lines as its parser does
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@lru_cache(maxsize=8)  # a thousand findings in one file ask for the same lines
def split_lines(text: str) -> tuple[str, ...]:
    """The lines of `text` as a YAML parser counts them, without their ends."""
    return tuple(_LINE_END.split(text))


def _columns(cell: str) -> int:
    """How many screen columns a cell takes: two for a wide character, none for a combining one."""
    if cell.isascii():
        return len(cell)
    if unicodedata.category(cell) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(cell) in {"W", "F"} else 1


@dataclass(frozen=True)
class Line:
    """A line as it is drawn: a harmless cell for each character, and the column where each begins.

    Characters and columns count from 0; the last of `columns` is where the line ends.
    """

    cells: tuple[str, ...]
    columns: tuple[int, ...]

    @classmethod
    @lru_cache(maxsize=8)  # and often for one long line
    def of(cls, text: str) -> "Line":
        """The drawing of `text`, which holds no line end."""
        cells = tuple(map(shown, text.rstrip()))
        return cls(cells, tuple(accumulate(map(_columns, cells), initial=0)))

    def window(self, character: int, room: int) -> "Window":
        """The part of the line to show, at most `room` columns wide, with `character` in it."""
        width = self.columns[-1]
        if width <= room:
            return Window(self, 0, len(self.cells))
        kept = room - 2 * len(CUT)
        at = self.columns[min(character, len(self.cells))]
        left = max(0, min(at - kept // 3, width - kept))
        start = bisect_left(self.columns, left)
        stop = bisect_right(self.columns, self.columns[start] + kept) - 1
        return Window(self, start, stop)


@dataclass(frozen=True)
class Window:
    """The characters of a line from `start` up to `stop`, with dots where it is cut."""

    line: Line
    start: int
    stop: int

    def __str__(self) -> str:
        tail = CUT if self.stop < len(self.line.cells) else ""
        return self._head + "".join(self.line.cells[self.start : self.stop]) + tail

    @property
    def _head(self) -> str:
        return CUT if self.start else ""

    def shows(self, character: int) -> bool:
        """Whether a caret can stand under `character`; one past the end of the line counts."""
        at = min(character, len(self.line.cells))
        return self.start <= at < self.stop or at == self.stop == len(self.line.cells)

    def underline(self, first: int, last: int, sign: str) -> str:
        """Blanks and then `sign`s under the characters from `first` up to `last`, at least one."""
        begin, end = (self._column(character) for character in (first, last))
        return " " * begin + sign * max(1, end - begin)

    def _column(self, character: int) -> int:
        shown = min(character, self.stop)
        return len(self._head) + self.line.columns[shown] - self.line.columns[self.start]
