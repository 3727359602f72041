"""Norms that would see one value: no statistics come of that, and a training would end at its first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archgen.ir.walk import walk
from archgen.ops.conv import Convolution
from archgen.ops.normalize import Norm
from archgen.ops.norms import BatchNorm, GroupNorm, NormKind

if TYPE_CHECKING:
    from archgen.ir.shape import Shape
    from archgen.ir.shaped import ShapedNetwork, ShapedNode
    from archgen.train import Recipe


def check_norms(network: ShapedNetwork, recipe: Recipe, processes: int) -> None:
    """Raises `TrainingError` where a norm sees a single value in a step of the recipe.

    A step's batch goes through the network in shares, one for each process, and these in pieces.
    The smallest piece counts: in training the last, odd images of an epoch make no batch.
    """
    from archgen.train import TrainingError

    share = recipe.batch // processes
    pieces = min(-(-recipe.accumulate // processes), max(share, 1))
    if share // pieces > 1:
        return
    for step, norm, shape in _norms(network):
        place = f"{step.node.key.source}:{step.node.key.start.line}"
        if isinstance(norm, BatchNorm) and _positions(shape) == 1:
            parts = [f"{processes} processes"] if processes > 1 else []
            parts += [f"pieces, `accumulate: {recipe.accumulate}`"] if recipe.accumulate > 1 else []
            among = f" among {' and '.join(parts)}" if parts else ""
            enough = 2 * processes * -(-recipe.accumulate // processes)
            raise TrainingError(
                f"{place}: the batch norm of `{step.node.name}` would see one value a channel, since its "
                f"grid has one position and a batch of {recipe.batch}{among} brings one image at a time: "
                f"no statistics come of that; give --batch {enough} or more"
            )
        if isinstance(norm, GroupNorm) and _positions(shape) * shape.channels == norm.groups:
            raise TrainingError(
                f"{place}: the group norm of `{step.node.name}` would see one value a group, since its "
                f"grid has one position and each of its {shape.channels} channels is a group; "
                "give it fewer groups, or --batch 2 or more"
            )


def _norms(network: ShapedNetwork) -> Iterator[tuple[ShapedNode, NormKind, Shape]]:
    """Every norm that is trained, auxiliary heads included, with its step and what comes into it."""
    for graph in (network.block.graph, *(head.graph for head in network.heads)):
        for visit in walk(graph, into_blocks=True):
            step = visit.instance
            if not step.is_active:
                continue
            if isinstance(step.op, Convolution) and step.op.norm and step.output:
                yield step, step.op.norm, step.output
            elif isinstance(step.op, Norm) and step.op.kind and step.input:
                yield step, step.op.kind, step.input


def _positions(shape: Shape) -> int:
    return 1 if shape.grid is None else shape.grid[0] * shape.grid[1]
