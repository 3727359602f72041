"""Parts that a neighbour makes void: a bias before a norm, an activation twice, linear layers in a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archgen.diagnostics import Diagnostic, Label, Span
from archgen.infer.producers import Producers, activation_of, instance_of
from archgen.ir.graph import OpCall, Ref
from archgen.ir.shaped import ShapedBlock, ShapedNetwork, ShapedNode
from archgen.ir.walk import definitions, walk
from archgen.ops.attached import Activation
from archgen.ops.conv import Convolution
from archgen.ops.head import Linear
from archgen.ops.normalize import Act, Norm
from archgen.ops.norms import BatchNorm
from archgen.rules import BIAS_BEFORE_NORM, REPEATED_ACTIVATION, STACKED_LINEAR

IDEMPOTENT = ("relu", "relu6")


def redundant(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Steps, and settings of steps, without which the network would compute the same.

    A batch norm subtracts the mean of each channel, and with it a constant that was added before. An
    activation f with f(f(x)) = f(x) changes nothing behind itself.
    """
    for block, graphs in definitions(network):
        steps = (visit.instance for graph in graphs for visit in walk(graph))
        yield from _in_block(block, [step for step in steps if step.is_active])
        yield from _stacked(Producers(block, *graphs))


def _in_block(block: ShapedBlock, nodes: list[ShapedNode]) -> Iterator[Diagnostic]:
    by_id = {node.node.id: node for node in nodes}
    for node in nodes:
        op = node.op
        if isinstance(op, Convolution) and op.bias and isinstance(op.norm, BatchNorm):
            yield _cancelled(node)
        elif isinstance(op, Norm) and isinstance(op.kind, BatchNorm):
            before = _before(node, by_id)
            if before is not None and _ends_on_bias(before) and _is_read_once(before, block, nodes):
                yield _cancelled(before)
        elif isinstance(op, Act) and op.function is not None:
            before = _before(node, by_id)
            if before is not None and activation_of(before) == op.function:
                yield from _repeated(node, op.function)


def _stacked(producers: Producers) -> Iterator[Diagnostic]:
    """Linear layers that read what a linear layer made: the two are one, of at most the smaller rank."""
    for node in producers.nodes.values():
        instance = instance_of(node, Ref(node.node.id))
        if instance is None:
            continue
        read = [node.node.inputs[at] for at in _linear_inputs(instance)]
        made = [producers.of(ref) for ref in read]
        if _repeats(node) and read:
            made.append(producers.of(Ref(node.node.id)))
        before = next(
            (m for m in made if isinstance(m, ShapedNode) and isinstance(m.op, Linear)), None
        )
        if before is not None:
            yield _one_layer(node, before)


def _repeats(node: ShapedNode) -> bool:
    return sum(run.count for run in node.runs) > 1


def _linear_inputs(node: ShapedNode) -> list[int]:
    """The inputs of a step that a linear layer reads first: its own, or one inside the block that it uses."""
    if node.block is None:
        return [0] if isinstance(node.op, Linear) else []
    inner, ports = Producers(node.block), node.block.block.inputs
    found = []
    for step in inner.nodes.values():
        instance = instance_of(step, Ref(step.node.id))
        for at in [] if instance is None else _linear_inputs(instance):
            made = inner.of(step.node.inputs[at])
            if isinstance(made, Ref):
                found.append(ports.index(made.port) if made.port else 0)
    return found


def _one_layer(node: ShapedNode, before: ShapedNode) -> Diagnostic:
    message = f"`{node.node.name}` follows a linear layer with nothing between: the two are one"
    label = Label(before.node.key, "the linear layer before")
    labels = [label] if before.node.key != node.node.key else []
    help = (
        "put an `act:` between them, or write one layer; a factorisation is acknowledged: "
        f"`allow: [{STACKED_LINEAR.code}]`"
    )
    return STACKED_LINEAR.at(node.node.key, message, labels=labels, help=help)


def _before(node: ShapedNode, by_id: Mapping[int, ShapedNode]) -> ShapedNode | None:
    """The step of the same block whose whole output goes into `node`."""
    (ref,) = node.node.inputs
    is_whole = ref == Ref(ref.id)
    return by_id.get(ref.id) if is_whole else None


def _repeated(node: ShapedNode, function: Activation) -> Iterator[Diagnostic]:
    if function.function in IDEMPOTENT:
        message = f"`{function}` was just applied, and changes nothing here"
        help = (
            "remove this step, or write `act: none` on the one before, or acknowledge it: "
            f"`allow: [{REPEATED_ACTIVATION.code}]`"
        )
        yield REPEATED_ACTIVATION.at(node.node.key, message, help=help)


def _ends_on_bias(node: ShapedNode) -> bool:
    op = node.op
    return isinstance(op, Convolution) and op.bias and op.norm is None and op.act is None


def _is_read_once(node: ShapedNode, block: ShapedBlock, nodes: list[ShapedNode]) -> bool:
    ends = [shaped.branch.graph.output for n in nodes for shaped in n.branches]
    taken = [ref for n in nodes for ref in n.node.inputs]
    outputs = [block.block.graph.output, *block.block.outputs.values()]
    return sum(ref.id == node.node.id for ref in (*ends, *taken, *outputs)) == 1


def _cancelled(node: ShapedNode) -> Diagnostic:
    message = "the batch norm behind this convolution cancels its `bias`"
    help = (
        "write `bias: false`; the shift of the norm takes its place; a faithful port says "
        f"`allow: [{BIAS_BEFORE_NORM.code}]`"
    )
    return BIAS_BEFORE_NORM.at(_bias_place(node), message, help=help)


def _bias_place(node: ShapedNode) -> Span:
    """The bias where it is written, else the norm, which may be a default, else the step."""
    assert isinstance(node.node.call, OpCall)
    settings = node.node.call.settings
    written = settings.get("bias") or settings.get("norm")
    return written.span if written is not None else node.node.key
