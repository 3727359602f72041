"""Joins: ops that make one value of several."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Branches, Join, JoinError
from archgen.ir.shape import Grid, Shape
from archgen.ops.attached import Activation, ActivationSlot
from archgen.ops.settings import setting
from archgen.ops.slots import FloatSlot
from archgen.rules import CHANNELS_DIFFER, GRIDS_DIFFER, RESIDUAL_MISMATCH
from archgen.spec.traced import Applied, formula_of, is_traced


@dataclass(frozen=True, kw_only=True, eq=False)
class Concat(Join):
    """Stacks the channels of branches that share a grid, in the order in which they are written."""

    name: ClassVar[str] = "concat"

    def join(self, inputs: tuple[Shape, ...]) -> Shape:
        channels = sum(shape.channels for shape in inputs)
        grids = Counter(shape.grid for shape in inputs)
        if len(grids) > 1:
            raise _grids_differ("branches of a concat end on different grids", inputs, channels)
        return Shape(channels, inputs[0].grid)

    def joined(self, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return f"torch.cat([{', '.join(inputs)}], dim=1)"


def _grids_differ(message: str, inputs: tuple[Shape, ...], channels: int) -> JoinError:
    """Blames the minority where three or more disagree; goes on with the majority's grid."""
    grids = Counter(shape.grid for shape in inputs)
    (grid, most), *rest = grids.most_common()
    if len(inputs) < 3 or (rest and rest[0][1] == most):
        return JoinError(GRIDS_DIFFER, message)
    odd = tuple(index for index, shape in enumerate(inputs) if shape.grid != grid)
    return JoinError(GRIDS_DIFFER, message, odd, goes_on=Shape(channels, grid))


# what a spatial gate would need; a gate with more filters is another network
_GATE = "; one channel is not stretched over the others"
_GATE_HELP = (
    "a gate has as many channels as what it gates, on the same grid or on one position: no spec says a "
    "gate of one channel"
)


def _add_up(inputs: tuple[Shape, ...], verb: str) -> Shape:
    grids = Counter(shape.grid for shape in inputs)
    if len(grids) > 1:
        raise _grids_differ(
            f"values that are {verb} end on different grids", inputs, inputs[0].channels
        )
    channels = Counter(int(shape.channels) for shape in inputs)
    if len(channels) > 1:
        counts = " and ".join(str(count) for count in channels)
        (most, times), *rest = channels.most_common()
        odd = tuple(i for i, shape in enumerate(inputs) if shape.channels != most)
        clear = len(inputs) > 2 and not (rest and rest[0][1] == times)
        is_gate = verb == "multiplied" and 1 in channels
        help = "" if clear else "give the last convolutions of all the same `filters`"
        raise JoinError(
            CHANNELS_DIFFER,
            f"values that are {verb} have {counts} channels{_GATE if is_gate else ''}",
            odd if clear else (),
            help=_GATE_HELP if is_gate else help,
            goes_on=Shape(most, inputs[0].grid) if clear else None,
            is_sayable=not is_gate,
        )
    return inputs[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Join):
    """The sum of values of one shape."""

    name: ClassVar[str] = "add"

    def join(self, inputs: tuple[Shape, ...]) -> Shape:
        return _add_up(inputs, "added")

    def joined(self, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return " + ".join(inputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Multiply(Join):
    """The product of values of one shape; one on a single position is stretched over the others' grid."""

    name: ClassVar[str] = "multiply"

    def join(self, inputs: tuple[Shape, ...]) -> Shape:
        full = max(inputs, key=lambda s: (s.height * s.width, s.grid is not None))
        single = (None, Grid(1, 1))
        _add_up(
            tuple(Shape(s.channels, full.grid) if s.grid in single else s for s in inputs),
            "multiplied",
        )
        return Shape(inputs[0].channels, full.grid)

    def joined(self, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        on_grid = any(shape.grid for shape in shapes)
        stretched = [
            f"{_operand(x)}[:, :, None, None]" if on_grid and shape.grid is None else _operand(x)
            for x, shape in zip(inputs, shapes, strict=True)
        ]
        return " * ".join(stretched)


def _operand(x: str) -> str:
    """The Python expression `x` as an operand of an operator that binds tightly."""
    is_operation = " " in x and isinstance(ast.parse(x, mode="eval").body, ast.BinOp)
    return f"({x})" if is_operation else x


def _is_choice(channels: int) -> bool:
    """Whether channels are traced as `a if condition else b`; a sum can name its other term instead."""
    atoms = formula_of(channels).atoms() if is_traced(channels) else ()
    return any(isinstance(atom, Applied) and atom.operation == "if" for atom in atoms)


def _grid(shape: Shape) -> str:
    return f"a grid of {shape.grid}" if shape.grid else "a vector"


@dataclass(frozen=True, kw_only=True, eq=False)
class Residual(Join):
    """act(shortcut + scale * body): He et al. (arXiv:1512.03385), scaled as in arXiv:1602.07261, Fig. 20.

    The scale multiplies the body's output before the addition; the shortcut is never scaled.
    """

    name: ClassVar[str] = "residual"
    branches: ClassVar[Branches] = Branches.RESIDUAL

    scale: float = setting(FloatSlot(float("-inf")), "factor on the body's output", 1.0)
    act: Activation | None = setting(
        ActivationSlot(learned=False), "activation after the addition", None
    )

    def join(self, inputs: tuple[Shape, ...]) -> Shape:
        shortcut, body = inputs
        if shortcut.grid == body.grid and shortcut.channels == body.channels:
            return body if _is_choice(shortcut.channels) else shortcut
        if shortcut.grid != body.grid:
            message = f"a residual adds {_grid(body)} to {_grid(shortcut)}"
        else:
            message = f"a residual adds {int(body.channels)} channels to {int(shortcut.channels)}"
        raise JoinError(
            RESIDUAL_MISMATCH,
            message,
            goes_on=shortcut,
            help=self._help(shortcut, body, str(int(shortcut.channels))),
            help_in_block=self._help(shortcut, body, "in.channels"),
        )

    def _help(self, shortcut: Shape, body: Shape, channels: str) -> str:
        if shortcut.grid == body.grid:
            return (
                f"write `filters: {channels}` on the body's last convolution, "
                "or give the residual a `shortcut:`"
            )
        return (
            "give the body's layers padding that keeps the grid, "
            "or the residual a `shortcut:` of the same stride"
        )

    def joined(self, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        shortcut, body = inputs
        if is_traced(self.scale):
            body = f"{formula_of(self.scale)} * {body}"
        elif self.scale != 1.0:
            body = f"{self.scale!r} * {body}"
        return self.activated(f"{shortcut} + {body}")

    def activated(self, total: str) -> str:
        """The residual, of the Python expression for its sum."""
        return self.act.apply(total, inplace=True) if self.act else total
