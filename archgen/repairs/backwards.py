"""The shape rule of a window, solved for its input and for each of its settings.

With t the padding of both sides together, r the window's reach, s its stride, and e = s - 1 where the
division rounds up (`ceil`) and 0 elsewhere:

    out = (n + t - r + e) // s + 1

so `out` lies in [a, b] exactly where

    n + t - r + e   lies in   [(a - 1) * s, b * s - 1]

which is linear in n, in t and in r. TensorFlow's `same` is out = ceil(n / s) whatever the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.ir.op import Op, ShapeError
from archgen.ir.shape import Grid, Padding, PaddingMode, Shape, Slide, Window, same_amounts
from archgen.ops.settings import settings_of
from archgen.ops.window import ONE, Sliding

ENDLESS = 10**9
MAX_KERNEL = 11


class Interval(NamedTuple):
    """Whole numbers from `first` to `last`, both counted; empty where `last` is smaller."""

    first: int
    last: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    def meets(self, other: Interval) -> Interval:
        """The numbers in both."""
        return Interval(max(self.first, other.first), min(self.last, other.last))

    def nearest(self, number: int, step: int = 1) -> int | None:
        """The number in it that is nearest to `number`, at a whole count of `step`s from it."""
        if number < self.first:
            number += -(-(self.first - number) // step) * step
        elif number > self.last:
            number -= -(-(number - self.last) // step) * step
        return number if number in self else None


class Wanted(NamedTuple):
    """The heights and widths that a value may have."""

    rows: Interval
    columns: Interval

    @classmethod
    def exactly(cls, grid: Grid) -> Wanted:
        """This grid and no other."""
        return cls(Interval(grid.height, grid.height), Interval(grid.width, grid.width))

    def admits(self, grid: Grid | None) -> bool:
        """Whether a value of this grid will do."""
        return grid is not None and grid.height in self.rows and grid.width in self.columns


SOME = Wanted(Interval(1, ENDLESS), Interval(1, ENDLESS))


class Edited(NamedTuple):
    """One setting of an op changed: the text to write, how many numbers differ, and by how much."""

    setting: str
    text: str
    changes: int
    distance: int


def sliding_of(op: Op | None) -> Sliding | None:
    """The window of an op that has one."""
    if op is None or not {"kernel", "stride", "padding"} <= settings_of(type(op)).keys():
        return None
    dilation, ceil = getattr(op, "dilation", ONE), getattr(op, "ceil", False)
    kernel, stride, padding = (getattr(op, name) for name in ("kernel", "stride", "padding"))
    return Sliding(kernel, stride, padding, dilation, ceil)


def inputs_for(window: Sliding, x: Grid, wanted: Wanted) -> Wanted | None:
    """The inputs that the window takes to what is wanted; None where there are none."""
    slides = _slides(window, x)
    if slides is None:
        return None
    sides = [
        _inputs_along(slide, interval, is_tf=window.padding.mode is PaddingMode.SAME_TF)
        for slide, interval in zip(slides, wanted, strict=True)
    ]
    found = Wanted(*(side.meets(Interval(1, ENDLESS)) for side in sides))
    return found if all(side.first <= side.last for side in found) else None


def _inputs_along(slide: Slide, out: Interval, *, is_tf: bool) -> Interval:
    if is_tf:
        return Interval((out.first - 1) * slide.stride + 1, out.last * slide.stride)
    room = _room(slide, out)
    more = slide.before + slide.after - slide.reach + _rounding(slide)
    return Interval(room.first - more, room.last - more)


def _room(slide: Slide, out: Interval) -> Interval:
    return Interval((out.first - 1) * slide.stride, out.last * slide.stride - 1)


def _rounding(slide: Slide) -> int:
    return slide.stride - 1 if slide.ceil else 0


def _slides(window: Sliding, x: Grid) -> tuple[Slide, Slide] | None:
    """The slides of the window; of one with an ambiguous `same`, none."""
    try:
        return window.slides(x)
    except ShapeError:
        return None


def edits_for(op: Op, x: Grid, wanted: Wanted) -> Iterator[Edited]:
    """Each setting of the op's window that alone brings `x` to what is wanted, with its nearest value."""
    window = sliding_of(op)
    if window is None or (slides := _slides(window, x)) is None:
        return
    for edited in (
        _paddings(window, x, slides, wanted),
        _strides(window, x, slides, wanted),
        _kernels(window, x, slides, wanted),
    ):
        yield from edited


def _paddings(
    window: Sliding, x: Grid, slides: tuple[Slide, Slide], wanted: Wanted
) -> Iterator[Edited]:
    amounts = [
        _amount(slide, size, out) for slide, size, out in zip(slides, x, wanted, strict=True)
    ]
    height, width = amounts
    if height is not None and width is not None:
        text = _spelt(window, height, width)
        distance = abs(height - slides[0].before) + abs(width - slides[1].before)
        yield Edited("padding", text, 1 + text.count(","), distance)
        return
    behind = window._replace(padding=Padding(PaddingMode.SAME_TF))
    if wanted.admits(_over(behind, x)):
        yield Edited("padding", "{same: tf}", 1, 1)


def _amount(slide: Slide, size: int, out: Interval) -> int | None:
    """The padding on each side, nearest to the written one: as 2p = t lies between the ends of t."""
    room = _room(slide, out)
    more = size - slide.reach + _rounding(slide)
    ends = Interval(-(-(room.first - more) // 2), (room.last - more) // 2)
    return ends.meets(Interval(0, slide.reach - 1)).nearest(slide.before)


def _spelt(window: Sliding, height: int, width: int) -> str:
    """A padding as one would write it: a word where one says the same."""
    kernel, dilation = window.kernel, window.dilation
    if (height, width) == (0, 0):
        return "valid"
    same = [
        same_amounts(k, d)
        for k, d in ((kernel.height, dilation.height), (kernel.width, dilation.width))
    ]
    is_plain = window.stride.is_one and all(before == after for before, after in same)
    if is_plain and same == [(height, height), (width, width)]:
        return "same"
    return str(height) if height == width else f"[{height}, {width}]"


def _strides(
    window: Sliding, x: Grid, slides: tuple[Slide, Slide], wanted: Wanted
) -> Iterator[Edited]:
    sides = [
        _strides_along(window, slide, size, out)
        for slide, size, out in zip(slides, x, wanted, strict=True)
    ]
    yield from _windows("stride", window.stride, sides, 1)


def _strides_along(window: Sliding, slide: Slide, size: int, out: Interval) -> Interval:
    """S with room // s + 1 in [a, b]: room // b < s <= room // (a - 1); ceil(n / s) likewise."""
    if window.padding.mode is PaddingMode.SAME_TF or slide.ceil:
        first = -(-size // out.last)
        last = (size - 1) // (out.first - 1) if out.first > 1 else ENDLESS
        found = Interval(first, last)
    else:
        room = size + slide.before + slide.after - slide.reach
        last = room // (out.first - 1) if out.first > 1 else ENDLESS
        found = Interval(room // out.last + 1, last)
    return found.meets(Interval(1, max(2, slide.reach, slide.stride)))


def _kernels(
    window: Sliding, x: Grid, slides: tuple[Slide, Slide], wanted: Wanted
) -> Iterator[Edited]:
    if window.padding.mode not in (PaddingMode.VALID, PaddingMode.AMOUNTS):
        return
    sides = [
        _kernels_along(slide, size, out) for slide, size, out in zip(slides, x, wanted, strict=True)
    ]
    yield from _windows("kernel", window.kernel, sides, 2)


def _kernels_along(slide: Slide, size: int, out: Interval) -> Interval:
    """K of a reach d * (k - 1) + 1 between the ends of r."""
    room = _room(slide, out)
    more = size + slide.before + slide.after + _rounding(slide)
    first, last = more - room.last, more - room.first
    found = Interval(-(-(first - 1) // slide.dilation) + 1, (last - 1) // slide.dilation + 1)
    return found.meets(Interval(1, max(MAX_KERNEL, slide.kernel)))


def _windows(setting: str, old: Window, sides: list[Interval], step: int) -> Iterator[Edited]:
    """The window nearest to the `old` one with its sides in `sides`; a square one stays square."""
    rows, columns = sides
    if old.is_square:
        both = rows.meets(columns).nearest(old.height, step)
        if both is not None:
            yield Edited(setting, str(both), 1, abs(both - old.height))
        return
    height, width = rows.nearest(old.height, step), columns.nearest(old.width, step)
    if height is None or width is None:
        return
    text = str(height) if height == width else f"{height}x{width}"
    changes = [abs(height - old.height), abs(width - old.width)]
    yield Edited(setting, text, sum(map(bool, changes)), sum(changes))


def _over(window: Sliding, x: Grid) -> Grid | None:
    try:
        return window.over(Shape(1, x))
    except ShapeError:
        return None
