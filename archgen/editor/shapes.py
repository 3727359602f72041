"""Shapes at their steps: what every use of a step makes of its input, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archgen.cost import Costs
from archgen.diagnostics import Position
from archgen.editor.analysis import Analysis
from archgen.ir.shaped import ShapedNode
from archgen.ir.walk import walk_network

SHOWN = 4


class Hint(NamedTuple):
    """A shape to show at the end of a line, with more words for who asks."""

    line: int
    text: str
    words: str


def hints(analysis: Analysis) -> Iterator[Hint]:
    """A hint for each line on which steps of this file begin; `line` counts from 1."""
    lines: defaultdict[int, list[Position]] = defaultdict(list)
    steps = steps_of(analysis)
    for position in steps:
        lines[position.line].append(position)
    for line, positions in sorted(lines.items()):
        uses = [steps[position] for position in sorted(positions)]
        shapes = [text for nodes in uses if (text := _shapes(nodes))]
        if shapes:
            yield Hint(line, ", ".join(shapes), "\n\n".join(map(words_of, uses)))


def steps_of(analysis: Analysis) -> Mapping[Position, list[ShapedNode]]:
    """The steps of this file with their shapes, by the position of their op; each use is one."""
    network = analysis.compilation.network if analysis.compilation else None
    found: defaultdict[Position, list[ShapedNode]] = defaultdict(list)
    for visit in walk_network(network) if network is not None else ():
        key = visit.node.node.key
        if visit.is_first and key.source == analysis.text.source:
            found[key.start].append(visit.node)
    return found


def _shapes(nodes: list[ShapedNode]) -> str:
    shapes = list(dict.fromkeys(str(node.output) for node in nodes if node.output is not None))
    more = f", {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
    return " | ".join(shapes[:SHOWN]) + more


def words_of(nodes: list[ShapedNode]) -> str:
    """What a step does in each of its uses, a line each, in Markdown."""
    lines = list(dict.fromkeys(_words(node) for node in nodes))
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "  \n".join([*lines[:SHOWN], *more])


def _words(node: ShapedNode) -> str:
    output = f"`{node.output}`" if node.output is not None else "a shape that is not known"
    inputs = ", ".join(f"`{shape}`" if shape is not None else "`?`" for shape in node.inputs)
    if not node.is_active:
        return f"left out here, as its `when` is false: {output}"
    cost = Costs().node(node)
    return f"{output} from {inputs}: {cost.params:,} params, {cost.macs:,} MACs"
