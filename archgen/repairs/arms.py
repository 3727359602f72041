"""Arms: the steps that lead to a value, last first, and what they must be given to yield what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archgen.infer import Frame
from archgen.ir.graph import INPUT, Graph, Ref
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNode, instances
from archgen.repairs.backwards import Wanted, inputs_for, sliding_of

MAX_REPEAT = 64

Steps = Mapping[int, ShapedNode]


class Arm(NamedTuple):
    """A value, the steps that lead to it in one use of a block, last first, and that use."""

    output: Shape | None
    steps: tuple[ShapedNode, ...]
    frame: Frame


def arm_to(ref: Ref, frame: Frame, known: Steps, stops: frozenset[int] = frozenset()) -> Arm:
    """The steps behind `ref` along first inputs, up to a stop or the input of the block."""
    steps: list[ShapedNode] = []
    while ref.id not in stops and (node := known.get(ref.id)) is not None:
        steps.append(node)
        if not node.node.inputs:
            break
        ref = node.node.inputs[0]
    output = steps[0].output if steps else None
    return Arm(output, tuple(steps), frame)


def arms_of_join(node: ShapedNode, frame: Frame) -> tuple[Arm, ...]:
    """One arm for each value that a join takes: its branches, or what its `from` names."""
    inputs = node.node.inputs
    if node.branches:
        stops = frozenset(ref.id for ref in inputs)
        arms = (arm_to(b.branch.graph.output, frame, frame.done, stops) for b in node.branches)
        outputs = [branch.graph.output for branch in node.branches]
        return tuple(arm._replace(output=out) for arm, out in zip(arms, outputs, strict=True))
    whole = [arm_to(ref, frame, frame.done) for ref in inputs]
    shared = set.intersection(*({step.node.id for step in arm.steps} for arm in whole))
    arms = (arm_to(ref, frame, frame.done, frozenset(shared)) for ref in inputs)
    return tuple(arm._replace(output=out) for arm, out in zip(arms, node.inputs, strict=True))


def arm_of_block(block: ShapedBlock, frame: Frame) -> Arm:
    """The steps that end a block."""
    arm = arm_to(block.block.graph.output, frame, steps_in(block.graph))
    return arm._replace(output=block.output)


def inner_frame(node: ShapedNode, frame: Frame) -> Frame | None:
    """The use of a block that a step is, or None where it is something else."""
    if node.block is None:
        return None
    shaped = node.block
    return Frame(shaped.block, shaped.arguments, shaped.inputs, frame, node.node)


def upstream(frame: Frame, node: ShapedNode) -> Iterator[Arm]:
    """The steps before a step, in its own block and then before each use that leads to it."""
    inputs: tuple[Ref, ...] = node.node.inputs
    at: Frame | None = frame
    while at is not None and inputs:
        arm = arm_to(inputs[0], at, at.done)
        yield arm
        ends_at_input = not arm.steps or arm.steps[-1].node.inputs[:1] == (Ref(INPUT),)
        inputs = at.call.inputs if at.call is not None and ends_at_input else ()
        at = at.caller


def steps_in(graph: ShapedGraph) -> Steps:
    """Every step of a block by its id, those in branches too."""
    steps: dict[int, ShapedNode] = {}
    open_graphs = [graph]
    while open_graphs:
        for node in open_graphs.pop().nodes:
            steps[node.node.id] = node
            for instance in instances(node):
                open_graphs.extend(branch.graph for branch in instance.branches)
    return steps


def last_instance(node: ShapedNode) -> ShapedNode:
    """The last of a repeat, or the step itself."""
    return node.runs[-1].instance if node.runs else node


def wanted_before(node: ShapedNode, wanted: Wanted) -> Wanted | None:
    """The grids that a step takes to what is wanted, by its rule run backwards; None where unknown.

    A step made of others is run backwards through its first branch: what is found in this way is
    tried forwards before anybody is told.
    """
    if not node.is_active:
        return wanted
    if node.runs:
        return _before_repeat(node, wanted)
    window = sliding_of(node.op) if not node.branches else None
    if window is not None:
        grid = node.input.grid if node.input is not None else None
        return inputs_for(window, grid, wanted) if grid is not None else None
    if node.block is not None:
        return _before_graph(node.block.graph, node.block.block.graph, wanted)
    if node.branches:
        first = node.branches[0]
        return _before_graph(first.graph, first.branch.graph, wanted)
    if node.output is None or node.input is None or node.output.grid != node.input.grid:
        return None
    return wanted


def _before_repeat(node: ShapedNode, wanted: Wanted) -> Wanted | None:
    if sum(run.count for run in node.runs) > MAX_REPEAT:
        return None
    at: Wanted | None = wanted
    for run in reversed(node.runs):
        for _ in range(run.count):
            at = wanted_before(run.instance, at) if at is not None else None
    return at


def _before_graph(shaped: ShapedGraph, graph: Graph, wanted: Wanted) -> Wanted | None:
    known, ref = steps_in(shaped), graph.output
    at: Wanted | None = wanted
    while at is not None and (node := known.get(ref.id)) is not None and node.node.inputs:
        at, ref = wanted_before(node, at), node.node.inputs[0]
    return at
