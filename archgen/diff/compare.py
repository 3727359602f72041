"""Two networks compared: own changes, what they do to each part, and what that means for weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

from archgen.cost import Cost, Costs
from archgen.diff.changes import NETWORK, Change, aligned, changes
from archgen.diff.layers import Layer, layers, node_layers
from archgen.ir.graph import Block, BlockCall
from archgen.ir.op import Tensors
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedHead, ShapedNetwork, ShapedNode
from archgen.resolve.printer import block_names

Part = ShapedNode | ShapedHead


class Severity(IntEnum):
    """What a change breaks, the least first.

    cosmetic: nothing that is computed; numerics: the numbers alone; weight-compatible: sizes or costs
    inside, while every tensor of a checkpoint still fits; weight-breaking: tensors are gone, new, or
    of another shape; shape-breaking: the network takes or makes something else.
    """

    EQUAL = 0
    COSMETIC = 1
    NUMERICS = 2
    WEIGHT_COMPATIBLE = 3
    WEIGHT_BREAKING = 4
    SHAPE_BREAKING = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class State(NamedTuple):
    """A part of one network, repeats counted: `tensors` are those of its state dict."""

    name: str
    times: int
    output: Shape | None
    cost: Cost
    layers: tuple[Layer, ...]
    tensors: Tensors


class Row(NamedTuple):
    """A part of the networks on both sides.

    `sign` is `~` where the part itself was changed, `>` where only what it gets or holds is another,
    `+` and `-` for one that is new or gone, and empty where nothing is different. `kept` counts the
    tensors of before that are there afterwards, by name and shape.
    """

    sign: str
    before: State | None
    after: State | None
    kept: int

    @property
    def name(self) -> str:
        """The part's name, the new one first."""
        there = self.after or self.before
        assert there is not None
        return there.name


class Widened(NamedTuple):
    """Layers of a part whose weights are others only because they take, or make, other channels."""

    part: str
    layers: tuple[str, ...]
    before: int
    after: int
    is_made: bool = False


class Difference(NamedTuple):
    """All that is different between two networks."""

    before: ShapedNetwork
    after: ShapedNetwork
    severity: Severity
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]
    totals: tuple[Cost, Cost]
    tensors: tuple[int, int, int]
    ripple: tuple[Widened, ...]


def compare(before: ShapedNetwork, after: ShapedNetwork) -> Difference:
    """What has become of `before` in `after`; shapes may be unknown where a side is broken."""
    own = tuple(changes(before.network, after.network))
    touched = _touched(own, after)
    costs = Costs(), Costs()
    rows = tuple(_rows(before, after, costs, touched))
    totals = tuple(side.network(net).cost for side, net in zip(costs, (before, after), strict=True))
    kept = sum(row.kept for row in rows)
    counts = [
        sum(len(state.tensors) for row in rows if (state := getattr(row, side)) is not None)
        for side in ("before", "after")
    ]
    return Difference(
        before,
        after,
        _severity(before, after, own, rows, (counts[0], counts[1], kept)),
        own,
        rows,
        (totals[0], totals[1]),
        (counts[0], counts[1], kept),
        tuple(_ripple(rows)),
    )


def _severity(
    before: ShapedNetwork,
    after: ShapedNetwork,
    own: tuple[Change, ...],
    rows: Iterable[Row],
    tensors: tuple[int, int, int],
) -> Severity:
    if _surface(before) != _surface(after):
        return Severity.SHAPE_BREAKING
    old, new, kept = tensors
    if not old == new == kept:
        return Severity.WEIGHT_BREAKING
    sides = [
        [
            layer
            for row in rows
            if (state := getattr(row, side)) is not None
            for layer in state.layers
        ]
        for side in ("before", "after")
    ]
    sizes = [[(layer.input, layer.output) for layer in side] for side in sides]
    if sizes[0] != sizes[1]:
        return Severity.WEIGHT_COMPATIBLE
    real = [change for change in own if not change.is_label]
    functions = [[layer.function for layer in side] for side in sides]
    if functions[0] != functions[1] or any(change.what in ("from", "place") for change in real):
        return Severity.NUMERICS
    return Severity.COSMETIC if own else Severity.EQUAL


def _surface(network: ShapedNetwork) -> object:
    """What the network takes and gives."""
    heads = [(head.head.name, head.head.training_only, head.graph.output) for head in network.heads]
    return network.network.input, network.output, heads


# --- parts --------------------------------------------------------------------------------------


def _rows(
    before: ShapedNetwork, after: ShapedNetwork, costs: tuple[Costs, Costs], touched: set[str]
) -> Iterator[Row]:
    sides = [_parts(network) for network in (before, after)]
    states: dict[int, State] = {}
    for side, parts in enumerate(sides):
        for part in parts:
            states[id(part)] = _state(part, costs[side])
    for old, new in aligned(
        sides[0], sides[1], _part_name, lambda part: _likeness(states[id(part)])
    ):
        one = states[id(old)] if old is not None else None
        other = states[id(new)] if new is not None else None
        kept = _kept(one.tensors, other.tensors) if one is not None and other is not None else 0
        yield Row(_sign(one, other, touched), one, other, kept)


def _state(part: Part, costs: Costs) -> State:
    if isinstance(part, ShapedHead):
        name = part.head.name
        own = tuple(layers(part.graph, name))
        state = name, 1, part.graph.output, costs.graphs([part.graph])
    else:
        own = tuple(node_layers(part))
        times = sum(run.count for run in part.runs) if part.runs else 1
        state = part.node.name, times, part.output, costs.node(part)
    tensors = {
        f"{layer.path}.{name}" if layer.path else name: shape
        for layer in own
        for name, shape in layer.tensors.items()
    }
    return State(*state, own, tensors)


def _likeness(state: State) -> object:
    shapes = tuple((layer.function, layer.input, layer.output) for layer in state.layers)
    return state.times, shapes


def _kept(before: Tensors, after: Tensors) -> int:
    return sum(1 for name, shape in before.items() if after.get(name) == shape)


def _sign(before: State | None, after: State | None, touched: set[str]) -> str:
    if before is None or after is None:
        return "+" if before is None else "-"
    if after.name in touched or before.name != after.name:
        return "~"
    return "" if before[2:] == after[2:] else ">"


def _parts(network: ShapedNetwork) -> list[Part]:
    return [*network.block.graph.nodes, *network.heads]


def _part_name(part: Part) -> str:
    return part.head.name if isinstance(part, ShapedHead) else part.node.name


def _touched(own: Iterable[Change], network: ShapedNetwork) -> set[str]:
    """The parts of a network that changes are in, those of the blocks they use too."""
    steps = {change.step.partition(".")[0] for change in own if change.block == NETWORK}
    blocks = {change.block for change in own if change.block != NETWORK and not change.is_label}
    names = block_names(network.network)
    for part in _parts(network):
        if {names[id(block)] for block in _used(part)} & blocks:
            steps.add(_part_name(part))
    return steps


def _used(part: Part) -> Iterator[Block]:
    """The blocks that a part uses, at any depth, each once."""
    nodes = list(part.head.graph.walk()) if isinstance(part, ShapedHead) else [part.node]
    known: set[int] = set()
    while nodes:
        call = nodes.pop().call
        branches = getattr(call, "branches", ())
        nodes += [node for branch in branches for node in branch.graph.walk()]
        if isinstance(call, BlockCall) and id(call.block) not in known:
            known.add(id(call.block))
            yield call.block
            nodes += call.block.graph.walk()


# --- ripple -------------------------------------------------------------------------------------


def _ripple(rows: Iterable[Row]) -> Iterator[Widened]:
    """What follows in parts that nobody changed: layers with other channels than before."""
    for row in rows:
        if row.sign != ">" or row.before is None or row.after is None:
            continue
        old = {layer.path: layer for layer in row.before.layers if layer.tensors}
        found: dict[tuple[int, int, bool], list[str]] = {}
        for layer in row.after.layers:
            was = old.get(layer.path)
            if was is not None and was.tensors != layer.tensors:
                found.setdefault(_channels(was, layer), []).append(layer.path)
        for (one, other, is_made), paths in found.items():
            yield Widened(row.name, tuple(paths), one, other, is_made)


def _channels(before: Layer, after: Layer) -> tuple[int, int, bool]:
    """The channels that differ: those that come in, or else those that go out."""
    ends = [(before.input, after.input), (before.output, after.output)]
    counts = [
        (int(one.channels), int(other.channels))
        if one is not None and other is not None
        else (0, 0)
        for one, other in ends
    ]
    is_made = counts[0][0] == counts[0][1]
    return (*counts[is_made], is_made)
