"""Makers: the steps that gave a value its grid or its channels, in this block or before its use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice

from archgen.diagnostics import Diagnostic, Label, Span
from archgen.infer.frames import Frame
from archgen.infer.origins import told_of_settings
from archgen.ir.graph import INPUT, Node, Ref, Term
from archgen.ir.shape import Shape, Window
from archgen.ir.shaped import ShapedBranch, ShapedGraph, ShapedNode
from archgen.rules import CHANNELS_DIFFER, GRIDS_DIFFER, GROUPS, INPUT_TOO_SMALL, SPLIT_MISMATCH

# How many steps are told that have made a grid too small for a window: any of them may be to blame.
_SHRINKING = 3

# what is about a number of channels by itself: where a concat made it, each of its branches may be to blame
_OF_SUMS = (GROUPS, SPLIT_MISMATCH)


class Aspect(StrEnum):
    """What of a shape is asked about."""

    GRID = "grid"
    CHANNELS = "channels"

    def of(self, shape: Shape) -> object:
        """This part of a shape."""
        return shape.grid if self is Aspect.GRID else shape.channels


# The settings that make an aspect of a shape; the first is the one to look at first.
_BLAMED = {
    Aspect.GRID: ("padding", "kernel", "stride", "dilation", "height", "width"),
    Aspect.CHANNELS: ("filters", "features"),
}

# where they come of the defaults, the first that can be to blame is told
_OF_DEFAULTS = {
    Aspect.GRID: ("stride", "padding", "kernel", "dilation", "height", "width"),
    Aspect.CHANNELS: ("filters", "features"),
}

# what a finding of the rule is about: who made that of the step's inputs belongs to it
ASPECTS = {
    GRIDS_DIFFER.code: Aspect.GRID,
    INPUT_TOO_SMALL.code: Aspect.GRID,
    CHANNELS_DIFFER.code: Aspect.CHANNELS,
    GROUPS.code: Aspect.CHANNELS,
    SPLIT_MISMATCH.code: Aspect.CHANNELS,
}


def maker(frame: Frame | None, ref: Ref | None, aspect: Aspect) -> ShapedNode | None:
    """The last step, along first inputs, whose output differs from its input; None for the input's own."""
    return next(makers(frame, ref, aspect), None)


def makers(frame: Frame | None, ref: Ref | None, aspect: Aspect) -> Iterator[ShapedNode]:
    """The steps, along first inputs and the last first, whose output differs from their input."""
    while frame is not None and ref is not None:
        while ref.id != INPUT:
            node = frame.done.get(ref.id)
            if node is None or node.output is None or node.input is None:
                return
            if aspect.of(node.output) != aspect.of(node.input):
                yield node
            ref = node.node.inputs[0]
        ref = frame.call.inputs[0] if frame.call is not None and frame.call.inputs else None
        frame = frame.caller


def setting_place(node: ShapedNode, name: str) -> Span:
    """Where the setting stands in this step; the step's op where it comes from the defaults."""
    settings = getattr(node.node.call, "settings", {})
    term = settings.get(name)
    if term is not None and node.node.span.contains(term.span):
        span = term.span
        assert isinstance(span, Span)
        return span
    return node.node.key


def told_of_makers(
    frame: Frame, finding: Diagnostic, refs: Iterable[Ref], aspect: Aspect | None = None
) -> Diagnostic:
    """A finding about what goes into a step, with the steps that made it so."""
    aspect = aspect or ASPECTS.get(finding.rule.code)
    if aspect is None:
        return finding
    places = {finding.span, *(label.span for label in finding.labels)}
    labels: dict[Span, Label] = {}
    told = _SHRINKING if finding.rule is INPUT_TOO_SMALL else 1
    nodes = [node for ref in refs for node in islice(makers(frame, ref, aspect), told)]
    if finding.rule in _OF_SUMS:
        nodes += [summand for node in nodes for summand in _summands(node)]
    for node in nodes:
        place = setting_place(node, _BLAMED[aspect][0])
        if place not in places:
            labels.setdefault(place, Label(place, f"makes {_story(node, aspect)}"))
    finding = finding._replace(labels=(*finding.labels, *labels.values()))
    return _with_defaults(finding, nodes, aspect)


def _summands(node: ShapedNode) -> Iterator[ShapedNode]:
    """The steps that made the channels that a concat puts one behind the other."""
    made = (last_maker(branch.graph, Aspect.CHANNELS) for branch in _last(node).branches)
    yield from (step for step in made if step is not None)


def told_of_defaults(finding: Diagnostic, branches: Iterable[ShapedBranch]) -> Diagnostic:
    """A finding about branches on different grids, with the defaults that have shrunk or grown one."""
    nodes = (node for branch in branches for node in branch.graph.nodes)
    return _with_defaults(finding, nodes, Aspect.GRID)


def _with_defaults(finding: Diagnostic, nodes: Iterable[ShapedNode], aspect: Aspect) -> Diagnostic:
    """A finding about what steps make, with the defaults that each owes it to."""
    told = {label.span for label in finding.labels}
    found = (_default(node, aspect) for node in nodes)
    labels = {label.span: label for label in found if label is not None and label.span not in told}
    return finding._replace(labels=(*finding.labels, *labels.values()))


def _default(node: ShapedNode, aspect: Aspect) -> Label | None:
    """The default to blame for what a step makes.

    That is a stride above 1 or else, as nothing but these can then be, the padding or the kernel.
    """
    node = node.runs[-1].instance if node.runs else node
    if node.input is None or node.output is None or aspect.of(node.input) == aspect.of(node.output):
        return None
    settings: Mapping[str, Term] = getattr(node.node.call, "settings", {})
    is_strided = getattr(node.op, "stride", None) != Window(1, 1)
    idle = "padding" if is_strided else "stride"
    for name in _OF_DEFAULTS[aspect]:
        term = settings.get(name)
        if term is not None and name != idle and not node.node.span.contains(term.span):
            return Label(term.span, f"the {name} of steps that have none")
    return None


def told_of_blocks(
    frame: Frame, finding: Diagnostic, branches: Iterable[ShapedBranch], aspect: Aspect
) -> Diagnostic:
    """A finding about branches that do not fit, with the step inside a block that made one so.

    The values that its block was given belong to it: a block fits with some and not with others.
    """
    for branch in branches:
        use = last_maker(branch.graph, aspect)
        if use is None:
            continue
        made, inner = _inside(use, frame, aspect)
        if inner is frame:
            continue
        place = setting_place(made, _BLAMED[aspect][0])
        label = Label(place, f"makes {_story(made, aspect)}")
        finding = finding._replace(labels=(*finding.labels, label))
        settings: Mapping[str, Term] = getattr(made.node.call, "settings", {})
        if made.op is not None:
            finding = told_of_settings(inner, finding, made.op, settings, _BLAMED[aspect])
    return finding


def last_maker(graph: ShapedGraph, aspect: Aspect) -> ShapedNode | None:
    """The last step of a branch whose output differs from its input."""
    for node in reversed(graph.nodes):
        if node.input is None or node.output is None:
            return None
        if aspect.of(node.input) != aspect.of(node.output):
            return node
    return None


def told_inside(node: ShapedNode, aspect: Aspect) -> Label | None:
    """The step in a block that makes what the block makes, or that nothing in it does; None for an op."""
    outer = node.runs[-1].instance if node.runs else node
    if outer.block is None or not outer.block.graph.nodes:
        return None
    made = last_maker(outer.block.graph, aspect)
    if made is None:
        first, name = outer.block.graph.nodes[0].node.key, outer.block.block.name
        return Label(first, f"nothing in `{name}` changes the {aspect}")
    inner = told_inside(made, aspect) if made.output is not None else None
    place = setting_place(made, _BLAMED[aspect][0])
    return inner or Label(place, f"makes {_story(made, aspect)}")


def _inside(node: ShapedNode, frame: Frame, aspect: Aspect) -> tuple[ShapedNode, Frame]:
    """The step that makes what a block makes, through blocks in it, and the use that it belongs to."""
    while True:
        instance = node.runs[-1].instance if node.runs else node
        block = instance.block
        inner = None if block is None else last_maker(block.graph, aspect)
        if block is None or inner is None:
            return instance, frame
        frame = Frame(block.block, block.arguments, block.inputs, frame, node.node)
        node = inner


def told_of_vector(frame: Frame, finding: Diagnostic, node: Node) -> Diagnostic:
    """A finding about a step that needs a grid, with the step that made a vector of it."""
    found = maker(frame, node.inputs[0], Aspect.GRID)
    if found is None:
        return finding
    name, place = found.node.name, found.node.key
    label = Label(place, f"`{name}` makes a vector here")
    help = f"remove one of `{name}` and `{node.name}`, or put `{node.name}` before `{name}`"
    return finding._replace(labels=(*finding.labels, label), help=help)


def _story(node: ShapedNode, aspect: Aspect) -> str:
    """`17x17`, or `1152 channels: 384 (pool) + 384 (b3x3) + 384 (dbl3x3)` where a concat makes them."""
    assert node.output is not None
    if aspect is Aspect.GRID:
        return str(node.output.grid or "a vector")
    total = f"{node.output.channels} channels"
    last = _last(node)
    if len(last.branches) > 1 and last.op is not None and last.op.name == "concat":
        parts = [
            f"{b.graph.output.channels} ({b.branch.name})"
            for b in last.branches
            if b.graph.output is not None
        ]
        return f"{total}: {' + '.join(parts)}"
    return total


def _last(node: ShapedNode) -> ShapedNode:
    while True:
        if node.runs:
            node = node.runs[-1].instance
        elif node.block is not None and node.block.graph.nodes:
            node = node.block.graph.nodes[-1]
        else:
            return node
