"""What a random spec means, worked out without the compiler: a second opinion on its every shape.

The walk follows the language page; what an op does to a value is left to an engine: `shapes.py` counts
window positions, `tensors.py` runs torch's own functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from tools.fuzzing.plan import Block, Expression, Network, Param, Step
from tools.fuzzing.shapes import Refused, Shape, Shapes, pair

Value = TypeVar("Value")

DEFAULTS: dict[str, dict[str, Any]] = {
    "conv": {"stride": 1, "dilation": 1, "groups": 1, "bias": True, "norm": "none", "act": "none"},
    "max_pool": {"ceil": False},
    "avg_pool": {"ceil": False, "count_include_pad": False},
    "linear": {"bias": True},
    "residual": {"scale": 1.0, "act": "none"},
    "conv_transpose": {
        "stride": 1,
        "dilation": 1,
        "groups": 1,
        "extra": 0,
        "bias": True,
        "norm": "none",
        "act": "none",
    },
    "lrn": {"alpha": 1e-4, "beta": 0.75, "k": 1.0},
    "scale": {"learned": False},
    "pad": {"mode": "zeros"},
    "upsample": {"mode": "nearest", "align_corners": False},
}
JOINS = ("concat", "residual", "add", "multiply")


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

    def parts(self, settings: Mapping[str, Any], x: Value) -> dict[str, Value]:
        """The parts of a split."""

    def join(self, name: str, settings: Mapping[str, Any], values: list[Value]) -> Value:
        """A join. Raises Refused."""


@dataclass(frozen=True)
class Parted(Generic[Value]):
    """What is behind a split: nothing but a join of its parts can read it."""

    whole: Value
    parts: dict[str, Value]


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
        sight = {"in": inputs[0]} if len(ports) < 2 else {}
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
        last: Value | Parted[Value] = x
        for step in steps:
            last = self.step(step, last, frame, path, scope)
        if isinstance(last, Parted):
            raise Fault(steps[-1], "a list ends in parts")
        return last

    def step(
        self,
        step: Step,
        x: Value | Parted[Value],
        frame: Frame[Value],
        path: str,
        scope: Numbering,
    ) -> Value | Parted[Value]:
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
        self,
        step: Step,
        x: Value | Parted[Value],
        frame: Frame[Value],
        path: str,
        scope: Numbering,
    ) -> Value | Parted[Value]:
        is_join = step.op in JOINS
        starts = parts_for(step, x) if isinstance(x, Parted) and not step.reads else {}
        x = x.whole if isinstance(x, Parted) else x
        inputs = [frame.sight[name] for name in step.reads] or [x]
        values = {**frame.values, **measures("here", self._engine.shape(inputs[0]))}
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
            out = self._join(step, inputs, starts, values, frame, joined(path, step.id), inner)
        else:
            out = self._call(step, inputs, values, here, frame)
        if not is_join:
            self.trace.append((here, self._engine.shape(out)))
        if step.id and step.op != "split":
            frame.sight[step.id] = out
        for name, expected in step.expect.items():
            found = measures("", self._engine.shape(out))[f".{name}"]
            if found != evaluated(expected, values):
                raise Fault(step, f"{name} is {found}")
        return self._parted(step, segment, out, values, frame) if step.op == "split" else out

    def _parted(
        self, step: Step, name: str, x: Value, values: dict[str, Any], frame: Frame[Value]
    ) -> Parted[Value]:
        parts = self._engine.parts(self._settings(step, values), x)
        frame.sight |= {f"{name}.{part}": value for part, value in parts.items()}
        return Parted(x, parts)

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
        starts: Mapping[str, Value],
        values: dict[str, Any],
        frame: Frame[Value],
        path: str,
        scope: Numbering,
    ) -> Value:
        ends = inputs
        if step.branches:
            ends = [
                self._branch(step, name, branch, starts.get(name, inputs[0]), frame, path, scope)
                for name, branch in step.branches.items()
            ]
        if step.op == "residual" and list(step.branches) != ["shortcut", "body"]:
            by_name = dict(zip(step.branches, ends, strict=True))
            shortcut = starts.get("shortcut", inputs[0])
            ends = [by_name.get("shortcut", shortcut), by_name["body"]]
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


def parts_for(step: Step, x: Parted[Value]) -> dict[str, Value]:
    """What the branches of a join begin with behind a split. Raises Fault for what is no such join."""
    if step.op not in JOINS or not step.branches:
        raise Fault(step, "parts are no single value")
    return {name: x.parts[name] for name in branches_of(step)}


def branches_of(step: Step) -> list[str]:
    """The branches of a join, also the one that a residual need not write."""
    unwritten = ["shortcut"] if step.op == "residual" and "shortcut" not in step.branches else []
    return [*step.branches, *unwritten]


def joined(path: str, segment: str) -> str:
    """A path with a segment behind it."""
    return f"{path}.{segment}" if path and segment else path or segment


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
