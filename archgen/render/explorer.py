"""What the explorer page shows: the stages of a network, the blocks in them, and a figure of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedNetwork
from archgen.render.drafting import Drafter, Use, uses
from archgen.render.drawing import Box, Drawing, Kind
from archgen.render.layout import Layout, layouts
from archgen.render.outline import Outline, Row, outline
from archgen.render.styles import STYLES

MAX_BLOCKS = 300  # as many figures as a page holds; of the others only the rows are there


class Section(NamedTuple):
    """A block that can be opened: its first use, its figure, and the blocks inside."""

    use: Use
    layout: Layout
    inner: tuple[Section, ...]


class Stage(NamedTuple):
    """A row of the page: the box of the overview that it is, its cost, and the blocks inside.

    `is_apart` says that the totals of the network leave it out: only training has it.
    """

    row: Row
    box: Box
    sections: tuple[Section, ...]
    is_apart: bool = False


class Explorer(NamedTuple):
    """The page, before it is text.

    `is_chain` says that each stage takes what the one before it makes, so that a column of rows with
    arrows between them is the whole truth; otherwise the figure of the overview is. `paths` leads from
    a block, by its id, to the section that shows it.
    """

    outline: Outline
    overview: Layout
    stages: tuple[Stage, ...]
    is_chain: bool
    paths: Mapping[int, str]


def explorer(network: ShapedNetwork, findings: Sequence[Diagnostic] = ()) -> Explorer:
    """Lays out the overview and every block. Raises CannotDraw where there is no engine."""
    drafter = Drafter(network, findings)
    found = tuple(_first(uses(network), MAX_BLOCKS))
    drawings = [drafter.block(use.block, use.path, use.start, times=use.times) for use in found]
    overview, *figures = layouts([drafter.overview(), *drawings], STYLES["paper"])
    inside = _by_parent(found)
    drawn = {use.path: layout for use, layout in zip(found, figures, strict=True)}
    roots = [_section(use, drawn, inside) for use in inside.get("", ())]
    rows = outline(network, 1, findings)
    stages = tuple(_stage(row, overview.drawing, roots) for row in rows.rows)
    stages += tuple(_head(row, roots, row.name in rows.training_heads) for row in rows.heads)
    paths = {id(use.block): use.path for use in found}
    return Explorer(rows, overview, stages, _is_chain(overview.drawing, stages), paths)


def _first(found: Iterator[Use], limit: int) -> Iterator[Use]:
    """The first uses; of two that would have one path the first."""
    seen: set[str] = set()
    for use in found:
        if len(seen) == limit:
            return
        if use.path not in seen:
            seen.add(use.path)
            yield use


def _by_parent(found: Sequence[Use]) -> dict[str, list[Use]]:
    """The uses by the path of the block they are in; those of the network by an empty path."""
    paths = {use.path for use in found}
    inside: dict[str, list[Use]] = {}
    for use in found:
        parts = use.path.split(".")
        outer = (".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1))
        inside.setdefault(next((path for path in outer if path in paths), ""), []).append(use)
    return inside


def _section(use: Use, drawn: Mapping[str, Layout], inside: Mapping[str, list[Use]]) -> Section:
    inner = tuple(_section(other, drawn, inside) for other in inside.get(use.path, ()))
    return Section(use, drawn[use.path], inner)


def _stage(row: Row, overview: Drawing, sections: Sequence[Section]) -> Stage:
    return Stage(row, _stage_box(row, overview), _inside(row, sections))


def _stage_box(row: Row, overview: Drawing) -> Box:
    """The box of a row; where instances of a repeat differ, the words of the boxes that they are."""
    boxes = {box.path: box for box in overview.boxes}
    for repeat in overview.repeats:
        if repeat.whole.path == row.path:
            words = ", ".join(" ".join(boxes[path].lines) for path in repeat.parts)
            return repeat.whole._replace(lines=(words,))
    return boxes.get(row.path) or _box(row)


def _inside(row: Row, sections: Sequence[Section]) -> tuple[Section, ...]:
    return tuple(
        section
        for section in sections
        if section.use.path == row.path or section.use.path.startswith(f"{row.path}.")
    )


def _head(row: Row, sections: Sequence[Section], is_training: bool) -> Stage:
    """A further output of the network."""
    lines = (f"Output {row.name}", *(["(in training)"] if is_training else []))
    return Stage(row, _box(row)._replace(lines=lines), _inside(row, sections), is_training)


def _box(row: Row) -> Box:
    """A row that the overview shows as several boxes."""
    return Box(row.path, (row.name,), Kind.OTHER, row.output, details=(row.path, row.kind))


def _is_chain(overview: Drawing, stages: Sequence[Stage]) -> bool:
    """Whether the boxes of the overview are the input and the stages, each behind the one before."""
    boxes, rows = overview.boxes, [stage.row for stage in stages]
    ways = [(arrow.tail, arrow.head) for arrow in overview.arrows]
    if ways != list(pairwise(box.path for box in boxes)):
        return False
    whole = {path: repeat.whole.path for repeat in overview.repeats for path in repeat.parts}
    drawn = [whole.get(box.path, box.path) for box in boxes[1:]]
    return [path for path, _ in groupby(drawn)] == [row.path for row in rows]
