"""A network step by step: every setting with its value, every shape, equal instances once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archgen.ir.graph import INPUT, Ref
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedHead, ShapedNetwork, ShapedNode
from archgen.ir.walk import joined_path
from archgen.render.outline import kind_of
from archgen.render.table import Line, aligned
from archgen.render.values import plain_shape, plain_value, settings_as_data, spec_text

SCHEMA = 1


class Step(NamedTuple):
    """One step: its path, its op or block with all settings, its shapes.

    `form` is `op`, `join` or `block`; `reads` names the steps of the same block whose outputs go in,
    with `in` for what the block gets; `times` counts the equal instances that the line stands for.
    A step that its `when` leaves out is not `active`.
    """

    path: str
    op: str
    form: str
    settings: Mapping[str, object]
    reads: tuple[str, ...]
    inputs: tuple[Shape | None, ...]
    output: Shape | None
    times: int
    is_active: bool


class Head(NamedTuple):
    """A further output: which value it is, or the steps that make it from that value."""

    name: str
    value: str
    output: Shape | None
    is_training_only: bool
    loss_weight: float | None
    steps: tuple[Step, ...]


class Steps(NamedTuple):
    """A network, flat."""

    name: str
    source: str
    input: Shape
    output: Shape | None
    steps: tuple[Step, ...]
    heads: tuple[Head, ...]


def steps(network: ShapedNetwork) -> Steps:
    """All steps in the order of the spec; what is in a block follows the step that uses it."""
    block = network.block
    walk = _Walk(block)
    own = tuple(walk.graph(block.graph, "", 1))
    return Steps(
        name=network.network.title,
        source=block.block.source,
        input=network.network.input,
        output=network.output,
        steps=own,
        heads=tuple(walk.head(head) for head in network.heads),
    )


class _Walk:
    """Walks one block; the names of its values are known as soon as their steps are past."""

    def __init__(self, block: ShapedBlock) -> None:
        self._block = block
        self._names: dict[int, str] = {}

    def head(self, shaped: ShapedHead) -> Head:
        """A further output of the network."""
        head, graph = shaped.head, shaped.graph
        start = graph.nodes[0].node.inputs[0] if graph.nodes else head.graph.output
        inner = tuple(self.graph(graph, head.name, 1))
        value, shape = self._name(start), graph.output
        return Head(head.name, value, shape, head.training_only, head.loss_weight, inner)

    def graph(self, graph: ShapedGraph, path: str, times: int) -> Iterator[Step]:
        """The steps of a list."""
        for node in graph.nodes:
            here = joined_path(path, node.node.segment or node.node.name)
            self._names[node.node.id] = here
            if node.branches:
                yield from self._join(node, here, path, times)
            elif node.runs:
                for run in node.runs:
                    inner = joined_path(here, run.segment)
                    yield from self._call(run.instance, inner, times * run.count)
            else:
                yield from self._call(node, here, times)

    def _call(self, node: ShapedNode, here: str, times: int) -> Iterator[Step]:
        """An op, or a block and then what is in it."""
        reads = tuple(self._name(ref) for ref in node.node.inputs)
        settings: Mapping[str, object] = {}
        if node.block is not None:
            settings = {name: plain_value(value) for name, value in node.block.arguments.items()}
        elif node.op is not None:
            settings = settings_as_data(node.op)
        form = "op" if node.block is None else "block"
        is_active = node.is_active and node.count != 0
        op = kind_of(node)
        yield Step(here, op, form, settings, reads, node.inputs, node.output, times, is_active)
        if node.block is not None:
            yield from _Walk(node.block).graph(node.block.graph, here, times)

    def _join(self, node: ShapedNode, here: str, path: str, times: int) -> Iterator[Step]:
        """The steps of the branches, then the join, which reads their ends."""
        outer = here if node.node.segment else path
        for branch in node.branches:
            yield from self.graph(branch.graph, joined_path(outer, branch.branch.segment), times)
        settings = settings_as_data(node.op) if node.op is not None else {}
        reads = tuple(self._name(branch.branch.graph.output) for branch in node.branches)
        inputs = tuple(branch.graph.output for branch in node.branches)
        op = kind_of(node)
        yield Step(here, op, "join", settings, reads, inputs, node.output, times, True)

    def _name(self, ref: Ref) -> str:
        if ref.id == INPUT:
            return f"in.{ref.port}" if ref.port else "in"
        name = self._names.get(ref.id, "?")
        instance = "" if ref.instance is None else str(ref.instance)
        return joined_path(joined_path(name, instance), ref.port)


def steps_text(network: Steps) -> Iterator[Line]:
    """A line for each step: path, shapes in and out, and the step as a spec would write it."""
    source = f" ({network.source})" if network.source else ""
    yield Line(f"{network.name}{source}: {network.input} -> {_shape(network.output)}", "head")
    yield Line("")
    heads = [step for head in network.heads for step in head.steps]
    texts = aligned([_cells(step) for step in (*network.steps, *heads)], left=3)
    roles = ["broken" if step.output is None else "" for step in (*network.steps, *heads)]
    lines = [Line(text, role) for text, role in zip(texts, roles, strict=True)]
    yield from lines[: len(network.steps)]
    position = len(network.steps)
    for head in network.heads:
        yield from (Line(""), Line(_head(head), "head"))
        yield from lines[position : position + len(head.steps)]
        position += len(head.steps)


def _cells(step: Step) -> tuple[str, str, str]:
    call = f"{step.op} {spec_text(step.settings)}" if step.settings else step.op
    inputs = ", ".join(_shape(shape) for shape in step.inputs)
    if len(step.inputs) > 1:  # several shapes would push the column out: they stand with the names
        pairs = zip(step.reads, step.inputs, strict=True)
        call += " of " + ", ".join(f"{name} ({_shape(shape)})" for name, shape in pairs)
        inputs = ""
    if not step.is_active:
        call += " (left out)"
    return step.path, f"{inputs} -> {_shape(step.output)}".lstrip(), call


def _head(head: Head) -> str:
    words = [f"from {head.value}"]
    if head.is_training_only:
        words.append("in training only")
    if head.loss_weight is not None:
        words.append(f"loss weight {head.loss_weight:g}")
    return f"output {head.name} ({', '.join(words)}): {_shape(head.output)}"


def _shape(shape: Shape | None) -> str:
    return "?" if shape is None else str(shape)


def steps_document(network: Steps) -> dict[str, object]:
    """All of it as plain data; `schema` grows when a field is renamed or dropped."""
    return {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "input": plain_shape(network.input),
        "output": plain_shape(network.output),
        "steps": [_step_document(step) for step in network.steps],
        "outputs": [
            {
                "name": head.name,
                "from": head.value,
                "output": plain_shape(head.output),
                "training_only": head.is_training_only,
                "loss_weight": head.loss_weight,
                "steps": [_step_document(step) for step in head.steps],
            }
            for head in network.heads
        ],
    }


def _step_document(step: Step) -> dict[str, object]:
    return {
        "path": step.path,
        "op": step.op,
        "form": step.form,
        "settings": dict(step.settings),
        "from": list(step.reads),
        "inputs": [plain_shape(shape) for shape in step.inputs],
        "output": plain_shape(step.output),
        "times": step.times,
        "active": step.is_active,
    }
