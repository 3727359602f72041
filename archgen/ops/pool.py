"""Pools: windows that take the largest or the mean of what they see, and the pool over a whole grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Helper, ModuleCall, Op, ShapeError
from archgen.ir.shape import Grid, Padding, PaddingMode, Shape, Window
from archgen.ops.settings import setting
from archgen.ops.slots import BoolSlot, PaddingSlot, WindowSlot
from archgen.ops.window import Sliding, pair, window_kwargs
from archgen.rules import AMBIGUOUS_PADDING, BAD_VALUE, NEEDS_GRID, STRIDE_NOT_WRITTEN

_STRIDE_ADVICE = "write it, `stride: 1` too: libraries disagree about a pool's default stride"
_PADDING_ADVICE = "write `padding: valid` or `padding: same`, here or once under `defaults`"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Op):
    """What both pools share: they keep the channels and slide over the grid."""

    kernel: Window = setting(WindowSlot(), "`3`, or height by width as in `1x7`")
    stride: Window = setting(
        WindowSlot(), "steps between positions", missing=STRIDE_NOT_WRITTEN, advice=_STRIDE_ADVICE
    )
    padding: Padding = setting(
        PaddingSlot("valid, a number, [h, w], or same with stride 1 and an odd kernel"),
        "what surrounds the input",
        advice=_PADDING_ADVICE,
    )
    ceil: bool = setting(BoolSlot(), "whether the number of positions is rounded up", False)

    @property
    def _sliding(self) -> Sliding:
        return Sliding(self.kernel, self.stride, self.padding, ceil=self.ceil, takes_tf=False)

    def infer(self, x: Shape) -> Shape:
        out = self._sliding.over(x)
        assert x.grid is not None
        padding = self._sliding.torch_padding(x.grid)
        if padding is None:
            raise ShapeError(
                AMBIGUOUS_PADDING,
                f"a pool pads both sides alike, and `{_as_written(self.padding)}` does not",
                setting="padding",
                help=self._instead(x.grid),
            )
        if padding[0] > self.kernel.height // 2 or padding[1] > self.kernel.width // 2:
            message = f"a {self.kernel} pool can be padded by half its kernel at most"
            help = f"write {self.kernel.height // 2} or less"
            raise ShapeError(BAD_VALUE, message, setting="padding", help=help)
        return Shape(x.channels, out)

    def _instead(self, grid: Grid) -> str:
        """What computes the same as a padding of different sides, where something does."""
        where = "where no value is below 0, as after a ReLU"
        return f"{self._steps(grid)} compute the same {where}; otherwise nothing does"

    def _steps(self, grid: Grid) -> str:
        rows, columns = self._sliding.slides(grid)
        sides = f"[{rows.before}, {rows.after}, {columns.before}, {columns.after}]"
        return f"a step `pad: {sides}` before it and `padding: valid`"

    def derivation(self, x: Shape) -> str:
        return self._sliding.derivation(x)

    def unread(self, x: Shape) -> tuple[int, int]:
        return self._sliding.unread(x)

    def _call(self, target: str, x: Shape, *more: tuple[str, object]) -> ModuleCall:
        assert x.grid is not None
        kernel = pair(self.kernel.height, self.kernel.width)
        kwargs = [*window_kwargs(self._sliding, x.grid, default_stride=kernel), *more]
        if self.ceil:
            kwargs.append(("ceil_mode", True))
        return ModuleCall(target, (kernel,), tuple(kwargs))


def _as_written(padding: Padding) -> str:
    return "{same: tf}" if padding.mode is PaddingMode.SAME_TF else str(padding)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxPool(Pool):
    """The largest value in each window."""

    name: ClassVar[str] = "max_pool"

    def module(self, x: Shape) -> ModuleCall:
        return self._call("nn.MaxPool2d", x)


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(Pool):
    """The mean of each window; padding counts as zeros only with `count_include_pad`."""

    name: ClassVar[str] = "avg_pool"

    count_include_pad: bool = setting(BoolSlot(), "whether padding counts in the mean", False)

    def _instead(self, grid: Grid) -> str:
        if not self.count_include_pad:
            return "nothing computes the same: write a padding that is the same on both sides"
        return f"{self._steps(grid)} compute the same"

    def module(self, x: Shape) -> ModuleCall:
        assert x.grid is not None
        padded = self._sliding.torch_padding(x.grid) != (0, 0)
        more = [("count_include_pad", False)] if padded and not self.count_include_pad else []
        return self._call("nn.AvgPool2d", x, *more)


_GLOBAL = Helper(
    "GlobalAvgPool",
    '''class @NAME(nn.Module):
    """The mean over the grid of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))
''',
)


@dataclass(frozen=True, kw_only=True, eq=False)
class GlobalAvgPool(Op):
    """The mean over the whole grid: a vector of the channels."""

    name: ClassVar[str] = "global_avg_pool"

    def infer(self, x: Shape) -> Shape:
        if x.grid is None:
            raise ShapeError(
                NEEDS_GRID,
                f"a global pool needs a grid, and a vector of {x} comes in",
                help="remove this step",
            )
        return Shape(x.channels)

    def derivation(self, x: Shape) -> str:
        return "mean of all"

    def expression(self, x: str, shape: Shape) -> str:
        return f"{x}.mean((2, 3))"

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall(_GLOBAL.name, helper=_GLOBAL)
