"""Computed help: the smallest single edits that bring a branch to the grid of the others.

The shape rules are tried forwards: for each step with a window, other paddings, strides and kernels,
until the branch ends on the wanted grid. Nothing is applied; the help line says what to type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from typing import NamedTuple

from archgen.ir.op import Op, ShapeError
from archgen.ir.shape import SAME, VALID, Grid, Padding, PaddingMode, Shape, Window
from archgen.ir.shaped import ShapedBranch, ShapedGraph, ShapedNode


class Repair(NamedTuple):
    """One edit of one step: the setting as it would be typed."""

    setting: str
    node: ShapedNode
    grid: Grid

    def __str__(self) -> str:
        line = self.node.node.key.start.line
        return f"`{self.setting}` on `{self.node.node.name}` (line {line}) gives {self.grid}"


def repairs(branches: tuple[ShapedBranch, ...], odd: tuple[int, ...]) -> Iterator[Repair]:
    """Edits that end the disagreement, one a branch: the odd ones, or either where two disagree."""
    for index in odd or range(len(branches)):
        others = [b.graph.output for i, b in enumerate(branches) if i != index and i not in odd]
        goal = others[0] if others else None
        if goal is not None and goal.grid is not None:
            yield from islice(_repairs_of(branches[index].graph, goal.grid), 1)


def _repairs_of(graph: ShapedGraph, goal: Grid) -> Iterator[Repair]:
    for position in reversed(range(len(graph.nodes))):
        node = graph.nodes[position]
        if node.op is None or node.input is None or not _has_window(node.op):
            continue
        for setting, op in _edits(node.op):
            if _ends_on(op, node.input, graph.nodes[position + 1 :]) == goal:
                yield Repair(setting, node, goal)
                break


def _has_window(op: Op) -> bool:
    return {"kernel", "stride", "padding"} <= {field.name for field in fields(op)}  # type: ignore[arg-type]


def _edits(op: Op) -> Iterator[tuple[str, Op]]:
    """The op with one setting changed, likely edits first."""
    for padding in (VALID, SAME, *(_every(amount) for amount in range(4))):
        if padding != getattr(op, "padding", None):
            yield f"padding: {padding}", replace(op, padding=padding)  # type: ignore[type-var]
    for name in ("stride", "kernel"):
        for size in (2, 1, 3) if name == "stride" else (3, 1, 2, 5, 7):
            window = Window(size, size)
            if window != getattr(op, name):
                yield f"{name}: {size}", replace(op, **{name: window})  # type: ignore[type-var]


def _every(amount: int) -> Padding:
    return Padding(PaddingMode.AMOUNTS, (amount, amount, amount, amount))


def _ends_on(op: Op, x: Shape, rest: tuple[ShapedNode, ...]) -> Grid | None:
    """The grid at the end of a branch with `op` in it, as far as the steps behind it are plain ops."""
    try:
        shape = op.infer(x)
        for node in rest:
            if node.op is None or node.branches or node.runs:
                return None
            shape = node.op.infer(shape)
    except ShapeError:
        return None
    return shape.grid
