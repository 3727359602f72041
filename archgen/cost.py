"""What a network costs: learned numbers, multiply-adds, and the activations a forward pass makes.

MACs count convolutions and linear layers for one sample (1 MAC = 2 FLOPs); norms, activations, pools
and additions are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from archgen.ir.op import Join
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
from archgen.ir.walk import walk


@dataclass(frozen=True)
class Cost:
    """Params, MACs and activation elements (one sample, outputs of steps) of a part of a network."""

    params: int = 0
    macs: int = 0
    activations: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.params + other.params, self.macs + other.macs, self.activations + other.activations
        )

    def times(self, count: int) -> Cost:
        """The cost of `count` equal parts."""
        return Cost(self.params * count, self.macs * count, self.activations * count)

    @property
    def flops(self) -> int:
        """Two for each multiply-add."""
        return 2 * self.macs


class NetworkCost(NamedTuple):
    """The cost in evaluation, and the params with training-only heads."""

    cost: Cost
    params_training: int


class Costs:
    """Costs of the parts of one network; a shared block is counted once and remembered."""

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[ShapedBlock, Cost]] = {}

    def network(self, network: ShapedNetwork) -> NetworkCost:
        """The whole network; training-only heads count in `params_training` alone."""
        always = [head.graph for head in network.heads if not head.head.training_only]
        training = [head.graph for head in network.heads if head.head.training_only]
        cost = self.graphs([network.block.graph, *always])
        return NetworkCost(cost, cost.params + self.graphs(training).params)

    def graphs(self, graphs: Iterable[ShapedGraph]) -> Cost:
        """Several lists of steps together."""
        params = macs = activations = 0  # a Cost for each sum would take longer than the sums
        for graph in graphs:
            for node in graph.nodes:
                cost = self.node(node)
                params, macs = params + cost.params, macs + cost.macs
                activations += cost.activations
        return Cost(params, macs, activations)

    def block(self, block: ShapedBlock) -> Cost:
        """One use of a block."""
        known = self._blocks.get(id(block))
        if known is None:
            known = self._blocks[id(block)] = (block, self.graphs([block.graph]))
        return known[1]

    def node(self, node: ShapedNode) -> Cost:
        """One step with all that is in it, repeats counted."""
        if node.runs:
            return sum((self.node(run.instance).times(run.count) for run in node.runs), Cost())
        if node.block is not None:
            return self.block(node.block)
        if not node.branches:
            return self.own(node)
        return self.graphs(branch.graph for branch in node.branches) + self.own(node)

    def own(self, node: ShapedNode) -> Cost:
        """The op of a step alone, without the branches of a join."""
        if node.op is None or node.output is None or node.input is None or not node.is_active:
            return Cost()
        if isinstance(node.op, Join):
            return Cost(activations=node.output.size)
        op, x = node.op, node.input
        return Cost(op.params(x), op.macs(x, node.output), node.output.size)


def is_known(node: ShapedNode) -> bool:
    """Whether the shapes in a step are known, and with them its cost."""
    alone = ShapedGraph((node,), node.input, node.output)
    steps = (one for v in walk(alone, into_blocks=True) for one in (v.node, v.instance))
    return all(map(_has_shape, steps))


def _has_shape(node: ShapedNode) -> bool:
    if not node.is_active or node.count == 0:
        return True
    is_something = node.op is not None or node.block is not None
    return node.output is not None and (is_something or bool(node.runs or node.branches))
