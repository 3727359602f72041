"""Interpretation of shaped graphs: the one definition of what a reference means.

As `torch.fx.Interpreter` does with tensors, an `Interpreter` runs a network step by step on values of
any kind: shapes for another input, the boxes of a picture, the nodes of a graph for another program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from archgen.ir.graph import INPUT, NOTHING, Block, Ref
from archgen.ir.shaped import Run, ShapedBlock, ShapedGraph, ShapedNode
from archgen.ir.walk import joined_path

V = TypeVar("V")


class Made(NamedTuple, Generic[V]):
    """What a step makes: its value, and its further values by the names of their ports.

    Of a repeat, what the instances from number `first` on make, up to those of the next entry.
    """

    value: V
    ports: Mapping[str, V] = NOTHING
    first: int = 0


class Environment(Generic[V]):
    """The values in one use of a block, or in the network, by what refers to them."""

    def __init__(self, block: Block, inputs: Sequence[V]) -> None:
        self._inputs = dict(zip(block.inputs or ("",), inputs, strict=False))
        if inputs:
            self._inputs.setdefault("", inputs[0])
        self._made: dict[int, tuple[Sequence[Made[V]], Made[V]]] = {}

    def add(self, step: int, made: Sequence[Made[V]], whole: Made[V] | None = None) -> None:
        """Notes what a step makes: one entry, or for a repeat one for each run of equal instances.

        The `whole` of a repeat is what its last instance makes, unless it is given.
        """
        self._made[step] = made, whole or made[-1]

    def get(self, ref: Ref) -> V | None:
        """The value that a reference means; None where there is none, which is a reported error.

        Of a repeat without a number, the last instance is meant.
        """
        if ref.id == INPUT:
            return self._inputs.get(ref.port)
        if ref.id not in self._made:
            return None
        made, one = self._made[ref.id]
        if ref.instance is not None:
            *_, one = (instance for instance in made if instance.first <= ref.instance)
        return one.ports.get(ref.port) if ref.port else one.value

    def __getitem__(self, ref: Ref) -> V:
        """The value that a reference means, in a network without errors."""
        value = self.get(ref)
        assert value is not None
        return value


class Place(NamedTuple):
    """Where a step is: the path of the list that it is in, and its own.

    A step without an `id` goes by its name, as views show it.
    """

    outer: str
    path: str

    def inside(self, run: Run) -> Place:
        """The place of some instances of a repeat."""
        return self._replace(path=joined_path(self.path, run.segment))


class Interpreter(Generic[V]):
    """Runs lists of steps. A subclass says what a layer, a join and a use of a block make.

    The order of steps, branches, repeats and steps that are left out are the same for all.
    """

    def run(self, graph: ShapedGraph, values: Environment[V], path: str = "") -> None:
        """Runs the steps of a list, whose values are added to `values`."""
        for node in graph.nodes:
            values.add(node.node.id, self.step(node, values, path))

    def step(self, node: ShapedNode, values: Environment[V], path: str) -> Sequence[Made[V]]:
        """What one step makes: of a repeat, an entry for each run of equal instances."""
        inputs = tuple(self.value(ref, values) for ref in node.node.inputs)
        if not node.is_active or node.count == 0:
            return [Made(inputs[0])]
        place = Place(path, joined_path(path, node.node.segment or node.node.name))
        if node.branches:
            inside = joined_path(path, node.node.segment)
            for branch in node.branches:
                self.run(branch.graph, values, joined_path(inside, branch.branch.segment))
            ends = tuple(self.value(b.branch.graph.output, values) for b in node.branches)
            return [self.join(node, ends, place._replace(outer=inside))]
        if node.runs:
            return self.repeat(node, inputs, place)
        return [self.call(node, Run(0, 1, node), inputs, place)]

    def repeat(self, node: ShapedNode, inputs: tuple[V, ...], place: Place) -> Sequence[Made[V]]:
        """What a repeat makes: each run takes what the one before it makes."""
        made: list[Made[V]] = []
        for run in node.runs:
            where = place.inside(run) if len(node.runs) > 1 else place
            made.append(self.call(node, run, inputs, where)._replace(first=run.first))
            inputs = (made[-1].value,)
        return made

    def block(self, block: ShapedBlock, inputs: tuple[V, ...], path: str) -> Made[V]:
        """What a use of a block makes, by running the steps in it."""
        values = Environment(block.block, inputs)
        self.run(block.graph, values, path)
        ports = {name: self.value(ref, values) for name, ref in block.block.outputs.items()}
        return Made(self.value(block.block.graph.output, values), ports)

    def value(self, ref: Ref, values: Environment[V]) -> V:
        """What a reference means."""
        return values[ref]

    def call(self, node: ShapedNode, run: Run, inputs: tuple[V, ...], place: Place) -> Made[V]:
        """What equal instances of a layer, a block, or a join without branches make in a row."""
        raise NotImplementedError(type(self).__name__)

    def join(self, node: ShapedNode, ends: tuple[V, ...], place: Place) -> Made[V]:
        """What a join makes of the ends of its branches; they are in the list `place.outer`."""
        raise NotImplementedError(type(self).__name__)
