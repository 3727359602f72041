"""What a network computes, whatever its text: every value as a number that equal values share."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

from archgen.ir.graph import INPUT, Ref
from archgen.ir.op import Op
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
from archgen.ops.conv import Convolution
from archgen.ops.head import Dropout, Flatten, Identity, StochasticDepth
from archgen.ops.merge import Add, Concat, Multiply, Residual
from archgen.ops.normalize import Act, Norm
from archgen.ops.rearrange import Split
from archgen.ops.scale import Scale

Value = int
Values = dict[Ref, Value]


class Dataflow:
    """Values of networks. Blocks, branches, `from` and attached parts leave no trace in them."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, Value] = {}

    def results(self, network: ShapedNetwork) -> list[Value]:
        """The network's outputs, the main one first."""
        values: Values = {Ref(INPUT): self._number("input")}
        results = [self._graph(network.block.graph, values, Ref(INPUT))]
        for head in network.heads:
            start = head.head.start
            value = self._graph(head.graph, values, start) if head.graph.nodes else values[start]
            results.append(value)
        return results

    def _number(self, *value: Hashable) -> Value:
        return self._numbers.setdefault(value, len(self._numbers))

    def _graph(self, graph: ShapedGraph, values: Values, start: Ref) -> Value:
        current = values[start]
        for node in graph.nodes:
            inputs = [values[ref] for ref in node.node.inputs]
            current = self._step(node, inputs, values)
            values[Ref(node.node.id)] = current
        return current

    def _step(self, node: ShapedNode, inputs: list[Value], values: Values) -> Value:
        if not node.is_active:
            return inputs[0]
        if node.runs:
            for run in node.runs:
                for _ in range(run.count):
                    inputs = [self._step(run.instance, inputs, values)]
            return inputs[0]
        if node.block is not None:
            return self._block(node.block, inputs)
        branches = [
            self._graph(branch.graph, values, branch.branch.start) for branch in node.branches
        ]
        assert node.op is not None
        if isinstance(node.op, Split):
            assert node.input is not None
            for part in node.ports:
                values[Ref(node.node.id, part)] = self._part(node.op, node.input, part, inputs[0])
            return inputs[0]
        return self._op(node.op, branches or inputs, node.input)

    def _part(self, split: Split, x: Shape, part: str, value: Value) -> Value:
        """A part by its channels, whatever its name."""
        sizes = {name: shape.channels for name, shape in split.parts(x).items()}
        first = sum(
            size for name, size in sizes.items() if [*sizes].index(name) < [*sizes].index(part)
        )
        return self._number("part", first, sizes[part], value)

    def _block(self, block: ShapedBlock, inputs: list[Value]) -> Value:
        names = block.block.inputs or ("",)
        values = {Ref(INPUT, name): value for name, value in zip(names, inputs, strict=True)}
        values[Ref(INPUT)] = inputs[0]
        return self._graph(block.graph, values, Ref(INPUT))

    def _op(self, op: Op, inputs: list[Value], x: Shape | None) -> Value:
        if isinstance(op, Residual):
            return self._residual(op, *inputs)
        if isinstance(op, Concat):
            return self._concat(inputs)
        if isinstance(op, Add | Multiply):
            return self._number(op.name, *sorted(inputs))
        assert x is not None
        if _passes_on(op, x):
            return inputs[0]
        (value,) = inputs
        for part in _parts(op):
            value = self._number(_function(part, x), value)
            x = part.infer(x)
        return value

    def _residual(self, op: Residual, shortcut: Value, body: Value) -> Value:
        if op.scale != 1.0:
            body = self._number(repr(Scale(factor=op.scale)), body)
        total = self._number("add", *sorted((shortcut, body)))
        return total if op.act is None else self._number(repr(Act(function=op.act)), total)

    def _concat(self, inputs: list[Value]) -> Value:
        """A concat of concats is one of all their inputs."""
        names = {number: value for value, number in self._numbers.items()}
        flat: list[Hashable] = []
        for value in inputs:
            made = names[value]
            assert isinstance(made, tuple)
            flat += made[1:] if made[0] == "concat" else [value]
        return self._number("concat", *flat)


def _passes_on(op: Op, x: Shape) -> bool:
    if isinstance(op, Scale):
        return op.factor == 1.0 and not op.learned
    if isinstance(op, StochasticDepth | Dropout):
        return op.rate == 0.0
    return isinstance(op, Identity) or (isinstance(op, Flatten) and x.grid is None)


def _parts(op: Op) -> Iterator[Op]:
    """An op and what is attached to it, one behind the other."""
    if isinstance(op, Convolution):
        yield replace(op, norm=None, act=None)
        if op.norm is not None:
            yield Norm(kind=op.norm)
        if op.act is not None:
            yield Act(function=op.act)
    else:
        yield op


def _function(op: Op, x: Shape) -> str:
    """What the op computes: paddings that mean the same are the same."""
    if isinstance(op, Act | Scale):
        return repr(op)
    module = op.module(x)
    return f"{op.name} {module.args} {module.kwargs}" if module else f"{op.name} {op}"
