"""What a random spec means, worked out without the compiler: a second opinion on its every shape.

The walk follows the language page; what an op does to a value is left to an engine. `Shapes` counts
window positions one by one and knows no closed formula; `tensors.py` runs torch's own functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tools.fuzzing.plan import Block, Expression, Network, Param, Step

Pair = tuple[int, int]
Value = TypeVar("Value")

DEFAULTS: dict[str, dict[str, Any]] = {
    "conv": {"stride": 1, "dilation": 1, "groups": 1, "bias": True, "norm": "none", "act": "none"},
    "max_pool": {"ceil": False},
    "avg_pool": {"ceil": False, "count_include_pad": False},
    "linear": {"bias": True},
    "residual": {"scale": 1.0, "act": "none"},
}
JOINS = ("concat", "residual", "add", "multiply")
NORM = {"eps": 1e-5, "momentum": 0.1, "affine": True}


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


class Fault(Exception):
    """The first step that cannot be."""

    def __init__(self, step: Step, reason: str, odd: tuple[int, ...] = ()) -> None:
        super().__init__(reason)
        self.step = step
        self.odd = odd


class Engine(Protocol[Value]):
    """What ops do to values; `path` is where their weights are."""

    def shape(self, x: Value) -> Shape:
        """The value's shape."""

    def op(self, name: str, settings: Mapping[str, Any], x: Value, path: str) -> Value:
        """A plain op. Raises Refused."""

    def join(self, name: str, settings: Mapping[str, Any], values: list[Value]) -> Value:
        """A join. Raises Refused."""


@dataclass
class Frame(Generic[Value]):
    """A use of a block: what its names mean, and the values that `from` can name."""

    values: dict[str, Any]
    sight: dict[str, Value]


class Numbering:
    """The default names of one list of steps: `conv`, `conv_2`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def take(self, base: str) -> str:
        """The next name."""
        self._counts[base] += 1
        count = self._counts[base]
        return base if count == 1 else f"{base}_{count}"


def measures(owner: str, shape: Shape) -> dict[str, Any]:
    """`in.channels`, `in.grid`, `in.height`, `in.width`."""
    height, width = shape.sides
    grid: Any = height if height == width else (height, width)
    return {
        f"{owner}.channels": shape.channels,
        f"{owner}.grid": grid,
        f"{owner}.height": height,
        f"{owner}.width": width,
    }


def _typed(value: Any, param: Param) -> Any:  # noqa: ANN401  # an argument
    """The value of a param: a kernel is no number, also where it is square."""
    if param.kind == "kernel":
        return "x".join(map(str, pair(value)))
    return float(value) if param.kind == "float" else value


def evaluated(value: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  # any setting
    """A setting with its expressions worked out."""
    match value:
        case Expression():
            return value.of(values)
        case list() | tuple():
            return [evaluated(part, values) for part in value]
        case dict():
            return {key: evaluated(part, values) for key, part in value.items()}
    return value


class Walk(Generic[Value]):
    """Walks a spec from its input; `trace` has each step's path with the shape it makes."""

    def __init__(self, network: Network, engine: Engine[Value]) -> None:
        self._network = network
        self._engine = engine
        self.trace: list[tuple[str, Shape]] = []
        self.heads: dict[str, Value] = {}

    def network(self, x: Value, arguments: Mapping[str, Any]) -> Value:
        """The network's output; its heads are then in `heads`. Raises Fault."""
        network = self._network
        frame = self.frame(network.params, (), (x,), arguments)
        scope = Numbering()
        out = self.steps(network.body, x, frame, "", scope)
        for name, head in network.heads.items():
            if head.reads not in frame.sight:  # an instance of a repeat that has fewer now
                raise Fault(Step("outputs"), f"`{head.reads}` is not there")
            start = frame.sight[head.reads]
            self.heads[name] = self.steps(head.body, start, frame, name, Numbering())
        return out

    def frame(
        self,
        params: Mapping[str, Param],
        ports: tuple[str, ...],
        inputs: tuple[Value, ...],
        arguments: Mapping[str, Any],
    ) -> Frame[Value]:
        """What names mean inside a block."""
        values: dict[str, Any] = {}
        sight = {"in": inputs[0]}
        owners = [f"in.{port}" for port in ports] or ["in"]
        for owner, x in zip(owners, inputs, strict=True):
            values |= measures(owner, self._engine.shape(x))
            sight[owner] = x
        for name, param in params.items():
            given = arguments.get(name, evaluated(param.default, values))
            values[name] = _typed(given, param)
            low, high = param.bounds or (values[name], values[name])
            if param.bounds and not low <= values[name] <= high:
                raise Refused(f"{name} is out of its bounds")
        return Frame(values, sight)

    def steps(
        self, steps: list[Step], x: Value, frame: Frame[Value], path: str, scope: Numbering
    ) -> Value:
        """A list of steps, one behind the other."""
        for step in steps:
            x = self.step(step, x, frame, path, scope)
        return x

    def step(self, step: Step, x: Value, frame: Frame[Value], path: str, scope: Numbering) -> Value:
        """One step; what it makes is then in sight under its `id`. Raises Fault."""
        try:
            return self._step(step, x, frame, path, scope)
        except ZeroDivisionError:
            raise Fault(step, "a division by zero") from None
        except Refused as refusal:
            raise Fault(step, str(refusal)) from None
        except KeyError as missing:
            raise Fault(step, f"nothing is called {missing}") from None

    def _step(
        self, step: Step, x: Value, frame: Frame[Value], path: str, scope: Numbering
    ) -> Value:
        inputs = [frame.sight[name] for name in step.reads] or [x]
        values = {**frame.values, **measures("here", self._engine.shape(inputs[0]))}
        is_join = step.op in JOINS
        segment = step.id or ("" if is_join else scope.take(step.op))
        here = joined(path, segment)
        if step.when is not None and not step.when.of(values):
            out = inputs[0]
            if is_join and step.branches:  # its steps keep their names
                self._skip(step, scope)
        elif step.repeat is not None:
            out = self._repeat(step, inputs[0], values, frame, here)
        elif is_join:
            inner = Numbering() if step.id else scope
            out = self._join(step, inputs, values, frame, joined(path, step.id), inner)
        else:
            out = self._call(step, inputs, values, here, frame)
        if not is_join:
            self.trace.append((here, self._engine.shape(out)))
        if step.id:
            frame.sight[step.id] = out
        for name, expected in step.expect.items():
            found = measures("", self._engine.shape(out))[f".{name}"]
            if found != evaluated(expected, values):
                raise Fault(step, f"{name} is {found}")
        return out

    def _skip(self, step: Step, scope: Numbering) -> None:
        if step.op == "residual" and not step.id:
            for inner in step.branches["body"]:
                if not inner.id and inner.op not in JOINS:
                    scope.take(inner.op)
                elif inner.op in JOINS:
                    self._skip(inner, scope)

    def _repeat(
        self, step: Step, x: Value, values: dict[str, Any], frame: Frame[Value], here: str
    ) -> Value:
        count = evaluated(step.repeat, values)
        if count < 0:
            raise Fault(step, "a negative repeat")
        for number in range(count):
            values = {**values, **measures("here", self._engine.shape(x)), "i": number}
            x = self._call(step, [x], values, f"{here}.{number}", frame)
            if step.id:
                frame.sight[f"{step.id}.{number}"] = x
        return x

    def _call(
        self,
        step: Step,
        inputs: list[Value],
        values: dict[str, Any],
        here: str,
        frame: Frame[Value],
    ) -> Value:
        block = self._network.blocks.get(step.op)
        if block is not None:
            return self._block(step, block, tuple(inputs), values, here, frame)
        settings = self._settings(step, values)
        try:
            return self._engine.op(step.op, settings, inputs[0], here)
        except Refused as refusal:
            raise Fault(step, str(refusal)) from None

    def _settings(self, step: Step, values: dict[str, Any]) -> dict[str, Any]:
        written = {**self._network.defaults.get(step.op, {}), **step.settings}
        return {**DEFAULTS.get(step.op, {}), **evaluated(written, values)}

    def _block(
        self,
        step: Step,
        block: Block,
        inputs: tuple[Value, ...],
        values: dict[str, Any],
        here: str,
        frame: Frame[Value],
    ) -> Value:
        settings = dict(step.settings)
        variant = block.variants.get(settings.pop("variant", ""), {})
        arguments = evaluated({**variant, **settings}, values)
        inner = self.frame(block.params, block.inputs, inputs, arguments)
        if not all(requirement.of(inner.values) for requirement in block.require):
            raise Fault(step, f"{block.name} requires otherwise")
        out = self.steps(block.body, inputs[0], inner, here, Numbering())
        for port, name in block.outputs.items():
            frame.sight[f"{step.id}.{port}"] = inner.sight[name]
        return out

    def _join(
        self,
        step: Step,
        inputs: list[Value],
        values: dict[str, Any],
        frame: Frame[Value],
        path: str,
        scope: Numbering,
    ) -> Value:
        ends = inputs
        if step.branches:
            ends = [
                self._branch(step, name, branch, inputs[0], frame, path, scope)
                for name, branch in step.branches.items()
            ]
        if step.op == "residual" and list(step.branches) != ["shortcut", "body"]:
            by_name = dict(zip(step.branches, ends, strict=True))
            ends = [by_name.get("shortcut", inputs[0]), by_name["body"]]
        try:
            return self._engine.join(step.op, self._settings(step, values), ends)
        except Refused as refusal:
            raise Fault(step, str(refusal), refusal.odd) from None

    def _branch(
        self,
        step: Step,
        name: str,
        branch: list[Step],
        x: Value,
        frame: Frame[Value],
        path: str,
        scope: Numbering,
    ) -> Value:
        inner = Frame(frame.values, dict(frame.sight))
        if step.op == "residual" and name == "body":
            return self.steps(branch, x, inner, path, scope)
        return self.steps(branch, x, inner, joined(path, name), Numbering())


def joined(path: str, segment: str) -> str:
    """A path with a segment behind it."""
    return f"{path}.{segment}" if path and segment else path or segment


# --- shapes --------------------------------------------------------------------------------------


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
        case int(every):
            return (every, every), (every, every)
        case [int(high), int(wide)]:
            return (high, high), (wide, wide)
        case [top, bottom, left, right]:
            return (top, bottom), (left, right)
    raise AssertionError(settings["padding"])


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
            case "norm":
                if x.grid is None:
                    raise Refused("a norm needs a grid")
                self._norm(settings["kind"], x.channels, path)
                return x
            case "global_avg_pool":
                if x.grid is None:
                    raise Refused("a pool needs a grid")
                return Shape(x.channels, None)
            case "flatten":
                return Shape(x.size, None)
            case "act" | "dropout" | "identity":
                return x
        raise AssertionError(name)

    def _weight(self, path: str, *shape: int) -> None:
        assert path not in self.weights or not path
        self.weights[path] = shape

    def _norm(self, kind: Any, channels: int, path: str) -> None:  # noqa: ANN401  # any form of a norm
        if kind == "none":
            return
        if norm_settings(kind)["eps"] <= 0:
            raise Refused("an eps that is not above zero")
        if norm_settings(kind)["affine"]:
            self._weight(f"{path}.weight", channels)
            self._weight(f"{path}.bias", channels)

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
        self.macs += out.size * inner * prod(kernel)
        return out

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


def norm_settings(kind: Any) -> dict[str, Any]:  # noqa: ANN401  # any form of a norm
    """All settings of `batch` or `{batch: {...}}`."""
    return {**NORM, **(kind["batch"] if isinstance(kind, dict) else {})}


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


@dataclass
class Meaning:
    """What a spec means: its shapes, weights and multiply-adds."""

    output: Shape
    heads: dict[str, Shape]
    trace: list[tuple[str, Shape]]
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    macs: int = 0


def meaning(network: Network, arguments: Mapping[str, Any] | None = None) -> Meaning:
    """What the network means with its params set to `arguments`. Raises Fault."""
    shapes = Shapes()
    walk = Walk(network, shapes)
    channels, *sides = network.input
    out = walk.network(Shape(channels, (sides[0], sides[1])), arguments or {})
    return Meaning(out, walk.heads, walk.trace, shapes.weights, shapes.macs)
