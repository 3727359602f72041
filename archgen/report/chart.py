"""One figure as SVG in the manner of the paper's Figures 21 to 26: a frame, a dotted grid, a legend in it.

Elements are built as a tree, so that a name that somebody else wrote is a text whatever it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement

from archgen.report.curves import Curve, Point
from archgen.report.figures import Figure
from archgen.report.legend import LINE, MARGIN, Legend, Rectangle, legend
from archgen.report.scales import Scale, exact, rounded

WIDTH, HEIGHT = 480, 310
LEFT, RIGHT, TOP, BOTTOM = 66, 470, 10, 266
FRAME = Rectangle(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP)


def svg(figure: Figure) -> Element:
    """The figure as an `svg` element, drawn by the classes of the page's style sheet."""
    across = exact(0.0, figure.epochs, LEFT, RIGHT, marks=9)
    up = rounded(*figure.heights, BOTTOM, TOP, marks=10)
    made = legend(figure.curves, across, up, FRAME, HEIGHT)
    height = HEIGHT + made.box.height + MARGIN if made and made.is_below else HEIGHT
    root = Element("svg", {"viewBox": f"0 0 {WIDTH} {height:g}", "role": "img"})
    root.set("aria-label", f"{figure.axis} by epoch")
    _grid(root, across, up)
    _curves(root, figure, across, up)
    _frame(root)
    _words(root, figure, across, up)
    if not any(curve.points for curve in figure.curves):
        _text(root, (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2, "nothing yet", "middle note")
    elif made is not None:
        _legend(root, made)
    return root


def _grid(root: Element, across: Scale, up: Scale) -> None:
    for x in map(across.place, across.ticks):
        _line(root, (x, TOP), (x, BOTTOM), "grid")
    for y in map(up.place, up.ticks):
        _line(root, (LEFT, y), (RIGHT, y), "grid")


def _frame(root: Element) -> None:
    SubElement(root, "rect", {**_rectangle(FRAME), "class": "frame"})


def _curves(root: Element, figure: Figure, across: Scale, up: Scale) -> None:
    """The curves, cut off at the frame."""
    clip = f"frame-{figure.key}"
    SubElement(SubElement(root, "clipPath", {"id": clip}), "rect", _rectangle(FRAME))
    inside = SubElement(root, "g", {"clip-path": f"url(#{clip})"})
    for curve in figure.curves:
        group = SubElement(inside, "g", {"class": curve.look.classes + " faint" * curve.is_faint})
        SubElement(group, "title").text = curve.name
        if len(curve.points) > 1:
            SubElement(group, "path", {"d": _path(curve.points, across, up)})
        if curve.has_marks:
            for point in curve.points:
                _mark(group, curve, point, across, up)


def _path(points: Sequence[Point], across: Scale, up: Scale) -> str:
    places = (f"{across.place(x):.1f} {up.clipped(y):.1f}" for x, y in points)
    return f"M{'L'.join(places)}"


def _mark(group: Element, curve: Curve, point: Point, across: Scale, up: Scale) -> None:
    place = {"cx": across.place(point.epoch), "cy": up.clipped(point.value), "r": 2.4}
    mark = SubElement(group, "circle", _numbers(place))
    told = f"{curve.name}: {point.value:.4g} after {point.epoch:.4g} epochs"
    SubElement(mark, "title").text = told


def _words(root: Element, figure: Figure, across: Scale, up: Scale) -> None:
    """The numbers along the axes, and what they are of."""
    for value in across.ticks:
        _text(root, across.place(value), BOTTOM + 15, f"{value:.6g}", "middle")
    for value in up.ticks:
        _text(root, LEFT - 5, up.place(value) + 4, f"{value:.6g}", "end")
    _text(root, (LEFT + RIGHT) / 2, BOTTOM + 34, "Epoch", "middle")
    x, y = 12, (TOP + BOTTOM) / 2
    _text(root, x, y, figure.axis, "middle").set("transform", f"rotate(-90 {x} {y:g})")


def _legend(root: Element, made: Legend) -> None:
    """A box with the name of each strong curve."""
    SubElement(root, "rect", {**_rectangle(made.box), "class": "legend"})
    left, top = made.box[:2]
    for number, (curve, name) in enumerate(made.entries):
        y = top + 4 + LINE * (number + 0.5)
        _line(root, (left + 8, y), (left + 32, y), curve.look.classes)
        _text(root, left + 38, y + 4, name, "start")


def _line(root: Element, start: tuple[float, float], end: tuple[float, float], look: str) -> None:
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    SubElement(root, "line", {**_numbers(ends), "class": look})


def _text(root: Element, x: float, y: float, text: str, look: str) -> Element:
    element = SubElement(root, "text", {**_numbers({"x": x, "y": y}), "class": look})
    element.text = text
    return element


def _rectangle(box: Rectangle) -> dict[str, str]:
    return _numbers({"x": box.left, "y": box.top, "width": box.width, "height": box.height})


def _numbers(attributes: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.1f}".removesuffix(".0") for name, value in attributes.items()}
