"""Networks for Google's Model Explorer: a JSON file of nodes in namespaces, which opens block by block.

The format is its `GraphCollection`: nodes with `incomingEdges`, `attrs` and `outputsMetadata`, namespaces
as `a/b/c`, and attributes of whole namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from archgen.cost import Cost, Costs
from archgen.diagnostics import Diagnostic
from archgen.ir.graph import INPUT, NOTHING, Ref
from archgen.ir.shape import Shape
from archgen.ir.shaped import Run, ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
from archgen.ir.walk import joined_path
from archgen.render.faults import Faults
from archgen.render.outline import kind_of, unused_path
from archgen.render.styles import RED
from archgen.render.values import settings_as_data, spec_text
from archgen.render.wording import words_of


class Value(NamedTuple):
    """A value of the network: the node that makes it."""

    node: str
    shape: Shape | None


def model_explorer_document(
    network: ShapedNetwork, findings: Sequence[Diagnostic] = ()
) -> dict[str, Any]:
    """The network as one graph; a repeat is one group with the attribute `repeat`."""
    name = network.network.title
    collection = _Collection(Faults(findings))
    start = collection.node("in", "", "Input", (), network.network.input)
    walk = _Walk(collection, (start,), network.block)
    walk.graph(network.block.graph, "")
    for head in network.heads:
        walk.graph(head.graph, head.head.name)
    graph = {"id": name, "nodes": collection.nodes, "groupNodeAttributes": collection.groups}
    return {"label": name, "graphs": [graph]}


class _Collection:
    """The nodes and groups so far."""

    def __init__(self, faults: Faults) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.groups: dict[str, dict[str, str]] = {}
        self._ids: set[str] = set()
        self.costs = Costs()
        self.faults = faults

    def node(
        self,
        path: str,
        group: str,
        label: str,
        inputs: Iterable[Value],
        output: Shape | None,
        attributes: Mapping[str, str] = NOTHING,
    ) -> Value:
        """One more node; its id is its path."""
        path = unused_path(path, self._ids)
        self._ids.add(path)
        edges = [
            {
                "sourceNodeId": value.node,
                "sourceNodeOutputId": "0",
                "targetNodeInputId": str(number),
            }
            for number, value in enumerate(inputs)
        ]
        shape = [{"key": "tensor_shape", "value": str(output or "?")}]
        node: dict[str, Any] = {
            "id": path,
            "label": label,
            "namespace": group.replace(".", "/"),
            "attrs": [{"key": key, "value": value} for key, value in attributes.items()],
            "incomingEdges": edges,
            "outputsMetadata": [{"id": "0", "attrs": shape}],
        }
        if "error" in attributes:
            node["style"] = {"borderColor": RED, "backgroundColor": "#FFFFFF"}
        self.nodes.append(node)
        return Value(path, output)

    def group(self, path: str, node: ShapedNode, block: ShapedBlock, count: int) -> None:
        """What the panel shows of a use of a block."""
        attributes = {
            "block": block.block.name,
            **_texts(block.arguments),
            "output": str(block.output or "?"),
            **({"repeat": str(count)} if count != 1 else {}),
            **({"source": block.block.source} if block.block.source else {}),
            **self.cost(node, count),
        }
        self.groups[path.replace(".", "/")] = attributes

    def cost(self, node: ShapedNode, count: int) -> dict[str, str]:
        """Params and MACs, where they are known."""
        if node.output is None:
            return {}
        cost: Cost = self.costs.node(node).times(count)
        return {"params": f"{cost.params:,}", "macs": f"{cost.macs:,}"}

    def faults_of(self, node: ShapedNode) -> dict[str, str]:
        """What is wrong with a step."""
        errors = self.faults.of_join(node) if node.branches else self.faults.of(node)
        texts = [f"{error.rule.code}: {error.message}" for error in errors]
        return {"error": "; ".join(texts)} if texts else {}


class _Walk:
    """Walks one block; knows which nodes make its values."""

    def __init__(
        self, collection: _Collection, inputs: Sequence[Value], block: ShapedBlock
    ) -> None:
        self._collection = collection
        ports = block.block.inputs or ("",)
        self._values: dict[tuple[int, str], tuple[Value, ...]] = {
            (INPUT, port): (value,) for port, value in zip(ports, inputs, strict=False)
        }
        self._values[INPUT, ""] = tuple(inputs[:1])

    def graph(self, graph: ShapedGraph, path: str) -> tuple[Value, ...]:
        """The steps of a list; what it ends on."""
        made: tuple[Value, ...] = self._values[INPUT, ""]
        for node in graph.nodes:
            made = self._step(node, path)
            self._values[node.node.id, ""] = made
        return made

    def value(self, ref: Ref) -> tuple[Value, ...]:
        """The nodes that make a value."""
        return self._values.get((ref.id, ref.port)) or self._values.get((ref.id, ""), ())

    def _step(self, node: ShapedNode, path: str) -> tuple[Value, ...]:
        inputs = tuple(value for ref in node.node.inputs for value in self.value(ref))
        if not node.is_active or node.count == 0:
            return inputs
        here = joined_path(path, node.node.segment or node.node.name)
        if node.branches:
            return self._join(node, path, here)
        for run in node.runs or (Run(0, 1, node),):
            where = here if len(node.runs) <= 1 else f"{here}.{run.segment}"
            inputs = self._instance(run.instance, inputs, where, path, run.count)
        return inputs

    def _instance(
        self, node: ShapedNode, inputs: tuple[Value, ...], here: str, path: str, count: int
    ) -> tuple[Value, ...]:
        """A layer, or a use of a block with all that is in it."""
        collection = self._collection
        if node.block is not None:
            collection.group(here, node, node.block, count)
            walk = _Walk(collection, inputs, node.block)
            walk.graph(node.block.graph, here)
            for port, ref in node.block.block.outputs.items():
                self._values[node.node.id, port] = walk.value(ref)
            return walk.value(node.block.block.graph.output)
        attributes = collection.cost(node, count) | collection.faults_of(node)
        if count != 1:
            attributes["repeat"] = str(count)
        if node.op is None:
            return (collection.node(here, path, kind_of(node), inputs, node.output, attributes),)
        label = " ".join(words_of(node.op, node.input).lines)
        settings = _texts(settings_as_data(node.op))
        return (collection.node(here, path, label, inputs, node.output, settings | attributes),)

    def _join(self, node: ShapedNode, path: str, here: str) -> tuple[Value, ...]:
        """The branches, each a group of its own, and the node that joins them."""
        outer = here if node.node.segment else path
        for branch in node.branches:
            self.graph(branch.graph, joined_path(outer, branch.branch.segment))
        ends = [value for b in node.branches for value in self.value(b.branch.graph.output)]
        settings = _texts(settings_as_data(node.op)) if node.op is not None else {}
        attributes = settings | self._collection.faults_of(node)
        name = joined_path(here, kind_of(node)) if node.node.segment else here
        return (self._collection.node(name, outer, kind_of(node), ends, node.output, attributes),)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """Settings as a spec would write them."""
    return {name: spec_text(value) for name, value in values.items()}
