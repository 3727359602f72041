"""Frames: the uses of blocks that lead to a place, as a finding tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archgen.ir.graph import Block, Node
from archgen.ir.interpreter import Environment, Made
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedNode
from archgen.ops.slots import describe


@dataclass
class Frame:
    """One use of a block while its steps get their shapes."""

    block: Block
    arguments: Mapping[str, object]
    inputs: tuple[Shape, ...]
    caller: Frame | None = None
    call: Node | None = None
    done: dict[int, ShapedNode] = field(default_factory=dict)
    values: Environment[Shape | None] = field(init=False)

    def __post_init__(self) -> None:
        self.values = Environment(self.block, self.inputs)

    def add(self, step: ShapedNode) -> None:
        """Notes a step with its shapes; there is no value for an instance that a repeat does not have."""
        made = [Made(r.instance.output, r.instance.ports, r.first) for r in step.runs]
        end = sum(run.count for run in step.runs)
        self.done[step.node.id] = step
        whole = Made(step.output, step.ports)
        self.values.add(step.node.id, [*made, Made(None, first=end)], whole)

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


def _plain(value: object) -> object:
    return describe(value) if isinstance(value, float) else value
