"""What every op with a sliding window shares: its paddings, its slides, and how torch writes them."""

from __future__ import annotations

from typing import NamedTuple

from archgen.ir.op import ShapeError
from archgen.ir.shape import (
    Grid,
    Padding,
    PaddingMode,
    Shape,
    Slide,
    Window,
    same_amounts,
    same_tf_amounts,
)
from archgen.rules import AMBIGUOUS_PADDING, INPUT_TOO_SMALL, NEEDS_GRID
from archgen.spec.traced import Untraceable, formula_of, is_traced

ONE = Window(1, 1)


class Sliding(NamedTuple):
    """A kernel with its stride, padding and dilation; `ceil` rounds the number of positions up.

    `takes_tf` says whether the op can be padded as TensorFlow pads, unevenly.
    """

    kernel: Window
    stride: Window
    padding: Padding
    dilation: Window = ONE
    ceil: bool = False
    takes_tf: bool = True

    def slides(self, grid: Grid) -> tuple[Slide, Slide]:
        """The slide along the height and along the width. Raises ShapeError for an ambiguous `same`."""
        if self.padding.mode is PaddingMode.SAME:
            self._refuse_ambiguous()
        top, bottom = self._amounts(
            grid.height, self.kernel.height, self.stride.height, self.dilation.height, 0
        )
        left, right = self._amounts(
            grid.width, self.kernel.width, self.stride.width, self.dilation.width, 2
        )
        return (
            Slide(
                self.kernel.height, self.stride.height, top, bottom, self.dilation.height, self.ceil
            ),
            Slide(
                self.kernel.width, self.stride.width, left, right, self.dilation.width, self.ceil
            ),
        )

    def _amounts(
        self, size: int, kernel: int, stride: int, dilation: int, first: int
    ) -> tuple[int, int]:
        match self.padding.mode:
            case PaddingMode.VALID:
                return (0, 0)
            case PaddingMode.SAME:
                return same_amounts(kernel, dilation)
            case PaddingMode.SAME_TF:
                return same_tf_amounts(size, kernel, stride, dilation)
            case PaddingMode.AMOUNTS:
                return self.padding.amounts[first], self.padding.amounts[first + 1]

    def _refuse_ambiguous(self) -> None:
        for kernel, stride in (
            (self.kernel.height, self.stride.height),
            (self.kernel.width, self.stride.width),
        ):
            if kernel > 1 and (stride > 1 or kernel % 2 == 0):
                reason = f"a stride of {stride}" if stride > 1 else f"an even kernel of {kernel}"
                half = (kernel - 1) // 2
                uneven = ", or `{same: tf}`, which pads behind" if self.takes_tf else ""
                raise ShapeError(
                    AMBIGUOUS_PADDING,
                    f"`same` with {reason} is padded differently by TensorFlow and by PyTorch's users",
                    setting="padding",
                    help=f"write `valid`, a number such as `{half}`{uneven}",
                )

    def over(self, x: Shape) -> Grid:
        """The output grid. Raises ShapeError where the window does not fit."""
        if x.grid is None:
            raise ShapeError(
                NEEDS_GRID,
                f"a {self.kernel} window needs a grid, and a vector of {x} comes in",
                help="put this step before `global_avg_pool` or `flatten`",
            )
        self._refuse_undecided(x.grid)
        rows, columns = self.slides(x.grid)
        height, width = rows.over(x.grid.height), columns.over(x.grid.width)
        if self.padding.mode is PaddingMode.SAME_TF:
            height = -(-x.grid.height // self.stride.height)
            width = -(-x.grid.width // self.stride.width)
        if height < 1 or width < 1:
            reach = f"{rows.reach}x{columns.reach}"
            padded = Grid(
                rows.before + x.grid.height + rows.after,
                columns.before + x.grid.width + columns.after,
            )
            around = "" if padded == x.grid else f" ({padded} with padding)"
            raise ShapeError(
                INPUT_TOO_SMALL,
                f"a {reach} window does not fit on a {x.grid} grid{around}",
                setting="kernel",
                help="pad more, or use a smaller kernel or a larger input",
            )
        return Grid(height, width)

    def _refuse_undecided(self, grid: Grid) -> None:
        """Raises Untraceable where rounding up depends on traced numbers: no formula tells when."""
        sides = (*self.kernel, *self.stride, *self.padding.amounts, *self.dilation, *grid)
        if is_traced(self.ceil) or (self.ceil and any(is_traced(side) for side in sides)):
            raise Untraceable

    def derivation(self, x: Shape) -> str:
        """The formula for the height, `(35 - 3) // 2 + 1`; TensorFlow's `same` is `ceil(35 / 2)`."""
        if x.grid is None:
            return "1"
        if self.padding.mode is PaddingMode.SAME_TF and self.stride.height > 1:
            return f"ceil({x.grid.height} / {self.stride.height})"
        return self.slides(x.grid)[0].derivation(x.grid.height)

    def unread(self, x: Shape) -> tuple[int, int]:
        """Rows and columns at the far end that no window covers."""
        assert x.grid is not None
        if self.stride.height == self.stride.width == 1:
            return 0, 0
        rows, columns = self.slides(x.grid)
        return rows.unread(x.grid.height), columns.unread(x.grid.width)

    def torch_padding(self, grid: Grid) -> tuple[int, int] | None:
        """Padding as torch's layers take it, (height, width), or None where the sides differ."""
        if self.padding.mode is PaddingMode.SAME_TF:
            return None
        rows, columns = self.slides(grid)
        sides = ((rows.before, rows.after), (columns.before, columns.after))
        if self.padding.mode is not PaddingMode.SAME and not all(_same(*side) for side in sides):
            return None
        return rows.before, columns.before


def pair(height: int, width: int) -> object:
    """`3`, or `(1, 7)` where the sides differ."""
    return height if _same(height, width) else (height, width)


def _same(left: int, right: int) -> bool:
    """Whether two numbers are equal in every use."""
    if is_traced(left) or is_traced(right):
        return formula_of(left) == formula_of(right)
    return left == right


def unless(value: object, default: object) -> bool:
    """Whether an argument has to be written: it differs from the default, or may in another use."""
    parts = (side if isinstance(side, tuple) else (side,) for side in (value, default))
    return value != default or any(is_traced(part) for side in parts for part in side)


def window_kwargs(
    sliding: Sliding, grid: Grid, default_stride: object = 1
) -> list[tuple[str, object]]:
    """`stride`, `padding` and `dilation` for a torch layer, defaults left out."""
    padding = sliding.torch_padding(grid) or (0, 0)
    written = (
        ("stride", pair(sliding.stride.height, sliding.stride.width), default_stride),
        ("padding", pair(*padding), 0),
        ("dilation", pair(sliding.dilation.height, sliding.dilation.width), 1),
    )
    return [(name, value) for name, value, default in written if unless(value, default)]
