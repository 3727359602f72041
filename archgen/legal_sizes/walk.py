"""A walk through a shaped network with another input, its settings as they are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import lcm
from typing import NamedTuple

from archgen.ir.interpreter import Environment, Interpreter, Made, Place
from archgen.ir.op import Join, JoinError, Op, ShapeError
from archgen.ir.shape import Shape
from archgen.ir.shaped import Run, ShapedBlock, ShapedNetwork, ShapedNode
from archgen.rules import INPUT_TOO_SMALL

MAX_STEPS = 20_000  # of one walk; a network of more is not walked


class Verdict(Enum):
    """How a network takes an input size."""

    FITS = "fits"
    TOO_SMALL = "a window does not fit"
    MISMATCH = "branches do not fit each other"
    OTHER_WEIGHTS = "a layer needs other weights"


class _Stop(Exception):
    """The network does not take this size, for the reason in `verdict`."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


class TooLong(Exception):
    """The network has more steps than a scan is worth."""


class _Value(NamedTuple):
    """A shape, and how many rows and columns of the input make its grid grow by one.

    Behind a step that leaves no grid, the size does not depend on the input any more.
    """

    shape: Shape
    stride: int = 1
    depends: bool = True


def _part(x: _Value, part: Shape | None) -> Shape:
    """A part of a split value: its own channels, on the grid of the whole."""
    return Shape(x.shape.channels if part is None else part.channels, x.shape.grid)


class Walk(Interpreter[_Value]):
    """One walk through a shaped network with another input."""

    def __init__(self, network: ShapedNetwork, *, in_training: bool) -> None:
        self._network = network
        self._in_training = in_training
        self._done: dict[tuple[int, tuple[_Value, ...]], Made[_Value]] = {}
        self._strides = {1}
        self._steps = 0
        self._is_understood = True

    def verdict(self, shape: Shape) -> Verdict:
        """How the network takes `shape`."""
        try:
            self._walk(shape)
        except _Stop as stop:
            return stop.verdict
        return Verdict.FITS

    def period(self, shape: Shape) -> int | None:
        """The least multiple of the product of strides on every path; None where it is not known."""
        self._walk(shape)
        return lcm(*self._strides) if self._is_understood else None

    def _walk(self, shape: Shape) -> None:
        block = self._network.block
        values = Environment(block.block, (_Value(shape),))
        self.run(block.graph, values)
        for head in self._network.heads:
            if self._in_training or not head.head.training_only:
                self.run(head.graph, values)

    def block(self, block: ShapedBlock, inputs: tuple[_Value, ...], path: str) -> Made[_Value]:
        """Runs a use of a block once for equal inputs."""
        key = (id(block), inputs)
        if key not in self._done:
            self._done[key] = super().block(block, inputs, path)
        return self._done[key]

    def repeat(
        self, node: ShapedNode, inputs: tuple[_Value, ...], place: Place
    ) -> Sequence[Made[_Value]]:
        """Runs instance by instance, up to where nothing changes further."""
        made: list[Made[_Value]] = []
        for run in node.runs:
            for number in range(run.first, run.first + run.count):
                made.append(self.call(node, run, inputs, place)._replace(first=number))
                before, inputs = inputs, (made[-1].value,)
                if inputs == before and len(node.runs) == 1:
                    break
        return made

    def call(
        self, node: ShapedNode, run: Run, inputs: tuple[_Value, ...], place: Place
    ) -> Made[_Value]:
        """The shape that a step makes of another input, by its own rule."""
        self._count_step()
        step = run.instance
        if step.block is not None:
            return self.block(step.block, inputs, place.path)
        assert step.op is not None
        if isinstance(step.op, Join):
            return Made(self._joined(step.op, inputs))
        parts = {
            name: inputs[0]._replace(shape=_part(inputs[0], part))
            for name, part in step.ports.items()
        }
        return Made(self._through(step, step.op, inputs[0]), parts)

    def join(self, node: ShapedNode, ends: tuple[_Value, ...], place: Place) -> Made[_Value]:
        """The shape of the ends joined."""
        self._count_step()
        assert isinstance(node.op, Join)
        return Made(self._joined(node.op, ends))

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLong

    def _joined(self, op: Join, values: tuple[_Value, ...]) -> _Value:
        try:
            shape = op.join(tuple(value.shape for value in values))
        except JoinError:
            raise _Stop(Verdict.MISMATCH) from None
        growing = [value for value in values if value.depends]
        if len({value.shape.grid for value in growing}) > 1:
            # a multiplication stretched one position, which on a larger input are several
            self._is_understood = False
        return _Value(shape, lcm(*(value.stride for value in growing)), bool(growing))

    def _through(self, node: ShapedNode, op: Op, x: _Value) -> _Value:
        try:
            shape = op.infer(x.shape)
        except ShapeError as error:
            is_small = error.rule is INPUT_TOO_SMALL
            raise _Stop(Verdict.TOO_SMALL if is_small else Verdict.MISMATCH) from None
        assert node.input is not None
        if op.params(x.shape) != op.params(node.input):
            raise _Stop(Verdict.OTHER_WEIGHTS)
        stride = self._stride(op, x.stride)
        self._strides.add(stride)
        return _Value(shape, stride, x.depends and shape.grid is not None)

    def _stride(self, op: Op, before: int) -> int:
        """The stride behind an op: how many rows and columns of the input make its grid grow by one."""
        factor = lcm(*op.enlarges())
        if factor > 1:
            self._is_understood &= before % factor == 0
            return max(1, before // factor)
        stride = getattr(op, "stride", None)
        return before if stride is None else before * lcm(stride.height, stride.width)
