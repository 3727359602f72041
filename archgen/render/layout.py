"""Drawings with places: where Graphviz puts each box and where each arrow runs, in points.

What draws for itself (TikZ, the explorer page) takes its coordinates from here, so that all pictures of
a drawing look alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from archgen.render.dot import BESIDE, corner_name, dot_text, frame_name, words_beside
from archgen.render.drawing import Arrow, Drawing
from archgen.render.engine import CannotDraw, laid_out_together
from archgen.render.styles import Style

INCH = 72.0
NO_FRAMES: Mapping[str, Any] = MappingProxyType({})


class Point(NamedTuple):
    """A place in points from the lower left corner."""

    x: float
    y: float


class Place(NamedTuple):
    """A rectangle, by its centre."""

    centre: Point
    width: float
    height: float

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.centre.x - self.width / 2


class Line(NamedTuple):
    """An arrow and the points it goes through; the last is its tip."""

    arrow: Arrow
    points: tuple[Point, ...]


class Words(NamedTuple):
    """Lines of text, flush left at the left edge of their place."""

    place: Place
    lines: tuple[str, ...]


class Layout(NamedTuple):
    """A drawing, `width` by `height` points; boxes and the words beside them by the path of the box."""

    drawing: Drawing
    width: float
    height: float
    boxes: Mapping[str, Place]
    beside: Mapping[str, Words]
    lines: tuple[Line, ...]
    frames: Mapping[str, Place] = NO_FRAMES


def layouts(drawings: Sequence[Drawing], style: Style) -> list[Layout]:
    """Each drawing laid out, all in one go. Raises CannotDraw."""
    if not drawings:
        return []
    answer = laid_out_together([dot_text(drawing, style) for drawing in drawings], "json")
    try:
        graphs = list(_documents(answer.decode()))
        if len(graphs) != len(drawings):
            raise CannotDraw("the layout engine failed: it left out a drawing")
        return [_layout(*pair) for pair in zip(drawings, graphs, strict=True)]
    except (LookupError, TypeError, ValueError, AttributeError):  # of another program called dot
        raise CannotDraw("the layout engine failed: its answer is no layout") from None


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON documents of a text that holds one after the other."""
    decoder, start = json.JSONDecoder(), 0
    text = text.strip()
    while start < len(text):
        document, start = decoder.raw_decode(text, start)
        yield document
        start += len(text[start:]) - len(text[start:].lstrip())


def _layout(drawing: Drawing, graph: Mapping[str, Any]) -> Layout:
    nodes = {node["_gvid"]: node for node in graph["objects"] if "pos" in node}
    places = {node["name"]: _place(node) for node in nodes.values()}
    ways = {
        (nodes[edge["tail"]]["name"], nodes[edge["head"]]["name"]): _ends(edge["pos"])
        for edge in graph["edges"]
    }
    frames = {node["name"]: node["bb"] for node in graph["objects"] if "bb" in node}
    _, _, width, height = map(float, graph["bb"].split(","))
    return Layout(
        drawing,
        width,
        height,
        {box.path: places[box.path] for box in drawing.boxes},
        {
            path: Words(places[BESIDE + path], tuple(lines))
            for path, lines in words_beside(drawing).items()
        },
        tuple(Line(arrow, _points(arrow, ways)) for arrow in drawing.arrows),
        {group.path: _rectangle(frames[frame_name(group)]) for group in drawing.groups},
    )


def _rectangle(text: str) -> Place:
    left, low, right, high = map(float, text.split(","))
    return Place(Point((left + right) / 2, (low + high) / 2), right - left, high - low)


def _place(node: Mapping[str, str]) -> Place:
    return Place(_point(node["pos"]), float(node["width"]) * INCH, float(node["height"]) * INCH)


def _point(text: str) -> Point:
    x, y = map(float, text.split(","))
    return Point(x, y)


def _ends(text: str) -> tuple[Point, Point]:
    """Where a straight edge begins and ends: `e,X,Y` is the tip of an arrow, the rest its curve."""
    tip, *curve = text.split() if text.startswith("e,") else ("", *text.split())
    return _point(curve[0]), _point(tip.removeprefix("e,") or curve[-1])


def _points(arrow: Arrow, ways: Mapping[tuple[str, str], tuple[Point, Point]]) -> tuple[Point, ...]:
    straight = ways.get((arrow.tail, arrow.head))
    if straight is not None:
        return straight
    corner = corner_name(arrow)
    start, turn = ways[arrow.tail, corner]
    return start, turn, ways[corner, arrow.head][1]
