"""Drawings in Graphviz's language: straight branches, one layer of boxes a rank."""

from __future__ import annotations

import html
from collections.abc import Container, Iterable, Mapping
from itertools import pairwise

import graphviz
import networkx as nx

from archgen.render.drawing import Arrow, Box, Drawing, Group, Kind, Mark
from archgen.render.plain import shown
from archgen.render.styles import ABSENT, MARKS, RED, Style, font_size

FONT = "Helvetica,Arial,sans-serif"
MAX_BESIDE = 60
SMALL = {"shape": "point", "width": "0.001", "height": "0.001"}  # a corner between two lines
HIGH = {"width": "0.001"}  # one at the upper edge of the boxes in its row
BESIDE = "beside "  # before the path of a box: what stands to its right


def corner_name(arrow: Arrow) -> str:
    """How the place is called at which a line turns that goes past taller branches."""
    return f"{arrow.tail} to {arrow.head}"


def frame_name(group: Group) -> str:
    """How the frame of a group is called."""
    return f"cluster {group.path}"


def dot_text(drawing: Drawing, style: Style, dpi: int = 0) -> str:
    """The drawing as the text of one digraph, the same at every call."""
    graph = graphviz.Digraph(_text(drawing.name))
    graph.attr(tooltip=_text(drawing.title), **_page(style, dpi))
    graph.attr("node", **_boxes(style, is_overview=drawing.is_overview))
    graph.attr(
        "edge", arrowsize="0.55", penwidth="0.9", color=style.ink, tailport="n", headport="s"
    )
    ways = _graph(drawing)
    layers, words = _layers(ways), words_beside(drawing)
    for box in drawing.boxes:
        _box(graph, box, style, is_overview=drawing.is_overview)
    middle, high = _middle(drawing), _high_corners(drawing, layers)
    for arrow in sorted(drawing.arrows, key=lambda arrow: not arrow.is_shortcut):
        _arrow(graph, arrow, layers, _weight(arrow, ways, middle), is_high=arrow in high)
    boxes = {box.path: box for box in drawing.boxes}
    for paths in _by_layer(layers):
        _layer(graph, [boxes[path] for path in paths], words, style)
    turns = frozenset(corner_name(a) for a in drawing.arrows if _turns(a, layers))
    for group in drawing.inside(None):
        _frame(graph, group, drawing, turns, style)
    return str(graph.source)


def words_beside(drawing: Drawing) -> dict[str, list[str]]:
    """What stands to the right of boxes, by path: the sizes of the trunk, and what is wrong."""
    trunk = _trunk(drawing, _graph(drawing))
    words = {}
    for box in drawing.boxes:
        size = [box.beside] if box.path in trunk and box.kind is not Kind.SUM else []
        words[box.path] = [*size, *(_cut(fault) for fault in box.faults)]
    return {path: lines for path, lines in words.items() if lines}


def _cut(fault: str) -> str:
    return fault if len(fault) <= MAX_BESIDE else f"{fault[: MAX_BESIDE - 3]}..."


def _page(style: Style, dpi: int) -> dict[str, str]:
    """What holds for the whole drawing: bottom to top, and only straight lines."""
    page = {
        "rankdir": "BT",
        "splines": "line",
        "nodesep": "0.2",
        "ranksep": "0.3",
        "ordering": "out",
        "pad": "0.08",
        "newrank": "true",
        "bgcolor": style.background,
        "fontname": FONT,
        "fontcolor": style.ink,
    }
    return {**page, "dpi": str(dpi)} if dpi else page


def _boxes(style: Style, *, is_overview: bool) -> dict[str, str]:
    """What holds for each box, in inches and points; those of an overview are wider."""
    width, height = ("2.3", "0.48") if is_overview else ("1.3", "0.46")
    return {
        "shape": "box",
        "style": "filled",
        "fixedsize": "true",
        "width": width,
        "height": height,
        "fontname": FONT,
        "fontsize": f"{font_size((), is_overview=is_overview):g}",
        "fontcolor": style.ink,
        "color": style.border,
    }


def _graph(drawing: Drawing) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(box.path for box in drawing.boxes)
    graph.add_edges_from((arrow.tail, arrow.head) for arrow in drawing.arrows)
    return graph


def _layers(graph: nx.DiGraph) -> dict[str, int]:
    """For each box the number of arrows on the longest way to it."""
    generations = nx.topological_generations(graph)
    return {path: number for number, paths in enumerate(generations) for path in paths}


def _trunk(drawing: Drawing, graph: nx.DiGraph) -> frozenset[str]:
    """The boxes that every way to the last one goes through; their sizes stand beside them."""
    first, last = drawing.boxes[0].path, drawing.boxes[-1].path
    if drawing.is_overview:
        return frozenset(graph)
    above = nx.immediate_dominators(graph, first)
    trunk = {first}
    while last in above and last not in trunk:
        trunk.add(last)
        last = above[last]
    return frozenset(trunk)


def _by_layer(layers: Mapping[str, int]) -> Iterable[list[str]]:
    for number in range(max(layers.values(), default=-1) + 1):
        yield [path for path, layer in layers.items() if layer == number]


def _box(graph: graphviz.Digraph, box: Box, style: Style, *, is_overview: bool) -> None:
    size = font_size(box.lines, is_overview=is_overview)
    small = {"fontsize": f"{size:g}"} if size != font_size((), is_overview=is_overview) else {}
    round_box = {"shape": "circle", "width": "0.4", "height": "0.4"} if box.kind is Kind.SUM else {}
    fill = style.background if box.faults else style.fills[box.kind]
    broken = {"color": RED, "fontcolor": RED, "penwidth": "2"} if box.faults else {}
    if box.mark is Mark.ABSENT:
        broken = {"style": "filled,dashed", "color": ABSENT, "fontcolor": ABSENT}
    graph.node(
        box.path,
        label=_lines(box.lines),
        fillcolor=fill if box.mark is None else MARKS[box.mark],
        id=_text(box.path),
        **{"class": str(box.kind)},
        tooltip="\\n".join(_text(line) for line in (*box.tooltip, *box.faults)),
        **small,
        **round_box,
        **broken,
    )


def _arrow(
    graph: graphviz.Digraph, arrow: Arrow, layers: Mapping[str, int], weight: int, *, is_high: bool
) -> None:
    """A line, straight up beside taller branches and only then to the box it leads to."""
    red = {"color": RED, "penwidth": "2"} if arrow.is_broken else {}
    if arrow.mark is Mark.ABSENT:
        red = {"style": "dashed", "color": ABSENT}
    if arrow.is_shortcut:
        graph.edge(arrow.tail, arrow.head, weight="1000", **red)
        return
    tail, gap = arrow.tail, layers[arrow.head] - layers[arrow.tail]
    if _turns(arrow, layers):
        corner = corner_name(arrow)
        graph.node(corner, label="", style="invis", **(HIGH if is_high else SMALL))
        graph.edge(
            tail,
            corner,
            arrowhead="none",
            headclip="false",
            headport="n",  # Graphviz begins the next line a point above where this one ends
            weight="900",
            minlen=str(gap - 1),
            **red,
        )
        graph.edge(
            corner,
            arrow.head,
            tailclip="false",
            tailport="n" if is_high else "c",
            weight=str(weight),
            **red,
        )
        return
    graph.edge(tail, arrow.head, weight=str(weight), **red)


def _weight(arrow: Arrow, ways: nx.DiGraph, middle: Container[tuple[str, str]]) -> int:
    """How much an arrow is to be straight: one of a branch most, then those that hold the middle one."""
    if ways.out_degree(arrow.tail) == 1 and ways.in_degree(arrow.head) == 1:
        return 100
    return 50 if (arrow.tail, arrow.head) in middle else 1


def _middle(drawing: Drawing) -> frozenset[tuple[str, str]]:
    """The arrows into and out of the branch, of three or more, that stands between both ends of a block.

    Of an even number it is the one at the right, as in the paper.
    """
    ways = nx.DiGraph((a.tail, a.head) for a in drawing.arrows if not a.is_shortcut)
    held = set[tuple[str, str]]()
    for fork in ways:
        heads = list(ways.successors(fork))
        if len(heads) > 2:
            middle = heads[len(heads) // 2]
            above = [{head, *nx.descendants(ways, head)} for head in heads]
            after = set.intersection(*above)
            branch = above[len(heads) // 2] - after
            held.add((fork, middle))
            held |= {
                (tail, head) for tail in branch for head in ways.successors(tail) if head in after
            }
    return frozenset(held)


def _high_corners(drawing: Drawing, layers: Mapping[str, int]) -> frozenset[Arrow]:
    """The arrows that would cross a box, did they turn amid the boxes of the row below their head."""
    into: dict[str, list[Arrow]] = {}
    for arrow in drawing.arrows:
        if not arrow.is_shortcut:
            into.setdefault(arrow.head, []).append(arrow)
    high = set[Arrow]()
    for arrows in into.values():
        centre = len(arrows) // 2
        for place, arrow in enumerate(arrows):
            between = arrows[place + 1 : centre + 1] or arrows[centre:place]
            if any(not _turns(other, layers) for other in between):
                high.add(arrow)
    return frozenset(high)


def _turns(arrow: Arrow, layers: Mapping[str, int]) -> bool:
    return not arrow.is_shortcut and layers[arrow.head] - layers[arrow.tail] > 1


def _layer(
    graph: graphviz.Digraph, boxes: list[Box], beside: Mapping[str, list[str]], style: Style
) -> None:
    """One rank, with the words beside its boxes."""
    with graph.subgraph() as rank:
        rank.attr(rank="same")
        row = []
        for box in boxes:
            row.append(box.path)
            rank.node(box.path)
            if words := beside.get(box.path):
                row.append(BESIDE + box.path)
                _words_beside(rank, row[-1], words, RED if box.faults else style.ink)
        if len(row) > len(boxes):
            for left, right in pairwise(row):
                rank.edge(left, right, style="invis", tailport="e", headport="w")


def _frame(
    graph: graphviz.Digraph, group: Group, drawing: Drawing, turns: frozenset[str], style: Style
) -> None:
    """A frame around the boxes of an opened block and around what stands beside them."""
    inside = set(group.boxes)
    beside = [BESIDE + path for path in words_beside(drawing) if path in inside]
    corners = [
        corner_name(arrow)
        for arrow in drawing.arrows
        if {arrow.tail, arrow.head} <= inside and corner_name(arrow) in turns
    ]
    colour = RED if group.faults else style.border
    with graph.subgraph(name=frame_name(group)) as frame:
        frame.attr(label=f"{_lines((group.words, *map(_cut, group.faults)))}\\l", labeljust="l")
        frame.attr(style="dashed", margin="7", color=colour, fontsize="10", fontname=FONT)
        frame.attr(fontcolor=RED if group.faults else style.ink, tooltip=_text(group.path))
        for name in (*group.boxes, *beside, *corners):
            frame.node(name)
        for inner in drawing.inside(group):
            _frame(frame, inner, drawing, turns, style)


def _words_beside(rank: graphviz.Digraph, name: str, words: list[str], colour: str) -> None:
    rank.node(
        name,
        label="".join(f"{_line(word)}\\l" for word in words),
        shape="plaintext",
        style="",
        width=f"{0.1 * max(len(word) for word in words) + 0.2:.2f}",
        fontsize="9",
        fontcolor=colour,
        tooltip=" ",
    )


def _lines(lines: Iterable[str]) -> str:
    return "\\n".join(map(_line, lines))


def _line(line: str) -> str:
    """A line of a label. One without letters is a space: Graphviz frees what it never set of an empty one."""
    return _text(line) or " "


def _text(text: str) -> str:
    """Text that stands for itself: no escape, entity, control character or change of direction."""
    return str(graphviz.escape(html.escape(shown(text), quote=False)))
