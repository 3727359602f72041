"""A walk through a shaped network with another input, its settings as they are."""

from __future__ import annotations

from enum import Enum
from math import lcm
from typing import NamedTuple

from archgen.ir.graph import INPUT, Ref
from archgen.ir.op import Join, JoinError, Op, ShapeError
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
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


class _Frame(NamedTuple):
    """The values in one use of a block: its inputs, and the outputs of its steps by id."""

    block: ShapedBlock
    inputs: tuple[_Value, ...]
    outputs: dict[int, list[_Value]]
    ports: dict[tuple[int, str], _Value]

    def value(self, ref: Ref) -> _Value:
        """What a reference means; the instances of a repeat stand in a list that its last ends."""
        if ref.id == INPUT:
            return self.inputs[self.block.block.inputs.index(ref.port) if ref.port else 0]
        if ref.port:
            return self.ports[ref.id, ref.port]
        outputs = self.outputs[ref.id]
        last = len(outputs) - 1
        return outputs[last if ref.instance is None else min(ref.instance, last)]


def _part(x: _Value, part: Shape | None) -> Shape:
    """A part of a split value: its own channels, on the grid of the whole."""
    return Shape(x.shape.channels if part is None else part.channels, x.shape.grid)


class Walk:
    """One walk through a shaped network with another input."""

    def __init__(self, network: ShapedNetwork, *, in_training: bool) -> None:
        self._network = network
        self._in_training = in_training
        self._done: dict[tuple[int, tuple[_Value, ...]], tuple[_Value, _Frame]] = {}
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
        _, frame = self._block(self._network.block, (_Value(shape),))
        for head in self._network.heads:
            if self._in_training or not head.head.training_only:
                self._graph(head.graph, frame)

    def _block(self, block: ShapedBlock, inputs: tuple[_Value, ...]) -> tuple[_Value, _Frame]:
        key = (id(block), inputs)
        if key not in self._done:
            frame = _Frame(block, inputs, {}, {})
            self._graph(block.graph, frame)
            self._done[key] = frame.value(block.block.graph.output), frame
        return self._done[key]

    def _graph(self, graph: ShapedGraph, frame: _Frame) -> None:
        for node in graph.nodes:
            inputs = tuple(frame.value(ref) for ref in node.node.inputs)
            frame.outputs[node.node.id] = self._outputs(node, inputs, frame)

    def _outputs(self, node: ShapedNode, inputs: tuple[_Value, ...], frame: _Frame) -> list[_Value]:
        """The outputs of a step: of a repeat each instance's, up to where nothing changes further."""
        if not node.is_active:
            return [inputs[0]]
        if node.count is None:
            return [self._output(node, inputs, frame)]
        outputs = [inputs[0]] if not node.runs else []
        for run in node.runs:
            for _ in range(run.count):
                before = outputs[-1] if outputs else inputs[0]
                outputs.append(self._output(run.instance, (before,), frame))
                if outputs[-1] == before and len(node.runs) == 1:
                    break
        return outputs

    def _output(self, node: ShapedNode, inputs: tuple[_Value, ...], frame: _Frame) -> _Value:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLong
        if node.block is not None:
            output, inner = self._block(node.block, inputs)
            for name, ref in node.block.block.outputs.items():
                frame.ports[node.node.id, name] = inner.value(ref)
            return output
        for name, part in node.ports.items():
            frame.ports[node.node.id, name] = inputs[0]._replace(shape=_part(inputs[0], part))
        assert node.op is not None
        if isinstance(node.op, Join):
            for branch in node.branches:
                self._graph(branch.graph, frame)
            ends = tuple(frame.value(branch.branch.graph.output) for branch in node.branches)
            return self._joined(node.op, ends or inputs)
        return self._through(node, node.op, inputs[0])

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
