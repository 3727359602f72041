"""Panels as SVG: each side laid out by Graphviz, and the two put beside each other."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archgen.diff.common_drawing import Panel
from archgen.render.dot import dot_text
from archgen.render.drawing import Drawing, Mark
from archgen.render.engine import CannotDraw, laid_out
from archgen.render.plain import shown
from archgen.render.styles import MARKS, STYLES

GAP = 36.0
LINE = 22.0  # of a heading
LETTER = 9.0  # of the headline
WORDS = {
    Mark.CHANGED: "changed",
    Mark.INDUCED: "another only by what goes in",
    Mark.NEW: "new",
    Mark.GONE: "gone",
    Mark.UNKNOWN: "hidden by an error",
}
KEY = dict(zip(WORDS, (0.0, 84.0, 272.0, 330.0, 392.0), strict=True))  # where each begins
FONT = "Helvetica,Arial,sans-serif"
_SIZE = re.compile(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"')
_ID = re.compile(r'(<[a-z]+\b[^<>]*?) id="')


class Picture(NamedTuple):
    """One element `svg` and its size in points."""

    svg: str
    width: float
    height: float


def pictures(panels: Sequence[Panel], names: tuple[str, str]) -> Iterator[Picture]:
    """Both sides of each panel beside each other, each below its name. Raises CannotDraw."""
    for number, panel in enumerate(panels):
        left, right = _sides((panel.before, panel.after), number)
        width, height = left.width + GAP + right.width, LINE + max(left.height, right.height)
        bottoms = height - left.height, height - right.height
        inner = [
            _text(names[0], 0, 14, 12),
            _text(names[1], left.width + GAP, 14, 12),
            _placed(left, 0, bottoms[0]),
            _placed(right, left.width + GAP, bottoms[1]),
        ]
        yield Picture(_element("\n".join(inner), width, height, panel.title), width, height)


def lone_picture(drawing: Drawing, name: str) -> Picture:
    """One drawing below its name. Raises CannotDraw."""
    side = _side(laid_out(dot_text(drawing, STYLES["paper"]), "svg").decode(), "")
    inner = "\n".join([_text(name, 0, 14, 12), _placed(side, 0, LINE)])
    width, height = side.width, side.height + LINE
    return Picture(_element(inner, width, height, drawing.title), width, height)


def stacked(parts: Sequence[Picture], titles: Sequence[str], headline: str) -> str:
    """All pictures in one document, one below the other, each below its title, and what colours mean."""
    least = max(LETTER * len(headline), *(x + 90.0 for x in KEY.values()))
    width = max([least, *(part.width for part in parts)]) + 2 * GAP
    y, inner = 3 * LINE + GAP, [_text(headline, GAP, GAP, 16), *_key(GAP, GAP + LINE)]
    for part, title in zip(parts, titles, strict=True):
        inner.append(_text(title, GAP, y + 14, 14))
        inner.append(_placed(part, GAP, y + LINE))
        y += part.height + LINE + GAP
    paper = f'<rect width="{width:.2f}" height="{y:.2f}" fill="#FFFFFF"/>'
    return _element("\n".join([paper, *inner]), width, y, headline) + "\n"


def _key(x: float, y: float) -> Iterator[str]:
    for mark, offset in KEY.items():
        square = f'x="{x + offset:.2f}" y="{y - 10:.2f}" width="12" height="12"'
        yield f'<rect {square} fill="{MARKS[mark]}" stroke="#9A9A9A"/>'
        yield _text(WORDS[mark], x + offset + 18, y, 11)


def _sides(drawings: tuple[Drawing, Drawing], number: int) -> list[Picture]:
    """The picture of each side; its ids begin with the number of the panel and a letter."""
    style = STYLES["paper"]
    texts = [laid_out(dot_text(drawing, style), "svg").decode() for drawing in drawings]
    return [_side(text, f"{number}{letter}-") for text, letter in zip(texts, "ab", strict=True)]


def _side(text: str, prefix: str) -> Picture:
    """What the engine wrote, without its prolog, with ids of its own. Raises CannotDraw."""
    body = text[text.index("<svg") :].strip()
    size = _SIZE.match(body)
    if size is None:
        raise CannotDraw("the layout engine failed: its svg has no size")
    width, height = float(size[1]), float(size[2])
    body = f'<svg width="{width:.2f}" height="{height:.2f}"{body[size.end() :]}'
    return Picture(_ID.sub(rf'\1 id="{prefix}', body), width, height)


def _placed(picture: Picture, x: float, y: float) -> str:
    return picture.svg.replace("<svg ", f'<svg x="{x:.2f}" y="{y:.2f}" ', 1)


def _element(inner: str, width: float, height: float, title: str) -> str:
    sizes = f'width="{width:.2f}" height="{height:.2f}" viewBox="0 0 {width:.2f} {height:.2f}"'
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    label = html.escape(shown(title))
    return f'<svg {sizes} {names} role="img" aria-label="{label}">\n{inner}\n</svg>'


def _text(words: str, x: float, y: float, size: int) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" font-family="{FONT}" font-size="{size}"'
    return f"<text {place}>{html.escape(shown(words))}</text>"
