"""Convolutions, with the norm and activation they carry."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import ClassVar

from archgen.diagnostics import listed
from archgen.ir.op import Helper, ModuleCall, Op, ShapeError
from archgen.ir.shape import Grid, Padding, Shape, Window
from archgen.ops.attached import Activation, ActivationSlot, BatchNorm, NormSlot
from archgen.ops.settings import setting
from archgen.ops.slots import BoolSlot, IntSlot, PaddingSlot, WindowSlot
from archgen.ops.window import ONE, Sliding, pair, unless, window_kwargs
from archgen.rules import GROUPS
from archgen.spec.traced import Untraceable, is_traced

_PADDING_ADVICE = (
    "write `padding: valid` or `padding: same`, here or once under `defaults: {conv: ...}`"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv(Op):
    """A convolution; `norm` and `act` follow it in that order. Depthwise is `groups: in.channels`.

    Weights: filters x (channels // groups) x kernel height x kernel width, one bias a filter, and the
    norm's. MACs: weights times positions of the output grid.
    """

    name: ClassVar[str] = "conv"

    filters: int = setting(IntSlot(), "output channels")
    kernel: Window = setting(WindowSlot(), "`3`, or height by width as in `1x7`")
    stride: Window = setting(WindowSlot(), "steps between positions", ONE)
    padding: Padding = setting(PaddingSlot(), "what surrounds the input", advice=_PADDING_ADVICE)
    dilation: Window = setting(WindowSlot(), "steps between the kernel's rows and columns", ONE)
    groups: int = setting(IntSlot(), "groups of channels that do not mix", 1)
    bias: bool = setting(BoolSlot(), "whether a bias is added", True)
    norm: BatchNorm | None = setting(NormSlot(), "normalisation behind the convolution", None)
    act: Activation | None = setting(
        ActivationSlot(), "activation behind convolution and norm", None
    )

    @property
    def _sliding(self) -> Sliding:
        return Sliding(self.kernel, self.stride, self.padding, self.dilation)

    def infer(self, x: Shape) -> Shape:
        for what, channels in (("input channels", x.channels), ("filters", self.filters)):
            if channels % self.groups:
                message = f"{int(channels)} {what} cannot be divided into {int(self.groups)} groups"
                raise ShapeError(
                    GROUPS, message, setting="groups", help=_groups_help(x, self.filters)
                )
        return Shape(self.filters, self._sliding.over(_as_grid(x)))

    def derivation(self, x: Shape) -> str:
        return self._sliding.derivation(_as_grid(x))

    def unread(self, x: Shape) -> tuple[int, int]:
        return self._sliding.unread(_as_grid(x))

    def params(self, x: Shape) -> int:
        norm = self.norm.params(self.filters) if self.norm else 0
        return self._weights(x) + (self.filters if self.bias else 0) + norm

    def macs(self, x: Shape) -> int:
        out = self.infer(x)
        return self._weights(x) * out.height * out.width

    def _weights(self, x: Shape) -> int:
        return self.filters * (x.channels // self.groups) * self.kernel.height * self.kernel.width

    def module(self, x: Shape) -> ModuleCall:
        grid = _as_grid(x).grid
        assert grid is not None
        kernel = ("kernel_size", pair(self.kernel.height, self.kernel.width))
        kwargs = [kernel, *window_kwargs(self._sliding, grid)]
        if unless(self.groups, 1):
            kwargs.append(("groups", self.groups))
        surround = self._surround(grid)
        if self.norm is None and self.act is None and not surround:
            if not self.bias:
                kwargs.append(("bias", False))
            return ModuleCall("nn.Conv2d", (x.channels, self.filters), tuple(kwargs))
        if self.bias == (self.norm is not None):
            kwargs.append(("bias", self.bias))
        helper = self._helper(surround)
        return ModuleCall(helper.name, (x.channels, self.filters), tuple(kwargs), helper)

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

    def _helper(self, surround: str) -> Helper:
        parts = [
            "Norm" if self.norm else "",
            self.act.title if self.act else "",
            "Padded" if surround else "",
        ]
        what = " and ".join(
            filter(None, ["batch norm" if self.norm else "", self.act.title if self.act else ""])
        )
        result = f"super().forward({surround or 'x'})"
        lines = []
        if self.norm:
            arguments = "".join(f", {key}={value!r}" for key, value in self.norm.module(0).kwargs)
            lines.append(f"        self.norm = nn.BatchNorm2d(out_channels{arguments})")
            result = f"self.norm({result})"
        if self.act:
            result = self.act.apply(result, inplace=True)
        return Helper(
            "Conv" + "".join(parts),
            _HELPER.format(
                what=f" with {what}" if what else "",
                norm="\n".join(["", *lines]),
                result=result,
            ),
            (*_OPTIONAL, ("bias", f"bool = {self.norm is None}")),
        )


_OPTIONAL = (
    ("stride", "int | tuple[int, int] = 1"),
    ("padding", "int | tuple[int, int] = 0"),
    ("dilation", "int | tuple[int, int] = 1"),
    ("groups", "int = 1"),
)

_HELPER = '''class @NAME(nn.Conv2d):
    """A convolution{what}."""

    def __init__(@SIGNATURE) -> None:
        super().__init__(in_channels, out_channels, kernel_size@FORWARDED){norm}

    def forward(self, x: Tensor) -> Tensor:
        return {result}
'''


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
