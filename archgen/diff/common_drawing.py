"""Two drawings made one in their boxes and arrows, so that they are laid out alike.

What is only on one side keeps its place on the other, marked as absent there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import networkx as nx

from archgen.render.drawing import Arrow, Box, Drawing, Mark, Repeat

Marks = Mapping[str, Mark]  # by the paths of boxes
Sides = tuple[Drawing, Drawing]


class Panel(NamedTuple):
    """One picture of both sides."""

    title: str
    before: Drawing
    after: Drawing


def panel(title: str, drawings: Sides, marks: Marks) -> Panel:
    """The two drawings, each with all that either has unless they are too different for that."""
    before, after = drawings
    sides = [{box.path: box for box in drawing.boxes} for drawing in (before, after)]
    arrows = [{(a.tail, a.head): a for a in drawing.arrows} for drawing in (before, after)]
    whole = nx.DiGraph([*arrows[0], *arrows[1]])
    whole.add_nodes_from((*sides[0], *sides[1]))
    shared = 2 * len(sides[0].keys() & sides[1].keys())
    # another block altogether; or steps moved past each other, for which there is no common order
    if shared < min(map(len, sides)) or not nx.is_directed_acyclic_graph(whole):
        return Panel(title, _marked(before, marks, Mark.GONE), _marked(after, marks, Mark.NEW))
    for side, other in ((0, 1), (1, 0)):
        only_there = sides[other].keys() - sides[side].keys()
        for way in arrows[side].keys() - arrows[other].keys():
            if _leads_through(whole, way, only_there):
                whole.remove_edge(*way)
    order = _order(sides, whole)
    return Panel(
        title,
        _side(before, order, sides, arrows[0], whole, marks, Mark.GONE),
        _side(after, order, sides[::-1], arrows[1], whole, marks, Mark.NEW),
    )


def _leads_through(whole: nx.DiGraph, way: tuple[str, str], paths: set[str]) -> bool:
    """Whether there is another way between the same boxes, all through these."""
    inside = whole.subgraph({*way, *paths}).copy()
    inside.remove_edges_from([way])
    return bool(nx.has_path(inside, *way))


def _order(sides: list[dict[str, Box]], whole: nx.DiGraph) -> list[str]:
    """All boxes, each behind what leads to it, otherwise as the new side and then the old has them."""
    rank = {path: number for number, path in enumerate(dict.fromkeys((*sides[1], *sides[0])))}
    return list(nx.lexicographical_topological_sort(whole, rank.__getitem__))


def _side(
    drawing: Drawing,
    order: list[str],
    sides: list[dict[str, Box]],
    arrows: Mapping[tuple[str, str], Arrow],
    whole: nx.DiGraph,
    marks: Marks,
    lonely: Mark,
) -> Drawing:
    """One side with all boxes and arrows; `sides` are its own boxes and those of the other."""
    own, other = sides
    boxes = []
    for path in order:
        if path in own:
            mark = marks.get(path, lonely) if path in other else lonely
            boxes.append(own[path]._replace(mark=mark))
        else:
            there = other[path]
            boxes.append(Box(path, ("",) * len(there.lines), there.kind, None, mark=Mark.ABSENT))
    lines = []
    for tail, head in whole.edges:
        arrow = arrows.get((tail, head))
        lines.append(arrow if arrow is not None else Arrow(tail, head, mark=Mark.ABSENT))
    return drawing._replace(boxes=tuple(boxes), arrows=tuple(lines))


def _marked(drawing: Drawing, marks: Marks, lonely: Mark) -> Drawing:
    boxes = (box._replace(mark=marks.get(box.path, lonely)) for box in drawing.boxes)
    return drawing._replace(boxes=tuple(boxes))


# --- the same names, the same repeats -----------------------------------------------------------


def with_names(drawing: Drawing, names: Mapping[str, str]) -> Drawing:
    """The drawing with the new names of its boxes, so that both sides go by the same."""
    paths = {box.path: _new_path(box.path, names) for box in drawing.boxes}
    if len(set(paths.values())) < len(paths):
        return drawing
    return drawing._replace(
        boxes=tuple(box._replace(path=paths[box.path]) for box in drawing.boxes),
        arrows=tuple(a._replace(tail=paths[a.tail], head=paths[a.head]) for a in drawing.arrows),
        repeats=tuple(
            Repeat(
                repeat.whole._replace(path=_new_path(repeat.whole.path, names)),
                tuple(paths[path] for path in repeat.parts),
            )
            for repeat in drawing.repeats
        ),
    )


def _new_path(path: str, names: Mapping[str, str]) -> str:
    """A path with its longest beginning that has another name put by that."""
    segments = path.split(".")
    for count in range(len(segments), 0, -1):
        head = ".".join(segments[:count])
        if head in names:
            return ".".join([names[head], *segments[count:]])
    return path


def same_runs(sides: Sides) -> Sides:
    """The drawings, with one box for a repeat whose instances fall into other groups than there."""
    parts = [{one.whole.path: one.parts for one in drawing.repeats} for drawing in sides]
    other = {name for name in {*parts[0], *parts[1]} if parts[0].get(name) != parts[1].get(name)}
    return _folded(sides[0], other), _folded(sides[1], other)


def _folded(drawing: Drawing, names: set[str]) -> Drawing:
    """The drawing with one box each for these repeats."""
    repeats = [repeat for repeat in drawing.repeats if repeat.whole.path in names]
    whole = {path: repeat.whole for repeat in repeats for path in repeat.parts}
    ends = {path: box.path for path, box in whole.items()}
    boxes = {box.path: box for box in (whole.get(box.path, box) for box in drawing.boxes)}
    arrows = dict.fromkeys(
        arrow._replace(tail=ends.get(arrow.tail, arrow.tail), head=ends.get(arrow.head, arrow.head))
        for arrow in drawing.arrows
    )
    kept = tuple(arrow for arrow in arrows if arrow.tail != arrow.head)
    return drawing._replace(boxes=tuple(boxes.values()), arrows=kept)
