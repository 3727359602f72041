"""Shapes, windows and paddings, and the one formula by which a window shrinks a grid.

A shape is channels x height x width of one sample (NCHW without the N); a vector has no grid.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grid(NamedTuple):
    """Height and width, in positions."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


class Shape(NamedTuple):
    """Channels and, unless it is a vector, the grid they stand on."""

    channels: int
    grid: Grid | None = None

    @property
    def height(self) -> int:
        """Rows; a vector has one."""
        return self.grid.height if self.grid else 1

    @property
    def width(self) -> int:
        """Columns; a vector has one."""
        return self.grid.width if self.grid else 1

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        return (
            f"{int(self.channels)}"
            if self.grid is None
            else f"{int(self.channels)} x {self.height} x {self.width}"
        )


class Window(NamedTuple):
    """A pair of whole numbers, height first: a kernel, a stride, a dilation. `1x7` is one row high."""

    height: int
    width: int

    @property
    def is_square(self) -> bool:
        """Whether both sides are equal."""
        return self.height == self.width

    @property
    def is_one(self) -> bool:
        """Whether the window is a single position."""
        return self.height == 1 and self.width == 1

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


class PaddingMode(StrEnum):
    """How a step's padding was asked for."""

    VALID = "valid"
    SAME = "same"
    SAME_TF = "same_tf"
    AMOUNTS = "amounts"


class Padding(NamedTuple):
    """A padding as written; `amounts` (top, bottom, left, right) counts for the mode AMOUNTS alone."""

    mode: PaddingMode
    amounts: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __str__(self) -> str:
        if self.mode is not PaddingMode.AMOUNTS:
            return str(self.mode)
        top, bottom, left, right = self.amounts
        return str(top) if top == bottom == left == right else f"[{top}, {bottom}, {left}, {right}]"


VALID = Padding(PaddingMode.VALID)
SAME = Padding(PaddingMode.SAME)


class Slide(NamedTuple):
    """A window that slides over one dimension.

    The number of positions, after Dumoulin & Visin, "A guide to convolution arithmetic" (2016):

        out = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1

    With `ceil`, the division rounds up, and a last window that would start in the padding behind the
    input is dropped (as PyTorch does).
    """

    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def reach(self) -> int:
        """Positions from the window's first to its last, both counted."""
        return self.dilation * (self.kernel - 1) + 1

    def over(self, size: int) -> int:
        """Positions of the window over `size`; 0 or less where it does not fit."""
        room = size + self.before + self.after - self.reach
        if not self.ceil:
            return room // self.stride + 1
        count = -(-room // self.stride) + 1
        return count - 1 if (count - 1) * self.stride >= size + self.before else count

    def unread(self, size: int) -> int:
        """How many of the last input positions no window covers (padding is not counted).

        A window shorter than its stride skips positions by design; then it is 0.
        """
        if self.reach < self.stride:
            return 0
        last = (self.over(size) - 1) * self.stride + self.reach - self.before
        return max(0, size - last)

    def derivation(self, size: int) -> str:
        """The formula with this slide's numbers, `(35 - 3) // 2 + 1`; `35` where it keeps the size."""
        if self.over(size) == size and self.stride == 1:
            return str(size)
        padding = self.before + self.after
        room = f"{size} + {padding} - {self.reach}" if padding else f"{size} - {self.reach}"
        if self.stride == 1:
            return f"{room} + 1"
        return (
            f"ceil(({room}) / {self.stride}) + 1" if self.ceil else f"({room}) // {self.stride} + 1"
        )


def same_amounts(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """Padding before and after that keeps a size at stride 1: (k - 1) / 2 on both sides for odd kernels."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def same_tf_amounts(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's `SAME`: out = ceil(size / stride), the odd row of padding goes behind."""
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2
