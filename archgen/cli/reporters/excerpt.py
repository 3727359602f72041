"""The user's own lines with carets under what is wrong, as compilers draw them.

   --> specs/inception_v4.yaml:65:11
   |
63 |           pool: [{max_pool: {kernel: 3, stride: 2}}]
   |           ---- 17x17
65 |           dbl3x3:
   |           ^^^^^^ 18x18
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from archgen.cli.palette import Palette, paint
from archgen.cli.reporters.user_text import CUT, Line, split_lines
from archgen.diagnostics import Diagnostic, Span
from archgen.harmless import harmless

ROW_WIDTH = 120
SILENT_GAP = 3  # so many lines are left out without a word


@dataclass(frozen=True)
class Mark:
    """A stretch to underline and the words beside it; the primary one is where the finding is."""

    span: Span
    text: str
    primary: bool = False

    @property
    def line(self) -> int:
        """The line that the mark is drawn on; a longer stretch is underlined on its first line."""
        return self.span.start.line

    @property
    def first(self) -> int:
        """Its first character, counted from 0."""
        return max(0, self.span.start.column - 1)

    def last(self, line: Line) -> int:
        """The character after its last one on `line`."""
        if self.span.end.line > self.line:
            return len(line.cells)
        return self.span.end.column - 1


@dataclass(frozen=True)
class Section:
    """The marks of a finding in one source, from top to bottom; no `lines` where it has no text."""

    marks: tuple[Mark, ...]
    lines: Sequence[str]

    @property
    def head(self) -> Mark:
        """The mark that gives the section its address."""
        return next((mark for mark in self.marks if mark.primary), self.marks[0])

    @property
    def drawn(self) -> tuple[Mark, ...]:
        """The marks whose line is at hand."""
        return tuple(mark for mark in self.marks if 1 <= mark.line <= len(self.lines))


def sections(diagnostic: Diagnostic, sources: Mapping[str, str]) -> tuple[Section, ...]:
    """The parts of a finding by source: its own first, the others as its labels name them."""
    marks = [Mark(diagnostic.span, diagnostic.caption, primary=True)]
    marks += [Mark(label.span, label.text) for label in diagnostic.labels]
    by_source: dict[str, list[Mark]] = {}
    for mark in marks:
        by_source.setdefault(mark.span.source, []).append(mark)
    return tuple(
        Section(tuple(sorted(found, key=lambda mark: mark.span.start)), _lines(sources, source))
        for source, found in by_source.items()
    )


def _lines(sources: Mapping[str, str], source: str) -> Sequence[str]:
    return split_lines(sources[source]) if source in sources else ()


@dataclass(frozen=True)
class Pen:
    """Draws sections beside a gutter that is wide enough for the line numbers of all of them."""

    gutter: int
    palette: Palette
    severity: str

    @classmethod
    def wide_enough(cls, drawn: Iterable[Section], palette: Palette, severity: str) -> "Pen":
        """A pen for these sections; `severity` is the colour of the primary mark."""
        numbers = [mark.line for section in drawn for mark in section.drawn]
        return cls(len(str(max(numbers, default=0))), palette, severity)

    def section(self, section: Section) -> Iterator[str]:
        """The rows of one source: its address, its lines, then the marks that have no line."""
        head, drawn = section.head, section.drawn
        yield self._address(head, with_text=head not in drawn)
        if drawn:
            yield self.row("")
            yield from self._rows(section)
        for mark in section.marks:
            if mark is not head and mark not in drawn:
                yield self._address(mark, with_text=True)

    def row(self, text: str, number: int | None = None) -> str:
        """One row: the gutter, then `text`."""
        label = "" if number is None else str(number)
        gutter = paint(f"{label:>{self.gutter}} |", self.palette.gutter)
        return f"{gutter} {text}" if text else gutter

    def beside(self, sign: str) -> str:
        """The gutter of a row that shows no line, with `sign` where others have their bar."""
        return " " * self.gutter + paint(sign, self.palette.gutter)

    def _address(self, mark: Mark, *, with_text: bool) -> str:
        arrow = self.beside("-->" if mark.primary else ":::")
        text = f": {harmless(mark.text)}" if with_text and mark.text else ""
        return f"{arrow} {harmless(str(mark.span))}{text}"

    def _rows(self, section: Section) -> Iterator[str]:
        previous = None
        for number, marks in groupby(section.drawn, key=lambda mark: mark.line):
            if previous is not None and number - previous - 1 > SILENT_GAP:
                yield paint(CUT, self.palette.gutter)
            yield from self._line(Line.of(section.lines[number - 1]), number, list(marks))
            previous = number

    def _line(self, line: Line, number: int, marks: list[Mark]) -> Iterator[str]:
        """The line and its marks; a long line is drawn again for marks too far to the right."""
        while marks:
            window = line.window(marks[0].first, ROW_WIDTH - self.gutter - len(" | "))
            yield self.row(str(window), number)
            near = [mark for mark in marks if window.shows(mark.first)]
            for mark in near:
                carets = window.underline(mark.first, mark.last(line), "^" if mark.primary else "-")
                yield self.row(self._painted(mark, carets))
            marks = [mark for mark in marks if mark not in near]

    def _painted(self, mark: Mark, carets: str) -> str:
        colour = self.severity if mark.primary else self.palette.label
        return paint(f"{carets} {harmless(mark.text)}".rstrip(), colour)
