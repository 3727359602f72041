"""What a network computes, as numbers: equal numbers are equal computations with equal weights.

This is value numbering (Alpern, Wegman and Zadeck, POPL 1988) over both networks at once. A value is known
by what makes it: the code of its layer, the names of the weights, and the numbers of the values that go
in, in their order. Nothing is claimed of algebra: a sum in another order is another value.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from archgen.ir.graph import Ref
from archgen.ir.interpreter import Environment, Interpreter, Made, Place
from archgen.ir.shape import Shape
from archgen.ir.shaped import Run, ShapedNetwork, ShapedNode
from archgen.ir.walk import joined_path
from archgen.layers import layer_of


class Output(NamedTuple):
    """One value that a network returns, in the order in which it does."""

    name: str
    is_training_only: bool
    loss_weight: float | None
    shape: Shape | None
    value: int


def compute_alike(before: ShapedNetwork, after: ShapedNetwork) -> bool:
    """Whether both return the same of the same, where tensors of one name hold the same weights.

    What an error hides is taken to be the same where it has the same path.
    """
    numbering = _Numbering()
    return numbering.outputs(before) == numbering.outputs(after)


class _Numbering(Interpreter[int]):
    """Gives each computation a number, and an equal one the same."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def outputs(self, network: ShapedNetwork) -> list[Output]:
        """What the network returns: its own value, taps, then what only training has."""
        block = network.block
        values = Environment(block.block, [self._number("input", network.network.input)])
        self.run(block.graph, values)
        end = self.value(block.block.graph.output, values)
        found = [Output("", False, None, network.output, end)]
        for head in network.heads:
            self.run(head.graph, values, head.head.name)
            end = self.value(head.head.graph.output, values)
            name, is_training_only = head.head.name, head.head.training_only
            shape, weight = head.graph.output, head.head.loss_weight
            found.append(Output(name, is_training_only, weight, shape, end))
        return sorted(found, key=lambda output: output.is_training_only)

    def value(self, ref: Ref, values: Environment[int]) -> int:
        """The number of a value; where an error hides it, that of its name."""
        found = values.get(ref)
        return self._number("hidden", *ref) if found is None else found

    def repeat(
        self, node: ShapedNode, inputs: tuple[int, ...], place: Place
    ) -> Sequence[Made[int]]:
        """Each instance has weights of its own."""
        made: list[Made[int]] = []
        for run in node.runs:
            for number in range(run.first, run.first + run.count):
                where = place._replace(path=joined_path(place.path, str(number)))
                made.append(self.call(node, run, inputs, where)._replace(first=number))
                inputs = (made[-1].value,)
        return made

    def call(self, node: ShapedNode, run: Run, inputs: tuple[int, ...], place: Place) -> Made[int]:
        """A layer by its code and the path of its weights, if it has any; a block by what is in it."""
        step = run.instance
        if step.block is not None:
            return self.block(step.block, inputs, place.path)
        whole = self._layer(step, inputs, place.path)
        parts = enumerate(step.ports)  # of a split: what counts is the place of a part
        return Made(whole, {name: self._number("part", n, whole) for n, name in parts})

    def join(self, node: ShapedNode, ends: tuple[int, ...], place: Place) -> Made[int]:
        """A join by its code and what it joins, in order."""
        return Made(self._layer(node, ends, place.path))

    def _layer(self, step: ShapedNode, inputs: tuple[int, ...], path: str) -> int:
        layer = layer_of(step, path)
        owner = path if layer.tensors or step.op is None else ""
        return self._number(layer.written(), layer.input, layer.joined, owner, *inputs)

    def _number(self, *key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))
