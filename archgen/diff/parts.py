"""The parts of a network, its steps and further outputs: what each puts out, costs and owns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.cost import Cost, Costs, is_known
from archgen.ir.graph import Block, BlockCall
from archgen.ir.op import Tensors
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedHead, ShapedNetwork, ShapedNode
from archgen.layers import Layer, layers, node_layers

Part = ShapedNode | ShapedHead


class State(NamedTuple):
    """A part of one network, repeats counted: `tensors` are those of its state dict.

    `output` and `cost` are None where an error hides them; the layers are then those that are known.
    """

    name: str
    times: int
    output: Shape | None
    cost: Cost | None
    layers: tuple[Layer, ...]
    tensors: Tensors

    @property
    def is_known(self) -> bool:
        """Whether no error hides any of it."""
        return self.cost is not None

    def is_as(self, other: State) -> bool:
        """Whether the other makes the same, at the same cost, by the same layers."""
        pairs = zip(self.layers, other.layers, strict=False)
        return (
            (self.output, self.cost, self.tensors) == (other.output, other.cost, other.tensors)
            and [layer.path for layer in self.layers] == [layer.path for layer in other.layers]
            and all(one.output == two.output and one.computes_as(two) for one, two in pairs)
        )

    def own_names(self) -> set[tuple[str, tuple[int, ...]]]:
        """Its tensors, named as from inside the part."""
        return {
            (path.removeprefix(self.name).lstrip("."), shape)
            for path, shape in self.tensors.items()
        }


def parts(network: ShapedNetwork) -> list[Part]:
    """The steps of the network, then its further outputs."""
    return [*network.block.graph.nodes, *network.heads]


def part_name(part: Part) -> str:
    """How a part is called in its network."""
    return part.head.name if isinstance(part, ShapedHead) else part.node.name


def state_of(part: Part, costs: Costs) -> State:
    """What a part is; `costs` remembers those of the network."""
    if isinstance(part, ShapedHead):
        own = tuple(layers(part.graph, part.head.name))
        known = all(map(is_known, part.graph.nodes))
        cost = costs.graphs([part.graph]) if known else None
        return State(part.head.name, 1, part.graph.output, cost, own, _tensors(own))
    own = tuple(node_layers(part))
    times = part.count if isinstance(part.count, int) else 1
    cost = costs.node(part) if is_known(part) else None
    output = part.output if cost is not None else None
    return State(part.node.name, times, output, cost, own, _tensors(own))


def _tensors(own: tuple[Layer, ...]) -> Tensors:
    return {
        f"{layer.path}.{name}" if layer.path else name: shape
        for layer in own
        for name, shape in layer.tensors.items()
    }


def blocks_of(part: Part) -> Iterator[Block]:
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
