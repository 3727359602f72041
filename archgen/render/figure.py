"""A drawing as a picture inside a page: each box can be pointed at, focused and linked to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from xml.etree.ElementTree import Element

from archgen.ir.walk import joined_path
from archgen.render.drawing import Box, Kind
from archgen.render.layout import Layout, Line, Place, Point, Words
from archgen.render.markup import element
from archgen.render.styles import font_size

PAD = 6.0
LINE_HEIGHT = 13.0
ARROW = "page:arrow"  # no part of a network has a colon in its path

Linked: TypeAlias = Callable[[Box], str]


def figure(layout: Layout, path: str, linked: Linked) -> Element:
    """The drawing of the block at `path`; `linked` says which part of the page a box leads to."""
    width, height = layout.width + 2 * PAD, layout.height + 2 * PAD
    size = {"width": _number(width), "height": _number(height)}
    view = {"viewBox": f"0 0 {size['width']} {size['height']}", **size}
    label = f"figure of {layout.drawing.title}"
    sheet = _Sheet(layout, path)
    return element("svg", {**view, "role": "group", "aria-label": label}, *sheet.parts(linked))


def arrow_heads() -> Element:
    """What the figures of a page share: the tips of arrows."""
    heads = (_head(ARROW, "head"), _head(f"{ARROW}-broken", "head broken"))
    attributes = {"class": "shared", "width": "0", "height": "0", "aria-hidden": "true"}
    return element("svg", attributes, element("defs", {}, *heads))


def _head(name: str, kind: str) -> Element:
    size = {"viewBox": "0 0 8 8", "refX": "7.5", "refY": "4", "orient": "auto"}
    shape = element("path", {"class": kind, "d": "M0 1L8 4L0 7z"})
    return element("marker", {"id": name, "markerWidth": "7", "markerHeight": "7", **size}, shape)


class _Sheet:
    """The paper that a figure is drawn on; Graphviz counts from below, a page from above."""

    def __init__(self, layout: Layout, path: str) -> None:
        self._layout = layout
        self._path = path
        self._is_overview = layout.drawing.is_overview

    def parts(self, linked: Linked) -> Iterator[Element]:
        """Lines first, so that boxes lie on them."""
        for line in self._layout.lines:
            yield self._line(line)
        for box in self._layout.drawing.boxes:
            yield self._box(box, self._layout.boxes[box.path], linked(box))
        for box in self._layout.drawing.boxes:
            if words := self._layout.beside.get(box.path):
                yield self._beside(words, is_broken=bool(box.faults))

    def _line(self, line: Line) -> Element:
        way = "L".join(f"{_number(x)} {_number(y)}" for x, y in map(self._down, line.points))
        kind, head = ("line broken", f"{ARROW}-broken") if line.arrow.is_broken else ("line", ARROW)
        return element("path", {"class": kind, "d": f"M{way}", "marker-end": f"url(#{head})"})

    def _box(self, box: Box, place: Place, target: str) -> Element:
        """A box with its words; one that leads somewhere is a link."""
        size = {"font-size": f"{font_size(box.lines, is_overview=self._is_overview):g}"}
        centre = self._down(place.centre)
        parts = [self._frame(box, place), *self._lines(box.lines, centre, size)]
        attributes = self._attributes(box)
        if not target:
            return element("g", attributes, *parts)
        kept = {name: attributes[name] for name in ("class", "aria-label", "data-details")}
        return element("a", {**kept, "href": f"#{target}"}, *parts)

    def _frame(self, box: Box, place: Place) -> Element:
        centre = self._down(place.centre)
        x, y = centre.x - place.width / 2, centre.y - place.height / 2
        corner = {"x": _number(x), "y": _number(y)}
        size = {"width": _number(place.width), "height": _number(place.height)}
        radius = {"rx": _number(place.width / 2)} if box.kind is Kind.SUM else {}
        return element("rect", {**corner, **size, **radius})

    def _attributes(self, box: Box) -> dict[str, str]:
        words = " ".join(box.lines)
        first, *others = box.tooltip
        path = joined_path(self._path, first)
        return {
            "id": joined_path(self._path, box.path),
            "class": f"box {box.kind}{' broken' if box.faults else ''}",
            "tabindex": "0",
            "role": "img",
            "aria-label": f"{words}, {box.beside}" if box.beside else words,
            "data-details": "\n".join([path, *others, *box.faults]),
        }

    def _beside(self, words: Words, *, is_broken: bool) -> Element:
        start = Point(words.place.left + PAD + 4, self._down(words.place.centre).y)
        kind = "beside broken" if is_broken else "beside"
        return element("g", {"class": kind}, *self._lines(words.lines, start, {}))

    def _lines(
        self, lines: tuple[str, ...], middle: Point, attributes: Mapping[str, str]
    ) -> Iterator[Element]:
        """Lines of text, half of them above the middle."""
        top = middle.y - LINE_HEIGHT * (len(lines) - 1) / 2
        for number, line in enumerate(lines):
            place = {"x": _number(middle.x), "y": _number(top + number * LINE_HEIGHT)}
            yield element("text", {**place, **attributes}, line)

    def _down(self, point: Point) -> Point:
        return Point(point.x + PAD, self._layout.height - point.y + PAD)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
