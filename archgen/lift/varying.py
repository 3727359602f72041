"""One setting of a step as all uses of a block can write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archgen.lift.conditions import HARMLESS
from archgen.lift.flat import Value
from archgen.lift.paddings import is_half, shared_padding
from archgen.lift.params import COUNT, WIDTH, WIDTHS, Difference, Params, type_of
from archgen.lift.ramps import Ramp
from archgen.lift.relations import Row, expressed
from archgen.lift.side_by_side import Column
from archgen.lift.steps import Expression, op_default, spelled
from archgen.lift.writing import Block
from archgen.ops import OPS_BY_NAME

_WINDOWS = ("kernel", "stride", "dilation")


@dataclass(frozen=True)
class Varying:
    """The settings of one column of steps, in the place `order` of a block's body.

    `place` is what the step or its branch is called, `made` are the channels that the block ends on.
    `keeps` says that the step's width is that of what the block receives because it is added to that,
    `widens` that an optional step before it has its width.
    """

    column: Column
    params: Params
    blocks: Mapping[str, Block]
    place: str
    order: tuple[int, ...]
    made: Row
    keeps: bool = False
    widens: bool = False

    def settings(self) -> Mapping[str, Value]:
        """All settings; an op's padding may speak of the kernel beside it, a block's is a number."""
        names = self.column.first.settings
        is_padded = "padding" in names and self.column.first.op in OPS_BY_NAME
        found = {n: self._setting(n) for n in names if n != "padding" or not is_padded}
        if is_padded:
            found["padding"] = self._padding(found["kernel"])
        return {name: found[name] for name in names}

    def counted(self, count: int) -> int | str:
        """How often the step is repeated behind `count` other steps: a single one counts to `n`."""
        more = 1 if count == 1 else 0
        repeats = [0 if step is None else step.repeat for step in self.column.steps]
        row = tuple(int(repeat) + more for repeat in repeats)
        if len(set(row)) == 1:
            return row[0] - more
        text = str(self._value("n", row))
        return f"{text} - 1" if more else text

    def _setting(self, name: str) -> Value:
        row = self.column.row(name)
        if name == "sizes":
            return self._sizes()
        if self.column.first.op in HARMLESS:
            row = tuple(0.0 if value is None else value for value in row)
        if any(isinstance(value, Ramp) for value in row):
            return self._ramp(row)
        if name in WIDTHS and self.widens and len(set(row)) > 1:
            self.params.widening(self._difference(name, row))
        return self._channels(name, row) or self._value(name, row)

    def _channels(self, name: str, row: Row) -> Expression | None:
        """The channels received, where a step works on each by itself or has to end on as many."""
        is_single = name == "groups" and any(value not in (None, 1) for value in row)
        received = {"in.channels": self.params.received}
        if is_single or (name in WIDTHS and self._is_depthwise()):
            return expressed(row, {**received, "here.channels": self.column.received})
        return expressed(row, received) if name in WIDTHS and self.keeps else None

    def _is_depthwise(self) -> bool:
        first = self.column.first
        return first.settings.get("groups", 1) not in (1, None) and (
            self.column.row("groups") == self.column.received
        )

    def _value(self, name: str, row: Row) -> Value:
        """A value that all have, an expression for all values, or a new param."""
        present = {spelled(value): value for value in row if value is not None}
        if len(present) == 1:
            (value,) = present.values()
            same = self.params.known_as(name, row) if None in row else None
            return value if same is None else same
        return self.params.expressing(self._difference(name, row), self.column.received)

    def _difference(self, name: str, row: Row) -> Difference:
        return Difference(
            name,
            self.place,
            row,
            self._type(name, row),
            self._default(name),
            self.order,
            row == self.made,
            self._kind(name),
        )

    def _kind(self, name: str) -> str:
        """What the values of a setting are of; those of a block's param are what they are inside it."""
        if name == "n":
            return COUNT
        if self.column.first.op not in OPS_BY_NAME:
            block = self.blocks[self.column.first.op]
            return next((param.kind for param in block.params if param.name == name), name)
        is_size = self.column.first.op == "split"
        return WIDTH if name in (*WIDTHS, "groups") or is_size else name

    def _type(self, name: str, row: Row) -> str | tuple[str, ...]:
        block = self.blocks.get(self.column.first.op)
        known = {param.name: param.type for param in block.params} if block else {}
        found = type_of(row)
        return known.get(name, "kernel" if name in _WINDOWS and found != "int" else found)

    def _default(self, name: str) -> Value:
        op = self.column.first.op
        if op in OPS_BY_NAME:
            return op_default(op, name)
        return {param.name: param.default for param in self.blocks[op].params}.get(name)

    def _sizes(self) -> Value:
        """The sizes of a split, each by itself."""
        sizes = self.column.row("sizes")
        parts = next(found for found in sizes if isinstance(found, dict))
        rows = {
            part: tuple(found[part] if isinstance(found, dict) else None for found in sizes)
            for part in parts
        }
        return {part: self._value(part, row) for part, row in rows.items()}

    def _padding(self, kernel: Value) -> Value:
        present = [step.settings for step in self.column.steps if step is not None]
        shared = shared_padding(present)
        if shared is not None:
            return shared
        if all(map(is_half, present)) and isinstance(kernel, Expression):
            return Expression(f"{kernel} // 2")
        return self._value("padding", self.column.row("padding"))

    def _ramp(self, row: Row) -> Value:
        """A ramp; where each use begins it elsewhere, what came before is a param."""
        ramp = next(value for value in row if isinstance(value, Ramp))
        first = self._value("before", tuple(map(ramp.first_of, row)))
        assert isinstance(first, int | str)
        return ramp._replace(first=first).text()
