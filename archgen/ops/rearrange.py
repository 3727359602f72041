"""Ops that move values: they split and shuffle channels, and pad and enlarge grids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from archgen.diagnostics import Predicate, listed
from archgen.ir.op import Layout, ModuleCall, Op, ShapeError
from archgen.ir.shape import Grid, Padding, Shape, Window
from archgen.ops.attached import NamedSlot
from archgen.ops.settings import setting
from archgen.ops.slots import (
    BoolSlot,
    IntSlot,
    PaddingSlot,
    Setting,
    SettingError,
    Slot,
    WindowSlot,
    refusal,
    shown,
)
from archgen.ops.window import pair
from archgen.ops.words import WordSlot
from archgen.rules import BAD_VALUE, GROUPS, NEEDS_GRID, SPLIT_MISMATCH
from archgen.spec.document import MappingNode, Node
from archgen.spec.expressions import Value
from archgen.spec.traced import formula_of, is_traced


def _grid_of(x: Shape, op: str) -> Grid:
    """The grid that the op needs. Raises ShapeError for a vector."""
    if x.grid is None:
        help = "put this step before `global_avg_pool` or `flatten`"
        raise ShapeError(
            NEEDS_GRID, f"`{op}` needs a grid, and a vector of {x} comes in", help=help
        )
    return x.grid


# ------------------------------------------------------------------------------------------- split


class Part(NamedTuple):
    """One output of a split: its name, and its channels."""

    name: str
    channels: int


_CHANNELS = IntSlot()
_AMOUNT = IntSlot(minimum=0)


class PartsSlot(Slot):
    """`{keep: in.channels // 2, work: in.channels // 2}`: the channels of each part, by name."""

    what: ClassVar[str] = "names of parts, each with its channels"

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        if not isinstance(node, MappingNode) or len(node.entries) < 2:
            found = f"`{shown(node)}`" if shown(node) else "nothing"
            help = "write `{keep: in.channels // 2, work: in.channels // 2}`"
            message = Predicate(f"must be two parts or more, not {found}")
            raise refusal(node.span, message, help)
        parts = tuple(
            Setting(NamedSlot(key.text), key.span, (_part(key.text, value, names),))
            for key, value in node.entries
        )
        return Setting(self, node.span, parts)

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        return tuple(
            Part(name, channels)
            for name, part in parts_of(setting).items()
            if isinstance(channels := _channels(name, part, scope), int)
        )

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        return {"type": "object", "additionalProperties": _CHANNELS.schema(), "minProperties": 2}


def _part(name: str, node: Node, names: Mapping[str, Slot]) -> Setting:
    """The channels of a part as written. Raises SettingError, which names the part."""
    try:
        return _CHANNELS.read(node, names)
    except SettingError as error:
        raise SettingError(error.diagnostic.naming(name)) from None


def _channels(name: str, part: Setting, scope: Mapping[str, Value]) -> Value:
    """The channels of a part. Raises SettingError, which names the part."""
    try:
        return part.evaluate(scope)
    except SettingError as error:
        raise SettingError(error.diagnostic.naming(name)) from None


def parts_of(setting: Setting) -> Mapping[str, Setting]:
    """The parts that the setting of a split names, as written."""
    assert isinstance(setting.form, tuple)
    return {part.slot.name: part for part in setting.form if isinstance(part.slot, NamedSlot)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Split(Op):
    """Splits the channels into parts, in the order in which they are written.

    A part is read by `from: split.NAME`, or by the branch of that name of a join behind the split.
    """

    name: ClassVar[str] = "split"
    bare: ClassVar[str] = "sizes"
    whole: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.EITHER

    sizes: tuple[Part, ...] = setting(
        PartsSlot(),
        "the channels of each part, by name",
        advice="write `split: {keep: in.channels // 2, work: in.channels // 2}`",
    )

    def infer(self, x: Shape) -> Shape:
        total = sum(part.channels for part in self.sizes)
        if total != x.channels:
            counts = " + ".join(str(int(part.channels)) for part in self.sizes)
            message = f"the parts have {counts} = {int(total)} channels of {int(x.channels)}"
            raise ShapeError(SPLIT_MISMATCH, message, setting="sizes", help=self._help(x))
        return x

    def _help(self, x: Shape) -> str:
        *_, last = self.sizes
        total = sum(part.channels for part in self.sizes)
        rest = x.channels - (total - last.channels)
        if rest > 0:
            return f"write `{last.name}: {int(rest)}`, change another part, or bring {int(total)} channels in"
        return f"give them fewer channels, or bring {int(total)} in"

    def parts(self, x: Shape) -> Mapping[str, Shape]:
        return {part.name: Shape(part.channels, x.grid) for part in self.sizes}

    def expression(self, x: str, shape: Shape) -> str:
        sizes = (part.channels for part in self.sizes)
        written = (str(formula_of(size)) if is_traced(size) else str(size) for size in sizes)
        return f"{x}.split(({', '.join(written)}), dim=1)"


# ------------------------------------------------------------------------------------ other channels


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelShuffle(Op):
    """Mixes groups of channels (arXiv:1707.01083): the first of each group, then the second of each, ..."""

    name: ClassVar[str] = "channel_shuffle"
    bare: ClassVar[str] = "groups"

    groups: int = setting(IntSlot(), "groups that are mixed")

    def infer(self, x: Shape) -> Shape:
        _grid_of(x, self.name)
        if x.channels % self.groups:
            message = f"{int(x.channels)} channels cannot be divided into {int(self.groups)} groups"
            few = range(1, min(x.channels, 64) + 1)
            fitting = listed(str(count) for count in few if x.channels % count == 0)
            raise ShapeError(GROUPS, message, setting="groups", help=f"{fitting} divide them")
        return x

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.ChannelShuffle", (self.groups,))


# ------------------------------------------------------------------------------------------- grids


class AmountsSlot(PaddingSlot):
    """`N | [h, w] | [top, bottom, left, right]`: a padding by its numbers."""

    what: ClassVar[str] = "a number, [h, w] or [top, bottom, left, right]"

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        if isinstance(node, MappingNode) or shown(node) in ("valid", "same"):
            message = Predicate(f"must be {self.what}, not `{shown(node)}`")
            raise refusal(node.span, message, help="write a number such as 1")
        return super().read(node, names)

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        amount: dict[str, object] = {"type": ["integer", "string", "array"], "minimum": 0}
        return {**amount, "items": _AMOUNT.schema(), "minItems": 2, "maxItems": 4}


_MODES = {
    "zeros": "nn.ZeroPad2d",
    "reflect": "nn.ReflectionPad2d",
    "replicate": "nn.ReplicationPad2d",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Pad(Op):
    """Surrounds a grid with zeros, or with its own values: mirrored, or those at its edge."""

    name: ClassVar[str] = "pad"
    bare: ClassVar[str] = "amount"

    amount: Padding = setting(AmountsSlot(), "rows and columns on each side")
    mode: str = setting(WordSlot(tuple(_MODES)), "zeros, reflect or replicate", "zeros")

    def infer(self, x: Shape) -> Shape:
        grid = _grid_of(x, self.name)
        top, bottom, left, right = self.amount.amounts
        if self.mode == "reflect" and not (
            max(top, bottom) < grid.height and max(left, right) < grid.width
        ):
            message = f"a {grid} grid cannot be mirrored by as many rows or columns as it has"
            help = "pad less, or write `mode: replicate`"
            raise ShapeError(BAD_VALUE, message, setting="amount", help=help)
        return Shape(x.channels, Grid(top + grid.height + bottom, left + grid.width + right))

    def derivation(self, x: Shape) -> str:
        top, bottom, *_ = self.amount.amounts
        return f"{x.height} + {top + bottom}"

    def module(self, x: Shape) -> ModuleCall:
        top, bottom, left, right = self.amount.amounts
        return ModuleCall(_MODES[self.mode], ((left, right, top, bottom),))


@dataclass(frozen=True, kw_only=True, eq=False)
class Upsample(Op):
    """Enlarges a grid by whole factors: each position repeated, or values between positions."""

    name: ClassVar[str] = "upsample"
    bare: ClassVar[str] = "factor"

    factor: Window = setting(WindowSlot(), "`2`, or height by width as in `2x1`")
    mode: str = setting(WordSlot(("nearest", "bilinear")), "nearest or bilinear", "nearest")
    align_corners: bool = setting(
        BoolSlot(), "whether `bilinear` keeps the values in the corners", False
    )

    def infer(self, x: Shape) -> Shape:
        grid = _grid_of(x, self.name)
        if self.align_corners and self.mode != "bilinear":
            message = (
                f"`align_corners` says something about `bilinear`, and the mode is `{self.mode}`"
            )
            help = "write `mode: bilinear`, or leave it out"
            raise ShapeError(BAD_VALUE, message, setting="align_corners", help=help)
        height, width = grid.height * self.factor.height, grid.width * self.factor.width
        return Shape(x.channels, Grid(height, width))

    def derivation(self, x: Shape) -> str:
        return f"{x.height} * {self.factor.height}"

    def enlarges(self) -> tuple[int, int]:
        return self.factor.height, self.factor.width

    def module(self, x: Shape) -> ModuleCall:
        kwargs: list[tuple[str, object]] = [("scale_factor", pair(*self.factor))]
        if self.mode != "nearest":
            kwargs.append(("mode", self.mode))
        if self.align_corners:
            kwargs.append(("align_corners", True))
        return ModuleCall("nn.Upsample", (), tuple(kwargs))
