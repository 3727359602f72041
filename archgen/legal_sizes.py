"""The input sizes that a network takes with the weights it has.

The scan walks the shaped network once a size, its settings as they are. Why a short scan is enough:
a window with stride s makes one position more for every s rows more. If P is a multiple of the
product of strides on every path, then P rows more add P / (product of strides) positions to each
value, and never change what divides what. So where a network takes n0 and n0 + P, the branches of
each join grow alike, whether they fit depends on n modulo P alone, and all remainders stand between
n0 and n0 + P. Downwards the same holds until a window no longer fits, and a window that fits goes on
fitting on larger grids: the smallest size is found by bisection.

Where the weights change with the size (a linear layer on a flattened grid), the legal sizes lie
around n0, up to the first size on either side that needs other weights: grids only grow with n.
Where P is not known or too large, sizes near n0 are tried and no more is claimed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from itertools import count
from math import gcd, lcm
from typing import NamedTuple

from archgen.diagnostics import Findings
from archgen.infer import infer
from archgen.ir.graph import INPUT, NetworkGraph, Ref
from archgen.ir.op import Join, JoinError, Op, ShapeError
from archgen.ir.shape import Grid, Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
from archgen.rules import INPUT_TOO_SMALL

MAX_PERIOD = 128
NEARBY = 32
MAX_STEPS = 20_000  # of one walk; a network of more is not walked
LARGEST_INPUT = 4096


class LegalSizes(NamedTuple):
    """Sizes n with n modulo `modulus` in `remainders`, from `smallest` to `largest` (None: no end).

    `is_proved` says that there are no others; if not, `tested` were tried one by one.
    """

    smallest: int
    largest: int | None
    modulus: int
    remainders: tuple[int, ...]
    is_proved: bool
    tested: tuple[int, int]

    def __contains__(self, size: object) -> bool:
        if not isinstance(size, int) or size < self.smallest:
            return False
        is_below = self.largest is None or size <= self.largest
        return is_below and size % self.modulus in self.remainders

    def __str__(self) -> str:
        text = self._range()
        return (
            text if self.is_proved else f"{text} (tried from {self.tested[0]} to {self.tested[1]})"
        )

    def _range(self) -> str:
        first, last = self.smallest, self.largest
        if first == last:
            return f"{first} only"
        span = f"{first} and up" if last is None else f"{first} to {last}"
        if self.modulus == 1:
            return span
        if self.remainders == (0,):
            multiples = f"multiples of {self.modulus}"
            return multiples if (first, last) == (self.modulus, None) else f"{multiples}, {span}"
        *most, final = map(str, self.remainders)
        listed = f"{', '.join(most)} or {final}" if most else final
        is_list = last is not None and self.modulus > last
        return listed if is_list else f"{listed} modulo {self.modulus}, {span}"


def legal_sizes(network: ShapedNetwork, *, in_training: bool = False) -> dict[str, LegalSizes]:
    """The legal sizes by what varies: `grid` where the input is square, else `height` and `width`.

    `network` must be sound. The heads that only training has count with `in_training`. Empty where
    the input has no grid, or the network too many steps.
    """
    grid = network.network.input.grid
    if grid is None:
        return {}
    height, width = grid.height, grid.width
    try:
        if height == width:
            square = _scan(network, height, lambda n: Grid(n, n), in_training=in_training)
            return {"grid": square}
        return {
            "height": _scan(network, height, lambda n: Grid(n, width), in_training=in_training),
            "width": _scan(network, width, lambda n: Grid(height, n), in_training=in_training),
        }
    except _TooLong:
        return {}


def smallest_input(network: NetworkGraph) -> int | None:
    """The side of the smallest square input of a network whose own input is too small for it.

    None where no size up to LARGEST_INPUT compiles.
    """
    size = max(network.input.height, network.input.width)
    while (size := 2 * size) <= LARGEST_INPUT:
        findings = Findings()
        shape = Shape(network.input.channels, Grid(size, size))
        shaped = infer(network._replace(input=shape), findings)
        if shaped is not None and not findings.has_errors:
            sizes = legal_sizes(shaped).get("grid")
            return sizes.smallest if sizes else None
    return None


class Verdict(Enum):
    """How a network takes an input size."""

    FITS = "fits"
    TOO_SMALL = "a window does not fit"
    MISMATCH = "branches do not fit each other"
    OTHER_WEIGHTS = "a layer needs other weights"


def _scan(
    network: ShapedNetwork, size: int, grid: Callable[[int], Grid], *, in_training: bool
) -> LegalSizes:
    channels = network.network.input.channels

    @cache
    def verdict(n: int) -> Verdict:
        return _Walk(network, in_training=in_training).verdict(Shape(channels, grid(n)))

    period = _Walk(network, in_training=in_training).period(Shape(channels, grid(size)))
    if period is None or verdict(size + period) is Verdict.MISMATCH:
        tried = range(max(1, size - NEARBY), size + NEARBY + 1)
        return _listed([n for n in tried if verdict(n) is Verdict.FITS], tried, is_proved=False)
    if verdict(size + period) is not Verdict.FITS:
        around = range(_last(verdict, size, -1), _last(verdict, size, 1) + 1)
        return _listed([n for n in around if verdict(n) is Verdict.FITS], around, is_proved=True)
    remainders = [n % period for n in range(size, size + period) if verdict(n) is Verdict.FITS]
    candidates = [n for n in range(1, size + 1) if n % period in set(remainders)]
    first = bisect_left(candidates, True, key=lambda n: verdict(n) is Verdict.FITS)
    modulus = _shortest_period(remainders, period)
    reduced = tuple(sorted({n % modulus for n in remainders}))
    return LegalSizes(candidates[first], None, modulus, reduced, True, (1, size + period))


def _last(verdict: Callable[[int], Verdict], size: int, step: int) -> int:
    """The last size before one that is too small or needs other weights."""
    beyond = (Verdict.TOO_SMALL, Verdict.OTHER_WEIGHTS)
    return next(n for n in count(size, step) if n + step < 1 or verdict(n + step) in beyond)


def _listed(fitting: list[int], tried: range, *, is_proved: bool) -> LegalSizes:
    """Sizes that were tried one by one, in even steps or as a list of their own."""
    first, last = fitting[0], fitting[-1]
    step = gcd(*(n - first for n in fitting)) or 1
    is_even = len(fitting) == (last - first) // step + 1
    modulus = step if is_even else last + 1
    remainders = tuple(sorted({n % modulus for n in fitting}))
    return LegalSizes(first, last, modulus, remainders, is_proved, (tried[0], tried[-1]))


def _shortest_period(remainders: Iterable[int], period: int) -> int:
    """The smallest divisor of `period` with which the same sizes are legal."""
    legal = set(remainders)
    divisors = (d for d in range(1, period + 1) if period % d == 0)
    return next(d for d in divisors if all((n + d) % period in legal for n in legal))


class _Stop(Exception):
    """The network does not take this size, for the reason in `verdict`."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


class _TooLong(Exception):
    """The network has more steps than a scan is worth."""


class _Value(NamedTuple):
    """A shape, and by how many rows and columns of the input its grid grows by one."""

    shape: Shape
    stride: int = 1


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


class _Walk:
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
        """A multiple of the product of strides on every path; None where it is not known or large."""
        self._walk(shape)
        period = lcm(*self._strides)
        return period if self._is_understood and period <= MAX_PERIOD else None

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
            raise _TooLong
        if node.block is not None:
            output, inner = self._block(node.block, inputs)
            for name, ref in node.block.block.outputs.items():
                frame.ports[node.node.id, name] = inner.value(ref)
            return output
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
        return _Value(shape, lcm(*(value.stride for value in values)))

    def _through(self, node: ShapedNode, op: Op, x: _Value) -> _Value:
        try:
            shape = op.infer(x.shape)
        except ShapeError as error:
            is_small = error.rule is INPUT_TOO_SMALL
            raise _Stop(Verdict.TOO_SMALL if is_small else Verdict.MISMATCH) from None
        assert node.input is not None
        if op.params(x.shape) != op.params(node.input):
            raise _Stop(Verdict.OTHER_WEIGHTS)
        stride = x.stride * self._stride(op, x.shape, shape)
        self._strides.add(stride)
        return _Value(shape, stride)

    def _stride(self, op: Op, before: Shape, after: Shape) -> int:
        """By how many rows and columns of its input the grid of an op grows by one."""
        stride = getattr(op, "stride", None)
        if stride is not None:
            return lcm(stride.height, stride.width)
        if after.grid is not None and after.grid != before.grid:
            self._is_understood = False
        return 1
