"""Frames: the uses of blocks that lead to a place, as a finding tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archgen.diagnostics import Diagnostic, Label
from archgen.ir.graph import INPUT, Block, Node, Ref
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedNode


@dataclass
class Frame:
    """One use of a block while its steps get their shapes."""

    block: Block
    arguments: Mapping[str, object]
    inputs: tuple[Shape, ...]
    caller: Frame | None = None
    call: Node | None = None
    done: dict[int, ShapedNode] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """How many uses lead here."""
        return 0 if self.caller is None else self.caller.depth + 1

    def path(self) -> str:
        """`network[2] reduction_a`, through every block on the way."""
        if self.caller is None or self.call is None:
            return ""
        outer = self.caller.path()
        place = outer + " > " if outer else "network"
        index = f"[{self.call.index}]" if not outer else ""
        return f"{place}{index} {self.call.name}".replace("  ", " ").replace("> ", "> ")

    def context(self) -> str:
        """The note that says where a finding applies: path, arguments, what goes in, and the source."""
        if self.caller is None:
            return ""
        arguments = ", ".join(f"{name}: {_plain(value)}" for name, value in self.arguments.items())
        source = f" ({self.block.source})" if self.block.source else ""
        return (
            ", ".join(
                [f"in {self.path()}{f' {{{arguments}}}' if arguments else ''}", *self._inputs()]
            )
            + source
        )

    def _inputs(self) -> Iterator[str]:
        names = [f"in.{port}" for port in self.block.inputs] or ["in"]
        for name, shape in zip(names, self.inputs, strict=False):
            if shape.height == shape.width:
                yield f"{name}.grid = {shape.height}"
            else:
                yield f"{name}.height = {shape.height}, {name}.width = {shape.width}"
            yield f"{name}.channels = {shape.channels}"

    def origin(self) -> str:
        """How the channels of the block's input came about, told from the steps before its use."""
        if self.caller is None or self.call is None or not self.call.inputs:
            return ""
        frame, ref = self.caller, self.call.inputs[0]
        while ref.id != INPUT:
            node = frame.done.get(ref.id)
            if node is None or node.output is None or node.input is None:
                return ""
            if node.output.channels != node.input.channels:
                return f"`{node.node.name}` makes {channel_story(node)}, at line {node.node.key.start.line}"
            ref = node.node.inputs[0]
        return frame.origin()


def told_of_vector(frame: Frame, finding: Diagnostic, node: Node) -> Diagnostic:
    """A finding about a step that needs a grid, with the step that made a vector of it."""
    maker = _vector_maker(frame, node.inputs[0])
    if maker is None:
        return finding
    name, place = maker.node.name, maker.node.key
    label = Label(place, f"`{name}` makes a vector here")
    help = f"remove one of `{name}` and `{node.name}`, or put `{node.name}` before `{name}`"
    return finding._replace(labels=(*finding.labels, label), help=help)


def _vector_maker(frame: Frame, ref: Ref) -> ShapedNode | None:
    """The step, of those in sight before a value, that turned a grid into a vector."""
    while ref.id != INPUT and (node := frame.done.get(ref.id)) is not None:
        if node.input is None or node.input.grid is not None:
            return node if node.input is not None else None
        ref = node.node.inputs[0]
    if ref.id == INPUT and frame.caller is not None and frame.call is not None:
        return _vector_maker(frame.caller, frame.call.inputs[0]) if frame.call.inputs else None
    return None


def told_from(frame: Frame, finding: Diagnostic, shortcut: Shape) -> Diagnostic:
    """A finding about a residual, as the block around it sees its shortcut: by name, with its origin."""
    channels = int(shortcut.channels)
    if frame.caller is not None and channels == frame.inputs[0].channels:
        help = finding.help.replace(f"`filters: {channels}`", "`filters: in.channels`")
        finding = finding._replace(help=help)
    origin = frame.origin()
    return (
        finding.with_notes(f"the shortcut's {channels} channels: {origin}") if origin else finding
    )


def channel_story(node: ShapedNode) -> str:
    """`1152 channels: 384 (pool) + 384 (b3x3) + 384 (dbl3x3)` for a concat or the block that ends in one."""
    assert node.output is not None
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


def _plain(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value
