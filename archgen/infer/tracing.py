"""Traced shapes: channels as formulas that hold in every use of a block, not only in the traced one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archgen.ir.graph import Block
from archgen.ir.shape import Grid, Shape
from archgen.ir.shaped import Run
from archgen.ops.slots import IntSlot
from archgen.spec.traced import (
    UNKNOWN,
    Formula,
    Symbol,
    Traced,
    Untraceable,
    applied,
    constant,
    formula_of,
    is_traced,
)

SAMPLES = 3  # so many instances of a repeat show how their grids go on

_INDEX = Symbol("i")
_X = Symbol("here.channels")  # no param has a dot in its name


def either(condition: object, active: Shape, passive: Shape) -> Shape:
    """The output of a step whose traced `when` decides in each use whether it is there.

    Raises Untraceable where it is a vector in some uses and has a grid in others.
    """
    if active.grid is None and passive.grid is None:
        return Shape(_either(condition, active.channels, passive.channels))
    if active.grid is None or passive.grid is None:
        raise Untraceable
    grid = Grid(
        _either(condition, active.grid.height, passive.grid.height),
        _either(condition, active.grid.width, passive.grid.width),
    )
    return Shape(_either(condition, active.channels, passive.channels), grid)


def _either(condition: object, active: int, passive: int) -> int:
    chosen = active if condition else passive
    if formula_of(active) == formula_of(passive):
        return chosen
    parts = (active, condition, passive)
    return Traced.of(int(chosen), applied("if", *(formula_of(part) for part in parts)))


def is_same(left: Shape | None, right: Shape) -> bool:
    """Whether shapes are equal in this use and, where they are traced, in every other."""
    if left is None or left != right:
        return False
    sides = zip(_sides(left), _sides(right), strict=True)
    return all(formula_of(one) == formula_of(other) for one, other in sides)


def _sides(shape: Shape) -> tuple[int, int, int]:
    return (shape.channels, shape.height, shape.width)


def without_index(shape: Shape | None, number: int) -> Shape | None:
    """The shape with the repeat's index replaced by its number in the formulas of its sides."""
    if shape is None:
        return None
    grid = shape.grid and Grid(*(_without_index(side, number) for side in shape.grid))
    return Shape(_without_index(shape.channels, number), grid)


def _without_index(size: int, number: int) -> int:
    return size.formula.settled("i", number, int(size)) if isinstance(size, Traced) else size


class Passage(NamedTuple):
    """How channels go through a repeat whose count is traced: what goes in, and what an instance makes.

    `made` is a formula of i, the number of the instance, and of x, the channels that it takes:

                            instance i takes                  the repeat makes, of n instances
        x + growth          c + i * growth                    c + n * growth
        F, without x        F(i = i - 1) if i > 0 else c      F(i = n - 1) if n > 0 else c
    """

    first: Formula
    made: Formula

    @classmethod
    def of(cls, first: Shape, made: Shape | None) -> Passage:
        """By what an instance makes of `any_channels`. Raises Untraceable where that has neither form."""
        if made is None:
            raise Untraceable
        passage = cls(formula_of(first.channels), formula_of(made.channels))
        if passage.growth is None and _X in passage.made.atoms():
            raise Untraceable
        return passage

    @property
    def growth(self) -> Formula | None:
        """What each instance adds, where it is the same of each."""
        growth = self.made + Formula(((_X, -1),))
        return None if {_X, _INDEX} & set(growth.atoms()) else growth

    def entering(self, x: Shape) -> Shape:
        """What goes into an instance: a formula of its number, where that tells what those before it make."""
        if _INDEX not in self.made.atoms():
            return x
        index = Formula(((_INDEX, 1),))
        before = self.made.replace("i", index + constant(-1))
        channels = applied("if", self.first, applied("==", index, constant(0)), before)
        return Shape(Traced.of(int(x.channels), channels), x.grid)

    def leaving(self, count: Formula, block: Block) -> Formula:
        """What comes out of `count` instances; `block` knows the bounds of its params."""
        if self.growth is not None:
            return self.first + _product(count, self.growth)
        formula = self.made.replace("i", count + constant(-1))
        if _is_positive(count, block):
            return formula
        return applied("if", formula, applied(">", count, constant(0)), self.first)


def any_channels(x: Shape) -> Shape:
    """A shape with channels that stand for any number of them."""
    return Shape(Traced.symbol(int(x.channels), _X.name), x.grid)


def after_repeat(
    first: Shape, last: Shape, count: int, runs: Sequence[Run], channels: Formula
) -> Shape:
    """The end of a repeat whose count is traced, for every count; its channels are known.

    A grid that the instances change is a size that no formula tells. Raises Untraceable where they
    make a grid of a vector or the reverse.
    """
    made = [run.instance.output for run in runs[:SAMPLES] for _ in range(min(run.count, SAMPLES))]
    shapes = [shape for shape in made[:SAMPLES] if shape is not None]
    if len(shapes) < SAMPLES or len({shape.grid is None for shape in (first, *shapes)}) > 1:
        raise Untraceable
    return Shape(Traced.of(int(last.channels), channels), _grid_after(first, last, count, shapes))


def _grid_after(first: Shape, last: Shape, count: int, made: Sequence[Shape]) -> Grid | None:
    """The grid behind a repeat: that before it, where every instance keeps it."""
    if last.grid is None:
        return None
    stages = [[formula_of(side) for side in _sides(shape)[1:]] for shape in (first, *made)]

    def after(size: int, formulas: Sequence[Formula]) -> int:
        if all(formula == formulas[0] for formula in formulas):
            return size
        return Traced.of(int(size), applied(UNKNOWN, formula_of(count), *formulas))

    height, width = zip(*stages, strict=True)
    return Grid(after(last.grid.height, height), after(last.grid.width, width))


def _product(left: Formula, right: Formula) -> Formula:
    if right.terms or not isinstance(right.constant, int):
        return applied("*", left, right)
    return left.times(right.constant)


def _is_positive(count: Formula, block: Block) -> bool:
    """Whether a count is above 0 in every use, by the bounds of the params it is made of."""
    lowest = count.constant if isinstance(count.constant, int) else 0
    for atom, factor in count.terms:
        param = block.params.get(atom.name) if isinstance(atom, Symbol) else None
        if param is None or not isinstance(param.slot, IntSlot) or factor < 0:
            return False
        lowest += factor * param.slot.minimum
    return lowest > 0


def samples(count: int, *, is_tracing: bool) -> int:
    """How many instances of a repeat have to be looked at."""
    return max(int(count), SAMPLES) if is_tracing and is_traced(count) else int(count)
