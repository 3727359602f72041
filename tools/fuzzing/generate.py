"""Random valid networks: drawn step by step, each held against the reference before it is kept.

After nnsmith (Liu et al., arXiv:2207.13066): what an op makes is known before it is written, so that
only legal settings are chosen, and those at the edge of what is legal as often as others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tools.fuzzing.generate_ops import OpWriter
from tools.fuzzing.generate_values import PARAM_NAMES, STEP_NAMES, Draw, named
from tools.fuzzing.plan import Block, Head, Network, Param, Step
from tools.fuzzing.reference import JOINS, Fault, Frame, Numbering, Parted, Walk, meaning, measures
from tools.fuzzing.shapes import Pair, Shape, Shapes, positions

MAX_CHANNELS, MAX_SIZE = 40, 4096
TRIES = 12
# What no block can be called: the keys of steps, and the ops.
KEPT_NAMES = """
    id repeat when note source conv conv_transpose max_pool avg_pool global_avg_pool linear flatten
    dropout stochastic_depth norm lrn l2_normalize act scale pad upsample channel_shuffle split identity
""".split()


@dataclass
class Place:
    """Where steps are being written: what its names mean in the first use of the block, and the names taken.

    `names` are those of the list, `ids` all that `from` can name in the block, whose `params` it has.
    """

    frame: Frame[Shape]
    depth: int
    names: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    params: Mapping[str, Param] = field(default_factory=dict)

    def inner(self) -> Place:
        """A branch: what it names is seen in it alone."""
        frame = Frame(self.frame.values, dict(self.frame.sight))
        return replace(self, frame=frame, depth=self.depth - 1, names=set())


def network(seed: int) -> Network:
    """The valid network of a seed."""
    return _Writer(Draw(Random(seed))).network()


class _Writer:
    """Writes one network; its walk tells what each step makes."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._made = Network("net", (1, 1, 1))
        self._walk = Walk(self._made, Shapes())
        self._ops = OpWriter(draw, self._made.defaults)
        self._block_names: set[str] = {*JOINS, *KEPT_NAMES}

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
            may_split = x.channels > 1 and place.depth > 0
            if may_split and self._draw.chance(0.06):
                x = self._split(steps, x, place)
            else:
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
        assert not isinstance(out, Parted)
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
                step = self._ops.conv(values)
            case "op":
                step = self._ops.other(start, values)
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
        if not sight or not self._draw.chance(0.12):
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
            place.names |= _named_in_list(step)
        inputs = self._made.blocks[step.op].inputs if step.op in self._made.blocks else ()
        may_repeat = step.op not in JOINS and len(inputs) < 2 and not ports
        if may_repeat and draw.chance(0.2):
            self._repeated(step, values)
        elif draw.chance(0.1) and len(step.reads) < 2:
            step.when = draw.condition(values)
        if draw.chance(0.05):
            step.note = draw.one(('say "x"', 'a\nb """ c', "{braces} \\N{DASH} é", "`tick` \\"))
        return step

    def _id(self, place: Place, others: Iterable[str] = ()) -> str:
        taken = place.names | place.ids | set(others)
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

    # --- joins ------------------------------------------------------------------------------------

    def _split(self, steps: list[Step], x: Shape, place: Place) -> Shape:
        """A split, and behind it a join of its parts or a step that reads one of them."""
        draw = self._draw
        values = {**place.frame.values, **measures("here", x)}
        names = self._branch_names(place)[: min(x.channels, 3)]
        counts = [1] * len(names)
        for _ in range(x.channels - len(names)):
            counts[draw.whole(0, len(names) - 1)] += 1
        parts = {n: draw.that_is(values, count) for n, count in zip(names, counts, strict=True)}
        split = Step("split", parts, id=self._id(place, names))
        if draw.chance(0.5):
            split.note = "parts"
        steps.append(split)
        shapes = {n: Shape(count, x.grid) for n, count in zip(names, counts, strict=True)}
        place.frame.sight |= {f"{split.id}.{name}": shape for name, shape in shapes.items()}
        parted = Parted(x, shapes)
        for _ in range(TRIES if draw.chance(0.8) else 0):
            join = self._join_of(parted, place)
            try:
                out = Walk(self._made, Shapes()).step(join, parted, place.frame, "", Numbering())
            except Fault:
                continue
            if (
                not isinstance(out, Parted)
                and out.channels <= MAX_CHANNELS
                and out.size <= MAX_SIZE
            ):
                steps.append(join)
                place.names |= _named_in_list(join)
                return out
        steps.append(Step("identity", reads=(f"{split.id}.{names[0]}",), is_bare=True))
        return shapes[names[0]]

    def _join_of(self, parted: Parted[Shape], place: Place) -> Step:
        """A join with a branch for each part, in any order."""
        draw = self._draw
        step = Step(draw.one(("concat", "concat", "add", "multiply")))
        names = list(parted.parts)
        if draw.chance(0.5):
            names.reverse()
        first, *others = names
        step.branches[first] = []
        start = parted.parts[first]
        goal = self._list(step.branches[first], start, place.inner(), draw.whole(0, 1))
        for name in others:
            part = parted.parts[name]
            matching = (
                [] if draw.chance(0.3) else self._matching(step.op, part, goal, place.inner())
            )
            step.branches[name] = matching
        return step

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
            inner = place.inner() if name != "body" else replace(place.inner(), names=place.names)
            step.branches[name] = self._matching(op, x, goal, inner)
        if op == "residual":
            values = {**place.frame.values, **measures("here", x)}
            settings = {"scale": draw.real(values, (1.0, 0.5, -0.25)), "act": draw.act(values)}
            step.settings = self._ops.written("residual", settings)
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
        step = self._ops.conv(values)
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
            step = Step(block.name, self._arguments(block, place, values))
            if len(block.inputs) > 1:
                step.reads = tuple(draw.one(list(place.frame.sight)) for _ in block.inputs)
            return step
        return self._new_block(x, place, values)

    def _arguments(self, block: Block, place: Place, values: Mapping[str, Any]) -> dict[str, Any]:
        draw = self._draw
        arguments: dict[str, Any] = {}
        if block.variants and draw.chance(0.6):
            arguments["variant"] = draw.one(list(block.variants))
        for name, param in block.params.items():
            is_open = param.default is None and "variant" not in arguments
            if is_open or draw.chance(0.5):
                arguments[name] = self._argument(param, place, values)
        return arguments

    def _argument(self, param: Param, place: Place, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
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
        words = [
            name
            for name, own in place.params.items()
            if isinstance(own.kind, tuple) and {*own.kind} <= {*param.kind}
        ]
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
        inner = Place(frame, place.depth - 1, params=params)
        self._list(block.body, inputs[0], inner, draw.whole(1, 4))
        if len(block.inputs) > 1:
            block.body = block.body or [Step("identity", is_bare=True)]
            block.body[0].reads = block.body[0].reads or (f"in.{block.inputs[0]}",)
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
        ids = [
            step.id for step in block.body if step.id and step.repeat is None and step.op != "split"
        ]
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


def _named_in_list(step: Step) -> set[str]:
    """The branches of a join without an id have their names in its list, but for a residual's body."""
    return set(step.branches) - ({"body"} if step.op == "residual" else set())


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
