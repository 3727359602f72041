"""A network as its layers, repeats and blocks unrolled: what each computes, and the tensors it owns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.ir.op import Join, Op, Tensors
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedGraph, ShapedNode
from archgen.ir.walk import walk


class Layer(NamedTuple):
    """One step of an unrolled network; `path` is that of its parameters, `joined` what goes into a join."""

    path: str
    op: Op | None
    input: Shape | None
    output: Shape | None
    tensors: Tensors
    joined: tuple[Shape, ...] = ()

    def computes_as(self, other: Layer) -> bool:
        """Whether both make the same of the same, written out: `same` and 1 may be one padding."""
        if (self.input, self.joined) != (other.input, other.joined):
            return False
        return _are_equal(self.op, other.op) or self.written() == other.written()

    def written(self) -> str:
        """What the layer does, as code; a question mark where an error hides it."""
        if self.op is None or self.input is None:
            return "?"
        if isinstance(self.op, Join):
            names = tuple(f"x{number}" for number in range(len(self.joined)))
            return self.op.joined(names, self.joined)
        module = self.op.module(self.input)
        if module is None:
            return self.op.expression("x", self.input)
        source = module.helper.source if module.helper else module.target
        return f"{source}{module.args}{module.kwargs}"


def layers(graph: ShapedGraph, path: str = "") -> Iterator[Layer]:
    """The layers of a list of steps in the order in which they run."""
    for visit in walk(graph, path, into_blocks=True, unrolled=True):
        if visit.instance.is_active and visit.instance.block is None:
            yield layer_of(visit.instance, visit.path)


def layer_of(step: ShapedNode, path: str) -> Layer:
    """A step that is neither a repeat nor a use of a block."""
    learned = tensors(step.op, step.input)
    return Layer(path, step.op, step.input, step.output, learned, _joined_by(step))


def node_layers(node: ShapedNode) -> Iterator[Layer]:
    """The layers of one step of a network."""
    return layers(ShapedGraph((node,), node.input, node.output))


def _joined_by(node: ShapedNode) -> tuple[Shape, ...]:
    """What goes into a step that is a join, as far as it is known."""
    if not isinstance(node.op, Join):
        return ()
    shapes = tuple(branch.graph.output for branch in node.branches) or node.inputs
    return tuple(shape for shape in shapes if shape is not None)


def _are_equal(one: Op | None, other: Op | None) -> bool:
    """Whether two ops have the same settings."""
    if one is None or other is None:
        return one is other
    return type(one) is type(other) and vars(one) == vars(other)


def tensors(op: Op | None, x: Shape | None) -> Tensors:
    """The learned tensors and statistics of one layer, by their names in a state dict."""
    return {} if op is None or x is None else op.tensors(x)
