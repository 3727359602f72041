"""Networks for Google's Model Explorer: a JSON file of nodes in namespaces, which opens block by block.

The format is its `GraphCollection`: nodes with `incomingEdges`, `attrs` and `outputsMetadata`, namespaces
as `a/b/c`, and attributes of whole namespaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from archgen.cost import Cost, Costs
from archgen.diagnostics import Diagnostic
from archgen.ir.graph import NOTHING, Ref
from archgen.ir.interpreter import Environment, Interpreter, Made, Place
from archgen.ir.shape import Shape
from archgen.ir.shaped import Run, ShapedBlock, ShapedNetwork, ShapedNode
from archgen.ir.walk import joined_path
from archgen.render.faults import Faults
from archgen.render.outline import kind_of, unused_path
from archgen.render.styles import RED
from archgen.render.values import settings_as_data, spec_text
from archgen.render.wording import words_of

Nodes: TypeAlias = "tuple[str, ...]"


def model_explorer_document(
    network: ShapedNetwork, findings: Sequence[Diagnostic] = ()
) -> dict[str, Any]:
    """The network as one graph; a repeat is one group with the attribute `repeat`."""
    name = network.network.title
    collection = _Collection(Faults(findings))
    start = collection.node("in", "", "Input", (), network.network.input)
    builder = _Builder(collection)
    values = Environment[Nodes](network.block.block, [(start,)])
    builder.run(network.block.graph, values)
    for head in network.heads:
        builder.run(head.graph, values, head.head.name)
        if not head.graph.nodes:
            tap, made = head.head.name, builder.value(head.head.graph.output, values)
            collection.node(f"outputs.{tap}", "", f"Output {tap}", made, head.graph.output)
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
        inputs: Iterable[str],
        output: Shape | None,
        attributes: Mapping[str, str] = NOTHING,
    ) -> str:
        """One more node; its id, which is its path."""
        path = unused_path(path, self._ids)
        self._ids.add(path)
        edges = [
            {
                "sourceNodeId": source,
                "sourceNodeOutputId": "0",
                "targetNodeInputId": str(number),
            }
            for number, source in enumerate(inputs)
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
        return path

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


class _Builder(Interpreter[Nodes]):
    """Runs a network on the nodes that make its values."""

    def __init__(self, collection: _Collection) -> None:
        self._collection = collection

    def value(self, ref: Ref, values: Environment[Nodes]) -> Nodes:
        """The nodes that make a value; those of the whole step where an error hides a part of it."""
        return values.get(ref) or values.get(ref._replace(port="")) or ()

    def call(
        self, node: ShapedNode, run: Run, inputs: tuple[Nodes, ...], place: Place
    ) -> Made[Nodes]:
        """A layer, or a use of a block with all that is in it."""
        collection, step = self._collection, run.instance
        if step.block is not None:
            collection.group(place.path, step, step.block, run.count)
            return self.block(step.block, inputs, place.path)
        attributes = collection.cost(step, run.count) | collection.faults_of(step)
        if run.count != 1:
            attributes["repeat"] = str(run.count)
        label = kind_of(step)
        if step.op is not None:
            label = " ".join(words_of(step.op, step.input).lines)
            attributes = _texts(settings_as_data(step.op)) | attributes
        taken = [one for nodes in inputs for one in nodes]
        made = collection.node(place.path, place.outer, label, taken, step.output, attributes)
        return Made((made,))

    def join(self, node: ShapedNode, ends: tuple[Nodes, ...], place: Place) -> Made[Nodes]:
        """The node that joins the branches, each of which is a group of its own."""
        settings = _texts(settings_as_data(node.op)) if node.op is not None else {}
        attributes = settings | self._collection.faults_of(node)
        kind, taken = kind_of(node), [one for nodes in ends for one in nodes]
        name = joined_path(place.path, kind) if node.node.segment else place.path
        made = self._collection.node(name, place.outer, kind, taken, node.output, attributes)
        return Made((made,))


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """Settings as a spec would write them."""
    return {name: spec_text(value) for name, value in values.items()}
