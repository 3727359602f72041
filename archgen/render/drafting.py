"""From a shaped network to drawings: the overview, and each block as the paper's figures draw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import NamedTuple

from archgen.cost import Costs
from archgen.diagnostics import Diagnostic, Span
from archgen.ir.graph import Ref
from archgen.ir.interpreter import Environment, Interpreter, Made, Place
from archgen.ir.shape import Shape
from archgen.ir.shaped import (
    Run,
    ShapedBlock,
    ShapedGraph,
    ShapedHead,
    ShapedNetwork,
    ShapedNode,
    instances,
)
from archgen.ir.walk import joined_path
from archgen.ops.merge import Residual
from archgen.render.drawing import Arrow, Box, Drawing, Group, Kind, Repeat
from archgen.render.faults import Faults, is_misfit
from archgen.render.implied import implied_concats
from archgen.render.outline import kind_of, unused_path
from archgen.render.values import settings_as_data, spec_text
from archgen.render.wording import (
    FIXED,
    activation_words,
    scale_words,
    shape_words,
    title_of,
    words_of,
)

MAX_RUNS = 8  # a repeat of more different instances than this is one box

Ends = tuple[str, ...]


class Start(NamedTuple):
    """What a drawing begins with: the words of its first box, and what kind of box that is."""

    lines: tuple[str, ...]
    kind: Kind


class Drafter:
    """Draws the network or one block; `findings` say what is broken in it."""

    def __init__(self, network: ShapedNetwork, findings: Sequence[Diagnostic] = ()) -> None:
        self._network = network
        self._faults = Faults(findings)
        self._costs = Costs()

    def overview(self, depth: int = 1) -> Drawing:
        """The stages of the network with the size that each puts out, and its further outputs.

        Where `depth` is 2 the blocks are drawn opened, where it is 3 those inside them too, and so on.
        """
        network = self._network
        x = network.network.input
        lines = ("Input", f"({shape_words(x)})")
        start = Start((" ".join(lines),) if depth == 1 else lines, Kind.INPUT)
        draft = _Draft(self._faults, self._costs, network.block, depth, is_overview=depth == 1)
        values = draft.begin(network.block, start, (x,))
        draft.run(network.block.graph, values)
        for head in network.heads:
            draft.head(head, values)
        name = network.network.title
        return draft.drawing(name, title_of(name))

    def block(
        self, block: ShapedBlock, path: str, start: Start, depth: int = 1, times: int = 1
    ) -> Drawing:
        """One use of a block, which is called `path`; with `depth`, blocks inside are opened.

        Costs are those of the block where it is there so many `times`.
        """
        draft = _Draft(self._faults, self._costs, block, depth, times)
        draft.run(block.graph, draft.begin(block, start, block.inputs))
        return draft.drawing(path, title_of(block.block.name.rpartition(".")[2]))


class _Draft(Interpreter[Ends]):
    """One drawing in the making, whose values are the boxes that make them.

    `_depth` says how many levels of blocks are still to be opened where it draws, `_implied` which
    concats are not drawn there, `_source` where all comes from that does not say so itself, and `_times`
    how often the opened blocks are there in which it draws.
    """

    def __init__(
        self,
        faults: Faults,
        costs: Costs,
        block: ShapedBlock,
        depth: int,
        times: int = 1,
        *,
        is_overview: bool = False,
    ) -> None:
        self._faults = faults
        self._costs = costs
        self._is_overview = is_overview
        self._depth = depth - 1
        self._implied = implied_concats(block.graph, block.block.graph)
        self._source = block.block.source
        self._times = times
        self._boxes: dict[str, Box] = {}
        self._arrows: list[Arrow] = []
        self._groups: list[Group] = []
        self._repeats: list[Repeat] = []
        self._paths: set[str] = set()

    def drawing(self, name: str, title: str) -> Drawing:
        """What has been drawn."""
        return Drawing(
            name,
            title,
            tuple(self._boxes.values()),
            tuple(self._arrows),
            self._is_overview,
            tuple(self._groups),
            tuple(self._repeats),
        )

    def begin(self, block: ShapedBlock, start: Start, shapes: Sequence[Shape]) -> Environment[Ends]:
        """The boxes that the drawing starts from: one, or one for each named input of a block."""
        paths = []
        for port, shape in zip(block.block.inputs or ("",), shapes, strict=True):
            lines = (f"Input {port}",) if port else start.lines
            path = joined_path("in", port)
            details = (path, f"output {shape}")
            self._boxes[path] = Box(path, lines, start.kind, shape, shape_words(shape), details)
            paths.append((path,))
        return Environment(block.block, paths)

    def head(self, shaped: ShapedHead, values: Environment[Ends]) -> None:
        """A further output: its steps, or a box that names a value."""
        head = shaped.head
        when = ", in training" if head.training_only else ""
        if not shaped.graph.nodes:
            ends, path = self.value(head.graph.output, values), f"outputs.{head.name}"
            words = Start((f"Output {head.name}",), Kind.OTHER)
            self._add(path, words, shaped.graph.output, ends)
            return
        self.run(shaped.graph, values, head.name)
        for last in self.value(head.graph.output, values):
            box = self._boxes[last]
            self._boxes[last] = box._replace(beside=f"{box.beside} ({head.name}{when})")

    def value(self, ref: Ref, values: Environment[Ends]) -> Ends:
        """The boxes that make a value; those of the whole step where an error hides a part of it."""
        return values.get(ref) or values.get(ref._replace(port="")) or ()

    # --- steps ----------------------------------------------------------------------------------

    def call(
        self, node: ShapedNode, run: Run, inputs: tuple[Ends, ...], place: Place
    ) -> Made[Ends]:
        """A layer, a join of values named elsewhere, or a use of a block."""
        whole = _of_runs(node, (run,)) if node.runs else node
        path, block = self._unused(place.path), run.instance.block
        if block is None or self._depth == 0:
            return self._put(self._box(path, whole), inputs)
        return self._opened(whole, block, inputs, path)

    def repeat(
        self, node: ShapedNode, inputs: tuple[Ends, ...], place: Place
    ) -> Sequence[Made[Ends]]:
        """A repeat: a box for each run of equal instances, or one for all where these are many.

        Of many that are opened, the first and the last are, and one box stands for the others.
        """
        is_opened = self._depth > 0 and node.runs[0].instance.block is not None
        if len(node.runs) <= MAX_RUNS:
            made = super().repeat(node, inputs, place)
            if len(made) > 1 and not is_opened:
                parts = tuple(path for one in made for path in one.value)
                self._repeats.append(Repeat(self._box(place.path, node), parts))
            return made
        if not is_opened:
            return [self._put(self._box(self._unused(place.path), node), inputs)]
        first, *middle, last = node.runs
        between = _of_runs(node, tuple(middle))
        count = middle[-1].first + middle[-1].count - middle[0].first
        inside = [Run(middle[0].first, count, between), last]
        made = [self.call(node, first, inputs, place.inside(first))]
        path = self._unused(place.inside(inside[0]).path)
        made.append(self._put(self._box(path, between), (made[0].value,)))
        made.append(self.call(node, last, (made[1].value,), place.inside(last)))
        starts = (first, middle[0], last)
        return [one._replace(first=run.first) for one, run in zip(made, starts, strict=True)]

    def _opened(
        self, node: ShapedNode, block: ShapedBlock, inputs: tuple[Ends, ...], path: str
    ) -> Made[Ends]:
        """A block drawn where it is used, in a frame that says what else is wrong with it."""
        before = set(self._boxes)
        outer = self._depth, self._implied, self._source, self._times
        self._depth -= 1
        self._times *= node.count if isinstance(node.count, int) else 1
        self._implied = implied_concats(block.graph, block.block.graph)
        self._source = block.block.source or self._source
        made = self.block(block, inputs, path)
        self._depth, self._implied, self._source, self._times = outer
        inside = tuple(name for name in self._boxes if name not in before)
        if inside:
            told = {fault for name in inside for fault in self._boxes[name].faults}
            left = tuple(text for text in _texts(self._faults.of(node)) if text not in told)
            self._groups.append(Group(path, " ".join(_words(node).lines), inside, left))
        return made

    def join(self, node: ShapedNode, ends: tuple[Ends, ...], place: Place) -> Made[Ends]:
        """A join with its branches; of a residual also the body's scale and the activation."""
        errors = self._faults.of_join(node)
        if node.node.id in self._implied and not errors:
            return Made(tuple(end for part in ends for end in part))
        name = kind_of(node) if node.node.segment else node.node.name
        path, op = self._unused(joined_path(place.outer, name)), node.op
        is_residual = kind_of(node) == "residual"
        if is_residual and isinstance(op, Residual) and op.scale != 1.0:
            words = Start(scale_words(float(op.scale)), Kind.SCALE)
            size = node.branches[1].graph.output
            ends = (ends[0], self._add(joined_path(path, "scale"), words, size, ends[1]))
        here = joined_path(path, "sum") if is_residual else path
        # what its branches cost is told by their own boxes
        box = self._box(path, node, _words_of_join(kind_of(node)), is_own=True)
        self._boxes[here] = box._replace(path=here, faults=_texts(errors))
        for branch, part in zip(node.branches, ends, strict=True):
            is_shortcut = is_residual and branch is node.branches[0]
            is_broken = not is_shortcut and is_misfit(branch, errors)
            self._arrows += [Arrow(end, here, is_shortcut, is_broken) for end in part]
        if not is_residual or not isinstance(op, Residual) or op.act is None:
            return Made((here,))
        words = Start((activation_words(op.act),), Kind.ACTIVATION)
        return Made(self._add(joined_path(path, "act"), words, node.output, (here,)))

    # --- boxes ----------------------------------------------------------------------------------

    def _unused(self, path: str) -> str:
        """The path of a step, numbered where another has it: of a join, or where names are ambiguous."""
        path = unused_path(path, self._paths)
        self._paths.add(path)
        return path

    def _box(
        self, path: str, node: ShapedNode, words: Start | None = None, *, is_own: bool = False
    ) -> Box:
        """The box of a step, of a repeat what it makes as a whole.

        Its details are what a reader who points at it asks: path, settings, shape, cost, and in
        `origin` where it is written. The cost is that of the step's `own` op, or of all in it.
        """
        parts = list(instances(node))
        settings = _spread_settings([_settings(part) for part in parts])
        call = f"{kind_of(node)} {spec_text(settings)}" if settings else kind_of(node)
        details = [path, call, f"output {node.output or '?'}"]
        cost = self._costs.own(node) if is_own else self._costs.node(node)
        if node.output is not None and cost.params:
            whole = cost.times(self._times)  # as in the rows of `summary`
            details.append(f"{whole.params:,} params, {whole.macs:,} MACs")
            if self._times > 1:
                one = f"{cost.params:,} params, {cost.macs:,} MACs"
                details.append(f"{self._times} times {one}")
        source = parts[0].block.block.source if parts[0].block is not None else ""
        lines, kind = words or _words(node)
        return Box(
            path,
            lines,
            kind,
            node.output,
            self._beside(node.output),
            tuple(details),
            _texts(self._faults.of(node)),
            block=parts[0].block if self._depth == 0 else None,
            origin=_origin(node.node.span, source or node.node.source or self._source),
        )

    def _beside(self, output: Shape | None) -> str:
        size = shape_words(output)
        return f"Output: {size}" if self._is_overview else size

    def _put(self, box: Box, inputs: tuple[Ends, ...]) -> Made[Ends]:
        """A box for a step, with arrows from what goes in; it makes the further values too."""
        self._boxes[box.path] = box
        is_broken = bool(box.faults)
        ends = (end for part in inputs for end in part)
        self._arrows += [Arrow(end, box.path, is_broken=is_broken) for end in ends]
        return Made((box.path,))

    def _add(self, path: str, words: Start, output: Shape | None, ends: Ends) -> Ends:
        """A box that is not a step, with arrows from `ends` to it."""
        details = (path, f"output {output}")
        box = Box(path, words.lines, words.kind, output, self._beside(output), details)
        return self._put(box, (ends,)).value


def _of_runs(node: ShapedNode, runs: tuple[Run, ...]) -> ShapedNode:
    """Some runs of a repeat as a repeat of their own."""
    first, last = runs[0].instance, runs[-1].instance
    count = sum(run.count for run in runs)
    return replace(node, inputs=first.inputs, output=last.output, runs=runs, count=count)


def _words(node: ShapedNode) -> Start:
    """The words of a step; of a repeat also how often it is there, and what the instances differ in."""
    times = f"{node.count} x " if isinstance(node.count, int) and node.count != 1 else ""
    parts = list(instances(node))
    if parts[0].op is not None:
        said = [words_of(part.op, part.input) for part in parts if part.op is not None]
        first, *others = map(_spread, zip(*(words.lines for words in said), strict=False))
        return Start((f"{times}{first}", *others), said[0].kind)
    if parts[0].block is None:
        return _words_of_join(kind_of(node))
    return Start((f"{times}{_name(node)}",), _kind_of_block(parts[0], _name(node)))


def _settings(node: ShapedNode) -> Mapping[str, object]:
    if node.block is not None:
        return {name: str(value) for name, value in node.block.arguments.items()}
    return settings_as_data(node.op) if node.op is not None else {}


def _spread_settings(said: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
    """Settings of a step; of a repeat, the first and the last value where instances differ."""
    if len(said) == 1:
        return said[0]
    names = dict.fromkeys(name for settings in said for name in settings)
    texts = {name: [spec_text(settings.get(name, "")) for settings in said] for name in names}
    return {name: _spread(values) for name, values in texts.items()}


def _spread(texts: Sequence[str]) -> str:
    """What all say, or what the first and the last say."""
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} ... {texts[-1]}"


def _texts(errors: Sequence[Diagnostic]) -> tuple[str, ...]:
    return tuple(f"{error.rule.code}: {error.message}" for error in errors)


def _origin(span: Span, source: str) -> str:
    """`inception_v4.yaml, line 25; Figure 4 of arXiv:1602.07261v2`."""
    place = f"{PurePath(span.source).name}, line {span.start.line}"
    return f"{place}; {source}" if source else place


def _name(node: ShapedNode) -> str:
    """How a stage is called: as its block, unless it was given a name of its own."""
    block = kind_of(node).rpartition(".")[2]
    return title_of(block if node.node.name.startswith(block) else node.node.name)


def _kind_of_block(node: ShapedNode, name: str) -> Kind:
    if name.lower() == "stem":
        return Kind.STEM
    grids = {shape.grid for shape in (node.input, node.output) if shape is not None}
    return Kind.REDUCTION if len(grids) > 1 else Kind.MODULE


def _words_of_join(op: str) -> Start:
    """The words of a join, or of a step whose settings an error hides."""
    line, kind = FIXED.get(op, (title_of(op), Kind.OTHER))
    return Start((line,), kind)


class Use(NamedTuple):
    """A use of a block somewhere in a network, what comes before it, and how many `times` it is there."""

    path: str
    block: ShapedBlock
    start: Start
    times: int = 1


def uses(network: ShapedNetwork) -> Iterator[Use]:
    """Each different use of a block, by the path of the first; those of the network's lists first."""
    words = ("Input", f"({shape_words(network.network.input)})")
    first = list(_uses(network.block.graph, "", Start(words, Kind.INPUT)))
    for head in network.heads:
        first += _uses(head.graph, head.head.name, PREVIOUS)
    seen = {id(use.block) for use in first}
    yield from first
    for use in first:
        yield from _inner_uses(use, seen)


def _inner_uses(outer: Use, seen: set[int]) -> Iterator[Use]:
    for use in _uses(outer.block.graph, outer.path, PREVIOUS):
        if id(use.block) not in seen:
            seen.add(id(use.block))
            inner = use._replace(times=use.times * outer.times)
            yield inner
            yield from _inner_uses(inner, seen)


def _uses(graph: ShapedGraph, path: str, before: Start) -> Iterator[Use]:
    """The uses in one list and in the branches of its steps."""
    for node in graph.nodes:
        here = joined_path(path, node.node.segment or node.node.name)
        for branch in node.branches:
            inside = joined_path(joined_path(path, node.node.segment), branch.branch.segment)
            yield from _uses(branch.graph, inside, PREVIOUS)
        for run in node.runs or (Run(0, 1, node),):
            block = run.instance.block
            if block is None:
                before = PREVIOUS
                continue
            where = here if len(node.runs) <= 1 else f"{here}.{run.segment}"
            yield Use(where, block, _behind(block) if run.count > 1 else before, run.count)
            before = _behind(block)


PREVIOUS = Start(("Previous", "Layer"), Kind.CONCAT)


def _behind(block: ShapedBlock) -> Start:
    """What the block after this one sees: the words of the figures for where it begins."""
    last = block.graph.nodes[-1] if block.graph.nodes else None
    if last is not None and kind_of(last) == "concat":
        return Start(("Filter concat",), Kind.CONCAT)
    if last is not None and isinstance(last.op, Residual) and last.op.act is not None:
        return Start((activation_words(last.op.act),), Kind.ACTIVATION)
    return PREVIOUS
