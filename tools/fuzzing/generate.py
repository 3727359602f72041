"""Random valid networks: drawn step by step, each held against the reference before it is kept.

After nnsmith (Liu et al., arXiv:2207.13066): what an op makes is known before it is written, so that
only legal settings are chosen, and those at the edge of what is legal as often as others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tools.fuzzing.generate_values import PARAM_NAMES, STEP_NAMES, Draw, named
from tools.fuzzing.plan import Block, Expression, Head, Network, Param, Step
from tools.fuzzing.reference import (
    DEFAULTS,
    JOINS,
    Fault,
    Frame,
    Numbering,
    Pair,
    Shape,
    Shapes,
    Walk,
    meaning,
    measures,
    positions,
)

MAX_CHANNELS, MAX_SIZE = 40, 4096
TRIES = 12
BARE = {"dropout": "rate", "norm": "kind", "act": "function"}


@dataclass
class Place:
    """Where steps are being written: what its names mean in the first use of the block, and the names taken.

    `names` are those of the list, `ids` all that `from` can name in the block.
    """

    frame: Frame[Shape]
    depth: int
    names: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)

    def inner(self) -> Place:
        """A branch: what it names is seen in it alone."""
        frame = Frame(self.frame.values, dict(self.frame.sight))
        return Place(frame, self.depth - 1, set(), self.ids)


def network(seed: int) -> Network:
    """The valid network of a seed."""
    return _Writer(Draw(Random(seed))).network()


class _Writer:
    """Writes one network; its walk tells what each step makes."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._made = Network("net", (1, 1, 1))
        self._walk = Walk(self._made, Shapes())
        self._block_names: set[str] = {*DEFAULTS, *JOINS, "act", "norm", "dropout", "identity"}
        self._block_names |= {
            "flatten",
            "global_avg_pool",
            "id",
            "repeat",
            "when",
            "note",
            "source",
        }

    def network(self) -> Network:
        draw, made = self._draw, self._made
        made.name = draw.name("net", ("Net", "torch", "Branch", "unit1", "Conv2d", "nn"), set())
        height = draw.whole(4, 13)
        width = height if draw.chance(0.6) else draw.whole(4, 13)
        made.input = (draw.whole(1, 6), height, width)
        made.params, arguments = self._params(with_defaults=True)
        self._set_defaults()
        x = Shape(made.input[0], (height, width))
        frame = self._walk.frame(made.params, (), (x,), arguments)
        place = Place(frame, 2)
        out = self._list(made.body, x, place, draw.whole(2, 6))
        self._tail(out, place)
        self._heads(place)
        self._expect()
        return made

    def _params(self, *, with_defaults: bool = False) -> tuple[dict[str, Param], dict[str, Any]]:
        params: dict[str, Param] = {}
        arguments: dict[str, Any] = {}
        taken: set[str] = set()
        for _ in range(self._draw.whole(0, 4)):
            name = self._draw.name("p", PARAM_NAMES, taken, odd=0.4)
            param, value = self._draw.param()
            if with_defaults:
                param = param._replace(default=value)
            elif self._draw.chance(0.3):
                param = param._replace(default=self._draw.value_of(param))
            params[name], arguments[name] = param, value
        return params, arguments

    def _set_defaults(self) -> None:
        draw = self._draw
        if draw.chance(0.5):
            conv = {"padding": draw.one(("same", "valid", 1)), "bias": draw.chance(0.5)}
            conv |= {"norm": draw.norm({}), "act": draw.act({})}
            self._made.defaults["conv"] = {k: v for k, v in conv.items() if draw.chance(0.7)}
        if draw.chance(0.3):
            pool = {"padding": draw.one(("valid", "same")), "ceil": draw.chance(0.5)}
            self._made.defaults["max_pool"] = pool
        if draw.chance(0.3):
            self._made.defaults["avg_pool"] = {"count_include_pad": True, "stride": 1}
        if draw.chance(0.2):
            self._made.defaults["linear"] = {"bias": False}

    # --- lists ------------------------------------------------------------------------------------

    def _list(self, steps: list[Step], x: Shape, place: Place, count: int) -> Shape:
        """Writes up to `count` steps behind each other."""
        for _ in range(count):
            x = self._grow(steps, x, place, self._candidate)
        return x

    def _grow(
        self,
        steps: list[Step],
        x: Shape,
        place: Place,
        candidate: Callable[[Shape, Place], Step],
        wanted: Callable[[Shape], bool] = lambda _: True,
    ) -> Shape:
        """One step more that makes something `wanted`, if one is found soon."""
        for _ in range(TRIES):
            seen, names, ids = dict(place.frame.sight), set(place.names), set(place.ids)
            step = candidate(x, place)
            out = self._kept(step, x, place)
            if out is not None and wanted(out):
                steps.append(step)
                return out
            place.frame.sight = seen
            place.names.clear()
            place.names |= names
            place.ids.clear()
            place.ids |= ids
        return x

    def _kept(self, step: Step, x: Shape, place: Place) -> Shape | None:
        """What the step makes; None where it cannot be, or makes too much."""
        try:
            walk = Walk(self._made, Shapes())
            out = walk.step(step, x, place.frame, "", Numbering())
        except Fault:
            return None
        fits = out.channels <= MAX_CHANNELS and out.size <= MAX_SIZE
        return out if fits else None

    def _candidate(self, x: Shape, place: Place) -> Step:
        draw = self._draw
        start, reads = self._start(x, place)
        values = {**place.frame.values, **measures("here", start)}
        kinds = ["conv"] * 6 + ["op"] * 5
        if place.depth > 0:
            kinds += ["join"] * 3 + ["block"] * 3 + ["gather"]
        match draw.one(kinds):
            case "conv":
                step = self._conv(values)
            case "op":
                step = self._op(start, values)
            case "join":
                step = self._join(start, place)
            case "gather":
                return self._gather(start, place)
            case _:
                step = self._block_step(start, place, values)
        step.reads = step.reads or reads
        return self._with_keys(step, place, values)

    def _start(self, x: Shape, place: Place) -> tuple[Shape, tuple[str, ...]]:
        """What the next step reads: the step before, or now and then one that has a name."""
        sight = [name for name in place.frame.sight if "." not in name or self._draw.chance(0.5)]
        if not self._draw.chance(0.12):
            return x, ()
        name = self._draw.one(sight)
        return place.frame.sight[name], (name,)

    def _with_keys(self, step: Step, place: Place, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        ports = step.op in self._made.blocks and self._made.blocks[step.op].outputs
        shortcut = "shortcut" in step.branches
        if ports or shortcut or draw.chance(0.35):
            step.id = self._id(place)
        elif step.op in self._made.blocks or step.op in JOINS:
            place.names |= set(step.branches) - {"body"}
        inputs = self._made.blocks[step.op].inputs if step.op in self._made.blocks else ()
        may_repeat = step.op not in JOINS and len(inputs) < 2 and not ports
        if may_repeat and draw.chance(0.2):
            self._repeated(step, values)
        elif draw.chance(0.1):
            step.when = draw.condition(values)
        if draw.chance(0.05):
            step.note = draw.one(('say "x"', 'a\nb """ c', "{braces} \\N{DASH} é", "`tick` \\"))
        return step

    def _id(self, place: Place) -> str:
        taken = place.names | place.ids
        name = self._draw.name("s", STEP_NAMES, taken)
        place.names.add(name)
        place.ids.add(name)
        return name

    def _repeated(self, step: Step, values: Mapping[str, Any]) -> None:
        """Repeats a step; its settings may then use `i`."""
        draw = self._draw
        step.repeat = draw.number(values, 0, 3)
        if step.op == "conv" and draw.chance(0.5):
            inner = {"i": 1, **{k: v for k, v in values.items() if draw.chance(0.5)}}
            step.settings["filters"] = draw.number(inner, 1, 9, written=1)

    # --- ops --------------------------------------------------------------------------------------

    def _conv(self, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        settings = {
            "filters": draw.number(values, 1, 8),
            "kernel": draw.window(values, (1, 1, 2, 3, 3, 4, 5)),
            "stride": draw.window(values, (1, 1, 1, 2, 3), odd=0.1),
            "padding": draw.padding(values),
            "dilation": draw.window(values, (1,) if draw.chance(0.7) else (1, 2), odd=0.1),
            "groups": 1,
            "bias": draw.flag(values),
            "norm": draw.norm(values),
            "act": draw.act(values),
        }
        if draw.chance(0.3):
            self._group(settings, values)
        return Step("conv", self._written("conv", settings))

    def _group(self, settings: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Depthwise, or as many groups as divide."""
        channels = values["here.channels"]
        if self._draw.chance(0.5):
            settings["groups"] = named("here.channels")
            settings["filters"] = self._draw.one(
                (
                    named("here.channels"),
                    Expression("2 * here.channels", lambda v: 2 * v["here.channels"]),
                )
            )
        else:
            settings["groups"] = self._draw.one([g for g in range(1, 7) if channels % g == 0])
            settings["filters"] = settings["groups"] * self._draw.whole(1, 3)

    def _op(self, x: Shape, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        kinds = ["act", "dropout", "identity", "linear"]
        if x.grid is not None:
            kinds += ["max_pool", "avg_pool", "max_pool", "avg_pool", "norm"]
            kinds += ["global_avg_pool", "flatten"] if draw.chance(0.3) else []
        match draw.one(kinds):
            case "act":
                return Step("act", {"function": draw.act(values)}, is_bare=True)
            case "dropout":
                rate = {"rate": draw.real(values, (0.0, 0.2, 0.5))}
                return Step("dropout", rate, is_bare=draw.chance(0.5))
            case "norm":
                return Step("norm", {"kind": draw.norm(values)}, is_bare=True)
            case "linear":
                features = draw.number(values, 1, 8)
                settings = {"features": features, "bias": draw.flag(values)}
                return Step("linear", self._written("linear", settings))
            case "max_pool" | "avg_pool" as name:
                return self._pool(name, values)
            case name:
                return Step(name, is_bare=draw.chance(0.8))

    def _pool(self, name: str, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        settings = {
            "kernel": draw.window(values, (1, 2, 3, 3, 4)),
            "stride": draw.window(values, (1, 1, 2, 3), odd=0.1),
            "padding": draw.padding(values, alike=True),
            "ceil": draw.flag(values),
        }
        if name == "avg_pool":
            settings["count_include_pad"] = draw.flag(values)
        return Step(name, self._written(name, settings))

    def _written(self, op: str, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings without some of those that the defaults say already."""
        defaults = {**DEFAULTS.get(op, {}), **self._made.defaults.get(op, {})}
        return {
            name: value
            for name, value in settings.items()
            if name not in defaults
            or isinstance(value, Expression)
            or value != defaults[name]
            or type(value) is not type(defaults[name])
            or self._draw.chance(0.3)
        }

    # --- joins ------------------------------------------------------------------------------------

    def _join(self, x: Shape, place: Place) -> Step:
        draw = self._draw
        op = draw.one(JOINS)
        step = Step(op)
        names = ["shortcut", "body"] if op == "residual" else self._branch_names(place)
        first: list[Step] = []
        goal = self._list(first, x, place.inner(), draw.whole(0, 2))
        if op == "residual" and goal == x and draw.chance(0.7):
            names, first = ["body"], []
        elif op == "residual":
            step.branches["shortcut"] = first
        else:
            step.branches[names[0]] = first
        for name in names[len(step.branches) :]:
            inner = (
                place.inner()
                if name != "body"
                else Place(
                    Frame(place.frame.values, dict(place.frame.sight)),
                    place.depth - 1,
                    place.names,
                    place.ids,
                )
            )
            step.branches[name] = self._matching(op, x, goal, inner)
        if op == "residual":
            values = {**place.frame.values, **measures("here", x)}
            settings = {"scale": draw.real(values, (1.0, 0.5, -0.25)), "act": draw.act(values)}
            step.settings = self._written("residual", settings)
        return step

    def _branch_names(self, place: Place) -> list[str]:
        taken = set(place.names) | place.ids | set(self._made.blocks)
        return [self._draw.name("b", STEP_NAMES, taken) for _ in range(self._draw.whole(2, 4))]

    def _matching(self, op: str, x: Shape, goal: Shape, place: Place) -> list[Step]:
        """A branch that ends on the goal's grid and, where values are added, on its channels."""
        steps: list[Step] = []
        if self._draw.chance(0.15) and (x == goal or (op == "concat" and x.grid == goal.grid)):
            return steps
        if op == "multiply" and goal.grid is not None and self._draw.chance(0.4):
            return self._gate(x, goal, place)
        x = self._list(steps, x, place, self._draw.whole(0, 1))
        if goal.grid is None and x.grid is not None:
            x = self._grow(steps, x, place, lambda *_: Step("global_avg_pool", is_bare=True))
        if op == "concat" and x.grid == goal.grid:
            return steps
        channels = None if op == "concat" else goal.channels
        self._grow(steps, x, place, lambda y, p: self._fitting(y, goal.grid, channels, p))
        return steps

    def _gate(self, x: Shape, goal: Shape, place: Place) -> list[Step]:
        steps = [] if x.grid is None else [Step("global_avg_pool", is_bare=True)]
        features = self._draw.that_is(place.frame.values, goal.channels)
        end = Step("linear", {"features": features})
        if self._draw.chance(0.5):
            end = Step("conv", {"filters": features, "kernel": 1, "padding": "valid"})
        return [*steps, end, Step("act", {"function": "sigmoid"}, is_bare=True)]

    def _fitting(self, x: Shape, grid: Pair | None, channels: int | None, place: Place) -> Step:
        """A step that leads from `x` to a grid, by settings of every kind."""
        draw, values = self._draw, {**place.frame.values, **measures("here", x)}
        count = draw.whole(1, 6) if channels is None else channels
        filters = draw.that_is(values, count)
        if grid is None:
            return Step("linear", {"features": filters})
        rows, columns = (self._dimension(*sides) for sides in zip(x.sides, grid, strict=True))
        (kh, sh, top, bottom), (kw, sw, left, right) = rows, columns
        step = self._conv(values)
        step.settings |= {
            "filters": filters,
            "kernel": f"{kh}x{kw}",
            "stride": f"{sh}x{sw}" if sh != sw else sh,
            "padding": [top, bottom, left, right],
        }
        for name in ("dilation", "groups"):
            step.settings.pop(name, None)
        if (kh, kw, sh, sw) == (1, 1, 1, 1) and x.grid == grid and draw.chance(0.5):
            step.settings |= {"kernel": draw.one((1, 3)), "padding": "same"}
        return step

    def _dimension(self, size: int, goal: int) -> tuple[int, int, int, int]:
        """Kernel, stride and padding that lead from one size to another; any that do."""
        found = [
            (kernel, stride, before, after)
            for kernel in range(1, 5)
            for stride in range(1, 4)
            for before in range(3)
            for after in range(3)
            if positions(size, kernel, stride, (before, after)) == goal
        ]
        return self._draw.one(found or [(1, 1, 0, 0)])

    def _gather(self, x: Shape, place: Place) -> Step:
        """A join of steps that have names."""
        sight = place.frame.sight
        op = self._draw.one(("concat", "add", "multiply"))
        goal = self._draw.one(list(sight))
        fitting = [
            name
            for name, shape in sight.items()
            if shape == sight[goal] or (op == "concat" and shape.grid == sight[goal].grid)
        ]
        count = self._draw.whole(2, 3)
        step = Step(op, reads=tuple(self._draw.one(fitting) for _ in range(count)), is_bare=True)
        if self._draw.chance(0.4):
            step.id = self._id(place)
        return step

    # --- blocks -----------------------------------------------------------------------------------

    def _block_step(self, x: Shape, place: Place, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        blocks = list(self._made.blocks.values())
        if blocks and draw.chance(0.55):
            block = draw.one(blocks)
            step = Step(block.name, self._arguments(block, values))
            if len(block.inputs) > 1:
                step.reads = tuple(draw.one(list(place.frame.sight)) for _ in block.inputs)
            return step
        return self._new_block(x, place, values)

    def _arguments(self, block: Block, values: Mapping[str, Any]) -> dict[str, Any]:
        draw = self._draw
        arguments: dict[str, Any] = {}
        if block.variants and draw.chance(0.6):
            arguments["variant"] = draw.one(list(block.variants))
        for name, param in block.params.items():
            is_open = param.default is None and "variant" not in arguments
            if is_open or draw.chance(0.5):
                arguments[name] = self._argument(param, values)
        return arguments

    def _argument(self, param: Param, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        draw = self._draw
        match param.kind:
            case "int":
                return draw.number(values, 1, 6)
            case "float":
                return draw.real(values, (0.1, 0.25, 0.5))
            case "bool":
                return draw.flag(values)
            case "kernel":
                return draw.window(values, (1, 2, 3))
        words = [n for n, v in values.items() if isinstance(v, str) and v in param.kind]
        return named(draw.one(words)) if words and draw.chance(0.3) else draw.one(param.kind)

    def _new_block(self, x: Shape, place: Place, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        name = draw.name("unit", ("Branch1", "torch_2", "n", "Net2", "conv2"), self._block_names)
        params, arguments = self._params()
        block = Block(name, params)
        reads: tuple[str, ...] = ()
        inputs: tuple[Shape, ...] = (x,)
        sight = place.frame.sight
        if draw.chance(0.2):
            taken: set[str] = set()
            block.inputs = tuple(
                draw.name("in", STEP_NAMES, taken) for _ in range(draw.whole(1, 2))
            )
            if len(block.inputs) > 1:
                reads = tuple(draw.one(list(sight)) for _ in block.inputs)
                inputs = tuple(sight[read] for read in reads)
        frame = self._walk.frame(params, block.inputs, inputs, arguments)
        inner = Place(frame, place.depth - 1)
        self._list(block.body, inputs[0], inner, draw.whole(1, 4))
        self._finish(block, inner, arguments)
        self._made.blocks[name] = block
        given = {
            n: draw.that_is(values, value) if params[n].kind == "int" else value
            for n, value in arguments.items()
        }
        return Step(name, given, reads=reads)

    def _finish(self, block: Block, place: Place, arguments: dict[str, Any]) -> None:
        """Further outputs, variants and requirements of a block."""
        draw = self._draw
        ids = [step.id for step in block.body if step.id and step.repeat is None]
        if ids and draw.chance(0.25):
            taken = {"in"}
            for _ in range(draw.whole(1, 2)):
                block.outputs[draw.name("port", STEP_NAMES, taken)] = draw.one(ids)
        if arguments and draw.chance(0.3):
            block.variants["small"] = dict(arguments)
            block.variants["other"] = {n: draw.value_of(p) for n, p in block.params.items()}
        if draw.chance(0.2):
            condition = draw.condition(place.frame.values)
            if condition.of(place.frame.values):
                block.require = (condition,)

    # --- the end ----------------------------------------------------------------------------------

    def _tail(self, x: Shape, place: Place) -> None:
        if self._draw.chance(0.5):
            if x.grid is not None:
                x = self._grow(
                    self._made.body, x, place, lambda *_: Step("global_avg_pool", is_bare=True)
                )
            self._grow(self._made.body, x, place, lambda *_: Step("linear", {"features": 3}))

    def _heads(self, place: Place) -> None:
        draw = self._draw
        starts = [name for name in place.frame.sight if name != "in" or draw.chance(0.2)]
        taken = {
            "logits",
            *place.names,
            *place.ids,
            *(n for s in self._made.body for n in s.branches),
        }
        for _ in range(draw.whole(0, 2) if starts and draw.chance(0.3) else 0):
            start = draw.one(starts)
            head = Head(start, training_only=draw.chance(0.6))
            inner = replace(place.inner(), depth=0)
            if draw.chance(0.7):
                self._list(head.body, place.frame.sight[start], inner, draw.whole(1, 2))
            self._made.heads[draw.name("aux", STEP_NAMES, taken)] = head

    def _expect(self) -> None:
        """States what comes out here and there."""
        if self._draw.chance(0.3):
            found = meaning(self._made)
            if not any(head.training_only for head in self._made.heads.values()):
                sizes = [_product(shape) for shape in found.weights.values()]
                self._made.expect = {"params": sum(sizes), "macs": found.macs}
            else:
                self._made.expect = {"channels": found.output.channels}


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
