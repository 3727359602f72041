"""Parts that a neighbour makes void: a bias before a batch norm, an activation applied twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archgen.diagnostics import Diagnostic, Span
from archgen.ir.graph import OpCall, Ref
from archgen.ir.shaped import ShapedBlock, ShapedNetwork, ShapedNode
from archgen.ir.walk import definitions, walk
from archgen.ops.attached import Activation
from archgen.ops.conv import Convolution
from archgen.ops.merge import Residual
from archgen.ops.normalize import Act, Norm
from archgen.ops.norms import BatchNorm
from archgen.rules import BIAS_BEFORE_NORM, REPEATED_ACTIVATION

IDEMPOTENT = ("relu", "relu6")


def redundant(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Steps, and settings of steps, without which the network would compute the same.

    A batch norm subtracts the mean of each channel, and with it a constant that was added before. An
    activation f with f(f(x)) = f(x) changes nothing behind itself.
    """
    for block, graphs in definitions(network):
        steps = (visit.instance for graph in graphs for visit in walk(graph))
        yield from _in_block(block, [step for step in steps if step.is_active])


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
            if before is not None and _activation(before) == op.function:
                yield from _repeated(node, op.function)


def _before(node: ShapedNode, by_id: Mapping[int, ShapedNode]) -> ShapedNode | None:
    """The step of the same block whose whole output goes into `node`."""
    (ref,) = node.node.inputs
    is_whole = ref == Ref(ref.id)
    return by_id.get(ref.id) if is_whole else None


def _activation(node: ShapedNode) -> Activation | None:
    """The activation that a step ends on."""
    if isinstance(node.op, Convolution | Residual):
        return node.op.act
    return node.op.function if isinstance(node.op, Act) else None


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
