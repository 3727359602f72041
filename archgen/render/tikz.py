"""Drawings for LaTeX: a `tikzpicture` for a paper, at the coordinates that Graphviz gives."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.render.drawing import Box, Group, Kind
from archgen.render.layout import Layout, Line, Place, Point, Words
from archgen.render.plain import shown
from archgen.render.styles import RED, Style, font_size

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "×": r"$\times$",
}
STYLES = (
    r"every node/.style={font=\sffamily, align=center, inner sep=0pt, outer sep=0pt},",
    "archgen box/.style={draw=archgen border, text=archgen ink, line width=.6bp},",
    "archgen sum/.style={archgen box, circle},",
    "archgen frame/.style={draw=archgen border, line width=.6bp, dashed},",
    "archgen beside/.style={text=archgen ink, anchor=west, align=left},",
    "archgen line/.style={draw=archgen ink, line width=.6bp, -{Latex[length=5bp, width=4bp]}},",
    "archgen broken/.style={draw=archgen red, text=archgen red, line width=1.6bp},",
)
LATIN = range(0xA1, 0x180)  # what every LaTeX has letters for


def tikz_text(layout: Layout, style: Style) -> str:
    """The drawing as one `tikzpicture`, the same at every call; a comment says what it needs."""
    drawing = layout.drawing
    lines = [
        f"% {_comment(drawing.title)}: {_comment(drawing.name)}, drawn by archgen",
        r"% in the preamble: \usepackage[T1]{fontenc}\usepackage{tikz}\usetikzlibrary{arrows.meta}",
        r"\begin{tikzpicture}[x=1bp, y=1bp,",
        *(f"  {line}" for line in STYLES),
        "]",
        *_colours(layout, style),
        *(_frame(group, layout.frames[group.path]) for group in reversed(drawing.groups)),
        *(_box(box, layout.boxes[box.path], drawing.is_overview) for box in drawing.boxes),
        *(_beside(words, box) for box in drawing.boxes if (words := layout.beside.get(box.path))),
        *(_line(line) for line in layout.lines),
        r"\end{tikzpicture}",
    ]
    return "\n".join(lines) + "\n"


def _colours(layout: Layout, style: Style) -> Iterator[str]:
    """The colours of the kinds that are there, known to this picture alone."""
    kinds = sorted({box.kind for box in layout.drawing.boxes})
    named = {"paper": style.background, "ink": style.ink, "border": style.border, "red": RED}
    for name, colour in (named | {str(kind): style.fills[kind] for kind in kinds}).items():
        yield f"\\definecolor{{archgen {name}}}{{HTML}}{{{colour.removeprefix('#')}}}"


def _frame(group: Group, place: Place) -> str:
    """The frame of an opened block, its words in the lower left corner, where there is room for them."""
    broken = ", archgen broken" if group.faults else ""
    corner = Point(place.left, place.centre.y - place.height / 2)
    far = Point(place.left + place.width, place.centre.y + place.height / 2)
    words = r" \\ ".join(map(_text, (group.words, *group.faults)))
    label = f"node[archgen beside, anchor=south west, inner sep=3bp{broken}, draw=none]"
    return (
        f"\\draw[archgen frame{broken}] {_point(corner)} rectangle {_point(far)}; "
        f"\\path {_point(corner)} {label} {{{words}}};"
    )


def _box(box: Box, place: Place, is_overview: bool) -> str:
    shape = "archgen sum" if box.kind is Kind.SUM else "archgen box"
    size = font_size(box.lines, is_overview=is_overview)
    options = [
        shape,
        "fill=archgen paper" if box.faults else f"fill=archgen {box.kind}",
        f"minimum width={_number(place.width)}bp",
        f"minimum height={_number(place.height)}bp",
        f"font=\\sffamily\\fontsize{{{size:g}bp}}{{{size * 1.2:g}bp}}\\selectfont",
        *(["archgen broken"] if box.faults else []),
    ]
    words = r" \\ ".join(map(_text, box.lines))
    return f"\\node[{', '.join(options)}] at {_point(place.centre)} {{{words}}};"


def _beside(words: Words, box: Box) -> str:
    options = ["archgen beside", r"font=\sffamily\fontsize{9bp}{11bp}\selectfont"]
    options += ["archgen broken", "draw=none"] if box.faults else []
    place = Point(words.place.left + 4, words.place.centre.y)
    text = r" \\ ".join(map(_text, words.lines))
    return f"\\node[{', '.join(options)}] at {_point(place)} {{{text}}};"


def _line(line: Line) -> str:
    broken = ", archgen broken" if line.arrow.is_broken else ""
    return f"\\draw[archgen line{broken}] {' -- '.join(map(_point, line.points))};"


def _point(point: Point) -> str:
    return f"({_number(point.x)}, {_number(point.y)})"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    """Text that stands for itself: no command, and no letter that LaTeX has none for."""
    return "".join(map(_letter, shown(text)))


def _letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter.isascii() or (ord(letter) in LATIN and letter.isalpha()):
        return letter
    return f"U+{ord(letter):04X}"


def _comment(text: str) -> str:
    """Text that stays on the line of a comment; no pair of circumflexes, which TeX reads there too."""
    return shown(text).encode("ascii", "replace").decode().replace("^", "?")
