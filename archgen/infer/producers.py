"""Which op made a value: through uses of blocks, repeats, and steps that only pass a value on."""

from __future__ import annotations

from archgen.ir.graph import INPUT, Ref
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNode
from archgen.ir.walk import walk
from archgen.ops.attached import Activation
from archgen.ops.conv import Convolution
from archgen.ops.head import Dropout, Flatten, Identity, StochasticDepth
from archgen.ops.merge import Residual
from archgen.ops.normalize import Act

PASSING = (Dropout, Flatten, Identity, StochasticDepth)


class Producers:
    """Looks up the producers of the values of one use of a block, or of a network with its heads."""

    def __init__(self, block: ShapedBlock, *graphs: ShapedGraph) -> None:
        self._block = block
        visits = (visit for graph in graphs or (block.graph,) for visit in walk(graph))
        self.nodes = {visit.node.node.id: visit.node for visit in visits}

    def of(self, ref: Ref) -> ShapedNode | Ref | None:
        """The step with an op that made a value; an input of the block is itself, an unknown None.

        A step that is left out, a dropout, a flatten and an identity pass on what goes into them.
        """
        while ref.id != INPUT:
            node = self.nodes.get(ref.id)
            if node is None:
                return None
            instance = instance_of(node, ref)
            if instance is None or isinstance(instance.op, PASSING):
                ref = node.node.inputs[0]
            elif instance.block is None:
                return instance if instance.op is not None else None
            else:
                found = result_of(instance.block, ref.port)
                if not isinstance(found, Ref):
                    return found
                ref = node.node.inputs[
                    instance.block.block.inputs.index(found.port) if found.port else 0
                ]
        return ref


def instance_of(node: ShapedNode, ref: Ref) -> ShapedNode | None:
    """The instance of a step that a reference means; None where the step only passes its input on."""
    if not node.is_active or node.count == 0:
        return None
    runs = [run for run in node.runs if ref.instance is None or run.first <= ref.instance]
    return runs[-1].instance if runs else node


def result_of(block: ShapedBlock, port: str = "") -> ShapedNode | Ref | None:
    """What made the result of a block, or one of its further outputs."""
    output = block.block.outputs.get(port, Ref(-2)) if port else block.block.graph.output
    return Producers(block).of(output)


def activation_of(node: ShapedNode) -> Activation | None:
    """The activation that a step ends on."""
    if isinstance(node.op, Convolution | Residual):
        return node.op.act
    return node.op.function if isinstance(node.op, Act) else None
