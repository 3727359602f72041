"""What a network ends on: a grid of one position, or an activation that its loss applies itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.diagnostics import Diagnostic, Label
from archgen.infer.producers import Producers, activation_of
from archgen.ir.graph import Ref
from archgen.ir.shape import Grid, Shape
from archgen.ir.shaped import ShapedGraph, ShapedNetwork, ShapedNode
from archgen.rules import ACTIVATION_BEFORE_LOSS, SPATIAL_RESULT

ONE = Grid(1, 1)
# activations that bound their values, or cut them off: behind them no logits are left
BOUNDING = frozenset(("softmax", "sigmoid", "hardsigmoid", "tanh", "relu", "relu6"))


class _Result(NamedTuple):
    """A list of steps that ends on a result: the network's own, or an auxiliary head's."""

    name: str
    graph: ShapedGraph
    last: ShapedNode
    output: Shape
    is_trained: bool


def results(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Results that are not what a classifier is trained on.

    The trainer's cross-entropy takes logits: it applies a softmax itself, so that after a softmax or
    a sigmoid the loss cannot come near 0, and after a ReLU no logit is below 0.
    """
    graphs = (network.block.graph, *(head.graph for head in network.heads))
    producers = Producers(network.block, *graphs)
    for result in _results(network):
        if result.output.grid == ONE and network.network.input.grid not in (None, ONE):
            yield _spatial(result)
        made = producers.of(Ref(result.last.node.id))
        if result.is_trained and result.output.grid is None and isinstance(made, ShapedNode):
            yield from _bounded(result, made)


def _results(network: ShapedNetwork) -> Iterator[_Result]:
    lists = [("the network", network.block.graph, True)]
    lists += [(f"`{h.head.name}`", h.graph, h.head.training_only) for h in network.heads]
    for name, graph, is_trained in lists:
        if graph.nodes and graph.output is not None:
            yield _Result(name, graph, graph.nodes[-1], graph.output, is_trained)


def _spatial(result: _Result) -> Diagnostic:
    message = f"{result.name} ends on {result.output}, a grid of one position and not a vector"
    help = f"end on `flatten`, or acknowledge it: `allow: [{SPATIAL_RESULT.code}]`"
    return SPATIAL_RESULT.at(result.last.node.key, message, help=help)


def _bounded(result: _Result, made: ShapedNode) -> Iterator[Diagnostic]:
    activation = activation_of(made)
    if activation is None or activation.function not in BOUNDING:
        return
    function = activation.function
    why = {
        "softmax": "applies a softmax itself",
        "relu": "needs values below 0 too",
        "relu6": "needs values below 0 too",
    }.get(function, "takes values without bounds")
    message = f"{result.name} ends on `{function}`, and cross-entropy {why}"
    place = result.last.node.key
    inner = made.node.key
    labels = [] if inner == place else [Label(inner, f"`{function}` is applied here")]
    help = (
        f"leave `{function}` to whoever reads the result, or acknowledge it: "
        f"`allow: [{ACTIVATION_BEFORE_LOSS.code}]`"
    )
    yield ACTIVATION_BEFORE_LOSS.at(place, message, labels=labels, help=help)
