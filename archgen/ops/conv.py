"""Convolutions, plain and transposed, with the norm and activation they carry."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import ClassVar, TypeAlias

from archgen.diagnostics import listed
from archgen.ir.op import ModuleCall, Op, ShapeError, Tensors
from archgen.ir.shape import Grid, Padding, PaddingMode, Shape, Window
from archgen.ops.attached import Activation, ActivationSlot, NormSlot
from archgen.ops.carrying import Carrier
from archgen.ops.norms import NormKind, norm_params, require_groups
from archgen.ops.settings import setting
from archgen.ops.slots import BoolSlot, IntSlot, PaddingSlot, WindowSlot
from archgen.ops.window import ONE, Sliding, pair, unless, window_kwargs
from archgen.rules import AMBIGUOUS_PADDING, BAD_VALUE, GROUPS, INPUT_TOO_SMALL
from archgen.spec.traced import Untraceable, is_traced

_PADDING_ADVICE = (
    "write `padding: valid` or `padding: same`, here or once under `defaults: {conv: ...}`"
)
_CUT_ADVICE = "write `padding: valid`, or the number of rows and columns to cut off on each side"

Pair: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Op):
    """What both convolutions share: their filters, and what follows them."""

    filters: int = setting(IntSlot(), "output channels")
    kernel: Window = setting(WindowSlot(), "`3`, or height by width as in `1x7`")
    stride: Window = setting(WindowSlot(), "steps between positions", ONE)
    padding: Padding = setting(PaddingSlot(), "what surrounds the input", advice=_PADDING_ADVICE)
    dilation: Window = setting(WindowSlot(), "steps between the kernel's rows and columns", ONE)
    groups: int = setting(IntSlot(), "groups of channels that do not mix", 1)
    bias: bool = setting(BoolSlot(), "whether a bias is added", True)
    norm: NormKind | None = setting(NormSlot(), "normalisation behind the convolution", None)
    act: Activation | None = setting(
        ActivationSlot(), "activation behind convolution and norm", None
    )

    def params(self, x: Shape) -> int:
        carried = norm_params(self.norm, self.filters)
        carried += self.filters if self.act and self.act.is_learned else 0
        return self._weights(x) + (self.filters if self.bias else 0) + carried

    def tensors(self, x: Shape) -> Tensors:
        bias = {"bias": (self.filters,)} if self.bias else {}
        carried = self._carrier("").tensors(self.filters)
        return {"weight": (*self._ends(x), *self.kernel), **bias, **carried}

    def _weights(self, x: Shape) -> int:
        return self.filters * (x.channels // self.groups) * self.kernel.height * self.kernel.width

    def _require_divisible(self, x: Shape) -> None:
        """Raises ShapeError where groups do not divide the channels on both sides."""
        for what, channels in (("input channels", x.channels), ("filters", self.filters)):
            if channels % self.groups:
                message = f"{int(channels)} {what} cannot be divided into {int(self.groups)} groups"
                raise ShapeError(
                    GROUPS, message, setting="groups", help=_groups_help(x, self.filters)
                )
        require_groups(self.norm, self.filters, "norm")

    def _ends(self, x: Shape) -> tuple[int, int]:
        """The first two sides of the weight."""
        raise NotImplementedError(type(self).__name__)

    def _carrier(self, surround: str) -> Carrier:
        """How torch writes the convolution."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv(Convolution):
    """A convolution; `norm` and `act` follow it in that order. Depthwise is `groups: in.channels`.

    Weights: filters x (channels // groups) x kernel height x kernel width, one bias a filter, and the
    norm's. MACs: weights times positions of the output grid.
    """

    name: ClassVar[str] = "conv"

    @property
    def _sliding(self) -> Sliding:
        return Sliding(self.kernel, self.stride, self.padding, self.dilation)

    def infer(self, x: Shape) -> Shape:
        self._require_divisible(x)
        return Shape(self.filters, self._sliding.over(_as_grid(x)))

    def derivation(self, x: Shape) -> str:
        return self._sliding.derivation(_as_grid(x))

    def unread(self, x: Shape) -> tuple[int, int]:
        return self._sliding.unread(_as_grid(x))

    def macs(self, x: Shape, out: Shape) -> int:
        return self._weights(x) * out.height * out.width

    def module(self, x: Shape) -> ModuleCall:
        grid = _as_grid(x).grid
        assert grid is not None
        kernel = ("kernel_size", pair(self.kernel.height, self.kernel.width))
        kwargs = [kernel, *window_kwargs(self._sliding, grid)]
        if unless(self.groups, 1):
            kwargs.append(("groups", self.groups))
        return self._carrier(self._surround(grid)).layer(x, self.filters, kwargs, bias=self.bias)

    def _ends(self, x: Shape) -> tuple[int, int]:
        return self.filters, x.channels // self.groups

    def _carrier(self, surround: str) -> Carrier:
        return Carrier("nn.Conv2d", "Conv", "A convolution", self.norm, self.act, surround)

    def _surround(self, grid: Grid) -> str:
        """The statement that pads `x` where torch's own padding cannot, or an empty text."""
        if self._sliding.torch_padding(grid) is not None:
            return ""
        rows, columns = self._sliding.slides(grid)
        if any(is_traced(amount) for amount in self.padding.amounts):
            raise Untraceable  # the helper class writes its amounts out
        if self.padding.amounts == (0, 0, 0, 0):
            return "pad_same(x, self.kernel_size, self.stride, self.dilation)"
        return f"F.pad(x, ({columns.before}, {columns.after}, {rows.before}, {rows.after}))"


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvTranspose(Convolution):
    """A transposed convolution: each position of the input lays its kernel into a larger output.

    A side of n becomes (n - 1) * stride + dilation * (kernel - 1) + 1 + extra, less the padding, which is
    cut off. Weights: as those of `conv`. MACs: weights times positions of the input grid.
    """

    name: ClassVar[str] = "conv_transpose"

    padding: Padding = setting(
        PaddingSlot("valid, a number or [h, w]: the same on both ends"),
        "what is cut off the output",
        advice=_CUT_ADVICE,
    )
    extra: int = setting(IntSlot(minimum=0), "rows below and columns right of the output", 0)

    def infer(self, x: Shape) -> Shape:
        self._require_divisible(x)
        self._require_extra()
        x = _as_grid(x)
        assert x.grid is not None
        height, width = (self._side(*side) for side in zip(x.grid, *self._sides(), strict=True))
        if height < 1 or width < 1:
            message = f"the padding cuts off all that {x.grid} becomes"
            help = "cut off less, or use a larger kernel or input"
            raise ShapeError(INPUT_TOO_SMALL, message, setting="padding", help=help)
        return Shape(self.filters, Grid(height, width))

    def derivation(self, x: Shape) -> str:
        (stride, _), (reach, _), (cut, _) = self._sides()
        size = f"({_as_grid(x).height} - 1) * {stride} + {reach}"
        extra = f" + {self.extra}" if self.extra else ""
        return f"{size}{extra} - {2 * cut}" if cut else f"{size}{extra}"

    def enlarges(self) -> tuple[int, int]:
        return self.stride.height, self.stride.width

    def macs(self, x: Shape, out: Shape) -> int:
        return self._weights(x) * x.height * x.width

    def module(self, x: Shape) -> ModuleCall:
        written = (
            ("stride", pair(*self.stride), 1),
            ("padding", pair(*self._sides()[2]), 0),
            ("output_padding", self.extra, 0),
            ("groups", self.groups, 1),
            ("dilation", pair(*self.dilation), 1),
        )
        kwargs: list[tuple[str, object]] = [("kernel_size", pair(*self.kernel))]
        kwargs += [(name, value) for name, value, default in written if unless(value, default)]
        return self._carrier("").layer(x, self.filters, kwargs, bias=self.bias)

    def _ends(self, x: Shape) -> tuple[int, int]:
        return x.channels, self.filters // self.groups

    def _carrier(self, surround: str) -> Carrier:
        about = "A transposed convolution"
        return Carrier("nn.ConvTranspose2d", "ConvTranspose", about, self.norm, self.act, surround)

    def _sides(self) -> tuple[Pair, Pair, Pair]:
        """Strides, reaches and what is cut off on each end, each of height and width."""
        height, width = zip(self.kernel, self.dilation, strict=True)
        return self.stride, (_reach(*height), _reach(*width)), self._cut()

    def _side(self, size: int, stride: int, reach: int, cut: int) -> int:
        return (size - 1) * stride + reach + self.extra - 2 * cut

    def _cut(self) -> Pair:
        """What is cut off on both ends. Raises ShapeError for a padding that is none here."""
        top, bottom, left, right = self.padding.amounts
        is_number = self.padding.mode in (PaddingMode.VALID, PaddingMode.AMOUNTS)
        if not is_number or top != bottom or left != right:
            message = "a transposed convolution cuts the same off on both ends"
            help = "write `valid`, a number, or [height, width]"
            raise ShapeError(AMBIGUOUS_PADDING, message, setting="padding", help=help)
        return top, left

    def _require_extra(self) -> None:
        """Raises ShapeError where rows of the output would be of no position of the input."""
        room = min(max(*both) for both in zip(self.stride, self.dilation, strict=True))
        if self.extra >= room:
            message = (
                f"`extra` must be below the stride or the dilation, and {int(self.extra)} is not"
            )
            raise ShapeError(BAD_VALUE, message, setting="extra", help=f"write {room - 1} or less")


def _reach(kernel: int, dilation: int) -> int:
    """Positions from a kernel's first to its last, both counted."""
    return dilation * (kernel - 1) + 1


def _groups_help(x: Shape, filters: int) -> str:
    common = gcd(x.channels, filters)
    divisors = [count for count in range(1, min(common, 1024) + 1) if common % count == 0]
    if divisors == [1]:
        return f"nothing but 1 divides both {int(x.channels)} and {int(filters)}: change `filters`"
    shown = f"{listed(map(str, divisors[:-1]))} or {divisors[-1]}"
    return f"write {shown} for `groups`, or change `filters`"


def _as_grid(x: Shape) -> Shape:
    """A vector as channels on a grid of one position: a convolution may follow a global pool."""
    return x if x.grid else Shape(x.channels, Grid(1, 1))
