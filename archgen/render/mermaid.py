"""Drawings in Mermaid's language, which code hosts lay out where they show text: one diagram a drawing."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.render.drawing import Arrow, Box, Drawing, Group, Kind
from archgen.render.plain import shown
from archgen.render.styles import RED, Style


def mermaid_text(drawing: Drawing, style: Style) -> str:
    """The drawing as a flowchart from bottom to top, the same at every call."""
    numbers = {box.path: f"n{number}" for number, box in enumerate(drawing.boxes)}
    lines = ["flowchart BT", *(_box(box, numbers[box.path]) for box in drawing.boxes)]
    lines += [_arrow(arrow, numbers) for arrow in drawing.arrows]
    for group in drawing.inside(None):
        lines += _subgraph(group, drawing, numbers)
    lines += _classes(drawing, style)
    broken = [number for number, arrow in enumerate(drawing.arrows) if arrow.is_broken]
    lines += [f"  linkStyle {number} stroke:{RED},stroke-width:2px" for number in broken]
    return "\n".join(lines) + "\n"


def _box(box: Box, name: str) -> str:
    lines = [*box.lines, *([box.beside] if box.beside not in box.lines else []), *box.faults]
    label = "<br/>".join(label_text(line) for line in lines if line)
    opening, closing = ('(("', '"))') if box.kind is Kind.SUM else ('["', '"]')
    if box.kind is Kind.SUM and not box.faults:
        label = label_text(box.lines[0])
    return f"  {name}{opening}{label}{closing}:::{'broken' if box.faults else box.kind}"


def _arrow(arrow: Arrow, numbers: dict[str, str]) -> str:
    return f"  {numbers[arrow.tail]} --> {numbers[arrow.head]}"


def _subgraph(group: Group, drawing: Drawing, numbers: dict[str, str]) -> Iterator[str]:
    """The frame of an opened block; a box belongs to the innermost frame around it."""
    inner = drawing.inside(group)
    held = {path for other in inner for path in other.boxes}
    label = "<br/>".join(map(label_text, (group.words, *group.faults)))
    yield f'  subgraph f{drawing.groups.index(group)}["{label}"]'
    for other in inner:
        yield from (f"  {line}" for line in _subgraph(other, drawing, numbers))
    yield from (f"    {numbers[path]}" for path in group.boxes if path not in held)
    yield "  end"


def _classes(drawing: Drawing, style: Style) -> Iterator[str]:
    for kind in sorted({box.kind for box in drawing.boxes}):
        fill = style.fills[kind]
        yield f"  classDef {kind} fill:{fill},stroke:{style.border},color:{style.ink}"
    if any(box.faults for box in drawing.boxes):
        yield f"  classDef broken fill:{style.background},stroke:{RED},color:{RED}"


def label_text(text: str) -> str:
    """Text that stands for itself: everything but plain letters by its number, as Mermaid writes it."""
    return "".join(
        letter if letter.isalnum() or letter in " ()+.,:x-_/" else f"#{ord(letter)};"
        for letter in shown(text)
    )
