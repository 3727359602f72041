"""What a random spec makes, by counting: the engine of shapes, weights and multiply-adds.

Window positions are counted one by one; no closed formula is known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

Pair = tuple[int, int]
NORMS: dict[str, dict[str, Any]] = {
    "batch": {"eps": 1e-5, "momentum": 0.1, "affine": True},
    "layer": {"eps": 1e-5, "affine": True},
    "group": {"groups": 32, "eps": 1e-5, "affine": True},
}


class Shape(NamedTuple):
    """Channels and, unless it is a vector, height and width."""

    channels: int
    grid: Pair | None

    @property
    def sides(self) -> Pair:
        """Height and width; a vector stands on one position."""
        return self.grid or (1, 1)

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.channels * prod(self.sides)


class Refused(Exception):
    """An op cannot take this input; `odd` are the branches that differ from a clear majority."""

    def __init__(self, reason: str, odd: tuple[int, ...] = ()) -> None:
        super().__init__(reason)
        self.odd = odd


def pair(value: Any) -> Pair:  # noqa: ANN401  # a kernel in any of its forms
    """`3`, `1x7` or a pair, as height and width."""
    if isinstance(value, str):
        height, width = value.split("x")
        return int(height), int(width)
    if isinstance(value, int):
        return value, value
    height, width = value
    return height, width


def amounts(settings: Mapping[str, Any], sides: Pair) -> tuple[Pair, Pair]:
    """Rows before and behind, columns before and behind. Raises Refused."""
    kernel, stride = pair(settings["kernel"]), pair(settings["stride"])
    dilation = pair(settings.get("dilation", 1))
    match settings["padding"]:
        case "valid":
            return (0, 0), (0, 0)
        case "same":
            if any(k > 1 and (s > 1 or k % 2 == 0) for k, s in zip(kernel, stride, strict=True)):
                raise Refused("`same` means different things to different libraries here")
            half = [(k - 1) * d // 2 for k, d in zip(kernel, dilation, strict=True)]
            return (half[0], half[0]), (half[1], half[1])
        case {"same": "tf"}:
            each = zip(sides, kernel, stride, dilation, strict=True)
            least = [_tensorflow(*dimension) for dimension in each]
            return least[0], least[1]
    return around(settings["padding"])


def _tensorflow(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """The least padding that gives ceil(size / stride) positions, the odd row behind."""
    wanted = len(range(0, size, stride))
    total = 0
    while positions(size, kernel, stride, (0, total), dilation) < wanted:
        total += 1
    return total // 2, total - total // 2


def positions(
    size: int, kernel: int, stride: int, padding: Pair, dilation: int = 1, *, ceil: bool = False
) -> int:
    """Windows counted one by one; with `ceil` also one that sticks out but starts before the far padding."""
    before, after = padding
    padded, reach, count, start = size + before + after, dilation * (kernel - 1) + 1, 0, 0
    while start + reach <= padded:
        count += 1
        start += stride
    covered = start - stride + reach if count else 0
    if ceil and covered < padded and start < size + before and (count or reach - padded < stride):
        count += 1
    return count


class Shapes:
    """The engine of shapes; `weights` has every learned tensor's shape, `macs` what they cost."""

    def __init__(self) -> None:
        self.weights: dict[str, tuple[int, ...]] = {}
        self.macs = 0

    def shape(self, x: Shape) -> Shape:
        """The value itself."""
        return x

    def op(self, name: str, settings: Mapping[str, Any], x: Shape, path: str) -> Shape:
        """The shape that an op makes."""
        match name:
            case "conv":
                return self._conv(settings, x, path)
            case "max_pool" | "avg_pool":
                return self._pool(settings, x)
            case "linear":
                return self._linear(settings, x, path)
            case "conv_transpose":
                return self._conv_transpose(settings, x, path)
            case "flatten":
                return Shape(x.size, None)
            case "global_avg_pool" | "lrn" | "channel_shuffle" | "pad" | "upsample":
                if x.grid is None:
                    raise Refused(f"{name} needs a grid")
                return self._on_grid(name, settings, x, x.grid)
        self._weights_of(name, settings, x, path)
        return x

    def _weights_of(self, name: str, settings: Mapping[str, Any], x: Shape, path: str) -> None:
        """Notes the weights of an op that keeps the shape of any value."""
        match name:
            case "norm":
                self._norm(settings["kind"], x.channels, path)
            case "act":
                self._act(settings["function"], x.channels, path)
            case "scale":
                if settings["learned"]:
                    self._weight(f"{path}.weight", x.channels)
            case "split":
                if sum(settings.values()) != x.channels or min(settings.values()) < 1:
                    raise Refused("the parts do not add up")
            case "dropout" | "stochastic_depth" | "identity" | "l2_normalize":
                return
            case _:
                raise AssertionError(name)

    def _on_grid(self, name: str, settings: Mapping[str, Any], x: Shape, grid: Pair) -> Shape:
        """An op without weights that needs a grid."""
        match name:
            case "global_avg_pool":
                return Shape(x.channels, None)
            case "channel_shuffle":
                if settings["groups"] < 1 or x.channels % settings["groups"]:
                    raise Refused("groups do not divide")
            case "lrn":
                if settings["size"] < 1:
                    raise Refused("neighbours fewer than one")
            case "pad":
                return _padded(settings, x.channels, grid)
            case "upsample":
                if settings["align_corners"] and settings["mode"] == "nearest":
                    raise Refused("corners say nothing of the nearest")
                height, width = pair(settings["factor"])
                return Shape(x.channels, (height * grid[0], width * grid[1]))
        return x

    def parts(self, settings: Mapping[str, Any], x: Shape) -> dict[str, Shape]:
        """The parts of a split."""
        return {name: Shape(channels, x.grid) for name, channels in settings.items()}

    def _weight(self, path: str, *shape: int) -> None:
        assert path not in self.weights or not path
        self.weights[path] = shape

    def _norm(self, kind: Any, channels: int, path: str) -> None:  # noqa: ANN401  # any form of a norm
        if kind == "none":
            return
        _, settings = norm_settings(kind)
        if settings["eps"] <= 0:
            raise Refused("an eps that is not above zero")
        if settings.get("groups", 1) < 1 or channels % settings.get("groups", 1):
            raise Refused("a norm's groups do not divide")
        if settings["affine"]:
            self._weight(f"{path}.weight", channels)
            self._weight(f"{path}.bias", channels)

    def _act(self, act: Any, channels: int, path: str) -> None:  # noqa: ANN401  # any form of an activation
        if is_prelu(act):
            self._weight(f"{path}.weight", channels)

    def _conv(self, settings: Mapping[str, Any], x: Shape, path: str) -> Shape:
        filters, groups = settings["filters"], settings["groups"]
        if min(filters, groups) < 1:
            raise Refused("less than one filter or group")
        if x.channels % groups or filters % groups:
            raise Refused("groups do not divide")
        out = Shape(filters, slid(settings, x.sides))
        kernel = pair(settings["kernel"])
        inner = x.channels // groups
        self._weight(f"{path}.weight", filters, inner, *kernel)
        if settings["bias"]:
            self._weight(f"{path}.bias", filters)
        self._norm(settings["norm"], filters, f"{path}.norm")
        self._act(settings["act"], filters, f"{path}.act")
        self.macs += out.size * inner * prod(kernel)
        return out

    def _conv_transpose(self, settings: Mapping[str, Any], x: Shape, path: str) -> Shape:
        filters, groups, extra = settings["filters"], settings["groups"], settings["extra"]
        kernel, stride = pair(settings["kernel"]), pair(settings["stride"])
        dilation = pair(settings["dilation"])
        if min(filters, groups, *kernel, *stride, *dilation) < 1 or extra < 0:
            raise Refused("a number below one")
        if x.channels % groups or filters % groups:
            raise Refused("groups do not divide")
        if any(extra >= s and extra >= d for s, d in zip(stride, dilation, strict=True)):
            raise Refused("more than the next window would leave")
        cut = (0, 0), (0, 0)
        if settings["padding"] != "valid":
            cut = around(settings["padding"])
        if any(before != after or before < 0 for before, after in cut):
            raise Refused("both ends are cut alike")
        each = zip(x.sides, kernel, stride, dilation, cut, strict=True)
        height, width = (laid(*side) + extra for side in each)
        if min(height, width) < 1:
            raise Refused("nothing is left")
        self._weight(f"{path}.weight", x.channels, filters // groups, *kernel)
        if settings["bias"]:
            self._weight(f"{path}.bias", filters)
        self._norm(settings["norm"], filters, f"{path}.norm")
        self._act(settings["act"], filters, f"{path}.act")
        self.macs += x.size * (filters // groups) * prod(kernel)
        return Shape(filters, (height, width))

    def _pool(self, settings: Mapping[str, Any], x: Shape) -> Shape:
        if x.grid is None:
            raise Refused("a pool needs a grid")
        out = slid(settings, x.sides)
        if isinstance(settings["padding"], dict):
            raise Refused("pools pad alike on all sides")
        each = zip(amounts(settings, x.sides), pair(settings["kernel"]), strict=True)
        for (before, after), kernel in each:
            if before != after or before > kernel // 2:
                raise Refused("pools pad both sides alike, by half the kernel at most")
        return Shape(x.channels, out)

    def _linear(self, settings: Mapping[str, Any], x: Shape, path: str) -> Shape:
        features = settings["features"]
        if features < 1:
            raise Refused("less than one feature")
        self._weight(f"{path}.weight", features, x.channels)
        if settings["bias"]:
            self._weight(f"{path}.bias", features)
        self.macs += features * x.size
        return Shape(features, x.grid)

    def join(self, name: str, settings: Mapping[str, Any], values: list[Shape]) -> Shape:
        """The shape that a join makes."""
        if name == "residual" and is_prelu(settings["act"]):
            raise Refused("a sum has no weights")
        full = max(values, key=lambda s: (prod(s.sides), s.grid is not None)).grid
        seen = [
            Shape(s.channels, full) if name == "multiply" and s.sides == (1, 1) else s
            for s in values
        ]
        if name == "concat":
            _agree([s.grid for s in seen])
            return Shape(sum(s.channels for s in seen), full)
        _agree([s.grid for s in seen])
        _agree([s.channels for s in seen])
        return seen[0]


def norm_settings(kind: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401  # any form of a norm
    """The name and all settings of `batch` or `{batch: {...}}`."""
    ((name, written),) = kind.items() if isinstance(kind, dict) else [(kind, {})]
    return name, {**NORMS[name], **written}


def is_prelu(act: Any) -> bool:  # noqa: ANN401  # any form of an activation
    """Whether an activation has weights."""
    return act == "prelu" or (isinstance(act, dict) and "prelu" in act)


def laid(size: int, kernel: int, stride: int, dilation: int, cut: Pair) -> int:
    """The rows on which the kernels of so many positions come to lie, less what is cut off.

    The last row of the last kernel: going through all of them takes minutes where a grid is huge.
    """
    return (size - 1) * stride + (kernel - 1) * dilation + 1 - sum(cut)


def around(padding: Any) -> tuple[Pair, Pair]:  # noqa: ANN401  # a padding by its numbers
    """Rows before and behind, columns before and behind. Raises Refused for words."""
    match padding:
        case int(every):
            return (every, every), (every, every)
        case [int(high), int(wide)]:
            return (high, high), (wide, wide)
        case [top, bottom, left, right]:
            return (top, bottom), (left, right)
    raise Refused(f"{padding} is no number of rows")


def slid(settings: Mapping[str, Any], sides: Pair) -> Pair:
    """The grid that a window makes. Raises Refused."""
    kernel, stride = pair(settings["kernel"]), pair(settings["stride"])
    dilation, ceil = pair(settings.get("dilation", 1)), settings.get("ceil", False)
    if min(*kernel, *stride, *dilation) < 1:
        raise Refused("a window, stride or dilation below one")
    padding = amounts(settings, sides)
    if min(*padding[0], *padding[1]) < 0:
        raise Refused("a padding below zero")
    each = zip(sides, kernel, stride, padding, dilation, strict=True)
    height, width = (positions(*dimension, ceil=ceil) for dimension in each)
    if min(height, width) < 1:
        raise Refused("the window does not fit")
    return height, width


def _agree(parts: list[Any]) -> None:
    counts = Counter(parts)
    if len(counts) == 1:
        return
    (most, times), (_, second) = counts.most_common(2)
    clear = len(parts) > 2 and times > second
    odd = tuple(i for i, part in enumerate(parts) if part != most) if clear else ()
    raise Refused(f"{' and '.join(map(str, counts))} disagree", odd)


def _padded(settings: Mapping[str, Any], channels: int, grid: Pair) -> Shape:
    (top, bottom), (left, right) = around(settings["amount"])
    if min(top, bottom, left, right) < 0:
        raise Refused("a padding below zero")
    is_small = max(top, bottom) >= grid[0] or max(left, right) >= grid[1]
    if settings["mode"] == "reflect" and is_small:
        raise Refused("a mirror image larger than the grid")
    return Shape(channels, (top + grid[0] + bottom, left + grid[1] + right))
