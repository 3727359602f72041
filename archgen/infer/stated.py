"""Stated shapes: what an `expect` says of a step's output, where the walk goes on with it."""

from __future__ import annotations

from archgen.ir.shape import Grid, Shape, Window
from archgen.ir.shaped import Expected


def promised(expected: tuple[Expected, ...]) -> Shape | None:
    """The shape that an `expect` states in full: behind a reported problem, the walk goes on with it."""
    stated = {line.key: line.exact for line in expected}
    channels, grid = stated.get("channels"), stated.get("grid")
    if isinstance(channels, int) and isinstance(grid, Window):
        return Shape(channels, Grid(grid.height, grid.width))
    return None


def with_stated(made: Shape, expected: tuple[Expected, ...]) -> Shape:
    """A shape with the grid and the channels that an `expect` states."""
    for line in expected:
        if line.key == "channels" and isinstance(line.exact, int):
            made = Shape(line.exact, made.grid)
        elif isinstance(line.exact, Window) and not line.fits(made):
            made = Shape(made.channels, Grid(line.exact.height, line.exact.width))
    return made
