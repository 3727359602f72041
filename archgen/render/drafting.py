"""From a shaped network to drawings: the overview, and each block as the paper's figures draw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from archgen.cost import Costs
from archgen.diagnostics import Diagnostic, Span
from archgen.ir.graph import INPUT, Ref
from archgen.ir.shape import Shape
from archgen.ir.shaped import (
    Run,
    ShapedBlock,
    ShapedBranch,
    ShapedGraph,
    ShapedHead,
    ShapedNetwork,
    ShapedNode,
)
from archgen.ir.walk import joined_path
from archgen.ops.merge import Residual
from archgen.render.drawing import Arrow, Box, Drawing, Group, Kind
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
        draft = _Draft(
            self._faults, self._costs, network.block.block.source, is_overview=depth == 1
        )
        draft.begin(network.block, start, (x,))
        implied = implied_concats(network.block.graph, network.block.block.graph)
        draft.graph(network.block.graph, _Place(implied, depth=depth - 1))
        for head in network.heads:
            draft.head(head, depth - 1)
        name = network.network.title
        return draft.drawing(name, title_of(name))

    def block(self, block: ShapedBlock, path: str, start: Start, depth: int = 1) -> Drawing:
        """One use of a block, which is called `path`; with `depth`, blocks inside are opened."""
        draft = _Draft(self._faults, self._costs, block.block.source)
        draft.begin(block, start, block.inputs)
        implied = implied_concats(block.graph, block.block.graph)
        draft.graph(block.graph, _Place(implied, depth=depth - 1))
        return draft.drawing(path, title_of(block.block.name.rpartition(".")[2]))


class _Place(NamedTuple):
    """Where a list of steps is drawn: its path, the concats that are not, and how deep blocks open."""

    implied: frozenset[int] = frozenset()
    path: str = ""
    depth: int = 0

    def inside(self, segment: str) -> _Place:
        return self._replace(path=joined_path(self.path, segment))


class _Draft:
    """One drawing in the making; `_values` says which boxes make a value, by node and port.

    `source` is where all of it comes from that does not say so itself.
    """

    def __init__(
        self, faults: Faults, costs: Costs, source: str = "", *, is_overview: bool = False
    ) -> None:
        self._faults = faults
        self._costs = costs
        self._source = source
        self._is_overview = is_overview
        self._boxes: dict[str, Box] = {}
        self._arrows: list[Arrow] = []
        self._groups: list[Group] = []
        self._values: dict[tuple[int, str], Ends] = {}
        self._joins: set[str] = set()

    def drawing(self, name: str, title: str) -> Drawing:
        """What has been drawn."""
        boxes, arrows = tuple(self._boxes.values()), tuple(self._arrows)
        return Drawing(name, title, boxes, arrows, self._is_overview, tuple(self._groups))

    def begin(self, block: ShapedBlock, start: Start, shapes: Sequence[Shape]) -> None:
        """The boxes that the drawing starts from: one, or one for each named input of a block."""
        ports = block.block.inputs or ("",)
        for port, shape in zip(ports, shapes, strict=True):
            lines = (f"Input {port}",) if port else start.lines
            path = joined_path("in", port)
            beside = shape_words(shape)
            details = (path, f"output {shape}")
            self._boxes[path] = Box(path, lines, start.kind, shape, beside, details)
            self._values[INPUT, port] = (path,)
        self._values[INPUT, ""] = self._values[INPUT, ports[0]]

    def head(self, shaped: ShapedHead, depth: int) -> None:
        """A further output: its steps, blocks opened `depth` deep, or a box that names a value."""
        head = shaped.head
        when = ", in training" if head.training_only else ""
        if not shaped.graph.nodes:
            ends, path = self._ends(head.graph.output), f"outputs.{head.name}"
            words = Start((f"Output {head.name}",), Kind.OTHER)
            self._add(path, words, shaped.graph.output, ends, (path,))
            return
        self.graph(shaped.graph, _Place(path=head.name, depth=depth))
        for last in self._ends(head.graph.output):
            box = self._boxes[last]
            self._boxes[last] = box._replace(beside=f"{box.beside} ({head.name}{when})")

    def graph(self, graph: ShapedGraph, place: _Place) -> None:
        """The steps of a list."""
        for node in graph.nodes:
            ends = tuple(end for ref in node.node.inputs for end in self._ends(ref))
            if not node.is_active or node.count == 0:
                self._values[node.node.id, ""] = ends
            elif node.branches:
                self._values[node.node.id, ""] = self._branches(node, place)
            elif node.runs and len(node.runs) <= MAX_RUNS:
                self._values[node.node.id, ""] = self._runs(node, ends, place)
            else:
                here = place.inside(node.node.segment or node.node.name)
                here = here if node.node.segment else self._unused(here)
                self._values[node.node.id, ""] = self._step(node, node, ends, here, 1)

    def _ends(self, ref: Ref) -> Ends:
        return self._values.get((ref.id, ref.port)) or self._values.get((ref.id, ""), ())

    def _runs(self, node: ShapedNode, ends: Ends, place: _Place) -> Ends:
        """A repeat: a box for each run of equal instances."""
        here = place.inside(node.node.segment or node.node.name)
        for run in node.runs:
            where = here if len(node.runs) == 1 else here.inside(run.segment)
            ends = self._step(node, run.instance, ends, where, run.count)
        return ends

    def _step(
        self, node: ShapedNode, instance: ShapedNode, ends: Ends, here: _Place, count: int
    ) -> Ends:
        """A layer, a join of values named elsewhere, or a use of a block."""
        if instance.runs:  # too many to draw each
            instance, count = instance.runs[0].instance, sum(run.count for run in instance.runs)
        words = self._words(node, instance, count)
        texts = _texts(self._faults.of(instance))
        if instance.block is not None and here.depth > 0:
            values = self._given(node, instance.block, ends)
            return self._opened(node, instance.block, values, here, words, texts)
        details = self._details(here.path, instance, count)
        ends = self._add(
            here.path, words, instance.output, ends, details, texts, is_broken=bool(texts)
        )
        self._boxes[here.path] = self._boxes[here.path]._replace(block=instance.block)
        return ends

    def _given(
        self, node: ShapedNode, block: ShapedBlock, ends: Ends
    ) -> dict[tuple[int, str], Ends]:
        """What the inputs of a block are made by, in the places where it looks for them."""
        named = zip(block.block.inputs, node.node.inputs, strict=False)
        return {(INPUT, ""): ends, **{(INPUT, port): self._ends(ref) for port, ref in named}}

    def _opened(
        self,
        node: ShapedNode,
        block: ShapedBlock,
        values: dict[tuple[int, str], Ends],
        here: _Place,
        words: Start,
        texts: tuple[str, ...],
    ) -> Ends:
        """A block drawn where it is used, in a frame that says what else is wrong with it."""
        outside, before, source = self._values, set(self._boxes), self._source
        self._values, self._source = values, block.block.source or source
        implied = implied_concats(block.graph, block.block.graph)
        self.graph(block.graph, _Place(implied, here.path, here.depth - 1))
        ends = self._ends(block.block.graph.output)
        ports = {port: self._ends(ref) for port, ref in block.block.outputs.items()}
        self._values, self._source = outside, source
        self._values |= {(node.node.id, port): made for port, made in ports.items()}
        inside = tuple(path for path in self._boxes if path not in before)
        if inside:
            told = {fault for path in inside for fault in self._boxes[path].faults}
            left = tuple(text for text in texts if text not in told)
            self._groups.append(Group(here.path, " ".join(words.lines), inside, left))
        return ends

    def _words(self, node: ShapedNode, instance: ShapedNode, count: int) -> Start:
        times = f"{count} x " if count != 1 else ""
        if instance.op is not None:
            lines, kind = words_of(instance.op, instance.input)
            return Start((f"{times}{lines[0]}", *lines[1:]), kind)
        if instance.block is None:
            return _words_of_join(kind_of(node))
        return Start((f"{times}{_name(node)}",), _kind_of_block(instance, _name(node)))

    def _branches(self, node: ShapedNode, place: _Place) -> Ends:
        """A join with its branches."""
        outer = place.inside(node.node.segment)
        for branch in node.branches:
            self.graph(branch.graph, outer.inside(branch.branch.segment))
        errors = self._faults.of_join(node)
        if node.node.id in place.implied and not errors:
            return tuple(end for b in node.branches for end in self._ends(b.branch.graph.output))
        name = kind_of(node) if node.node.segment else node.node.name
        here = self._unused(outer.inside(name))
        if kind_of(node) == "residual":
            return self._residual(node, here, errors)
        words = _words_of_join(kind_of(node))
        details = self._details(here.path, node, 1)
        self._add(here.path, words, node.output, (), details, _texts(errors))
        for branch in node.branches:
            self._connect(branch, here.path, is_broken=is_misfit(branch, errors))
        return (here.path,)

    def _unused(self, here: _Place) -> _Place:
        """The place of a join, or one beside it where another join has it."""
        here = here._replace(path=unused_path(here.path, self._joins))
        self._joins.add(here.path)
        return here

    def _residual(self, node: ShapedNode, here: _Place, errors: Sequence[Diagnostic]) -> Ends:
        """Shortcut and body, the body's scale, the sum, and the activation behind it."""
        shortcut, body = node.branches
        plus, op = here.inside("sum"), node.op
        is_broken = is_misfit(body, errors)
        ends = self._ends(body.branch.graph.output)
        if isinstance(op, Residual) and op.scale != 1.0:
            scale = here.inside("scale").path
            words = Start(scale_words(float(op.scale)), Kind.SCALE)
            size = body.graph.output
            ends = self._add(scale, words, size, ends, (scale, f"output {size}"))
        details = self._details(here.path, node, 1)
        self._add(plus.path, Start(("+",), Kind.SUM), node.output, (), details, _texts(errors))
        self._connect(shortcut, plus.path, is_shortcut=True)
        self._arrows += [Arrow(end, plus.path, is_broken=is_broken) for end in ends]
        if not isinstance(op, Residual) or op.act is None:
            return (plus.path,)
        act = here.inside("act").path
        words = Start((activation_words(op.act),), Kind.ACTIVATION)
        return self._add(act, words, node.output, (plus.path,), (act, f"output {node.output}"))

    def _connect(
        self, branch: ShapedBranch, head: str, *, is_shortcut: bool = False, is_broken: bool = False
    ) -> None:
        ends = self._ends(branch.branch.graph.output)
        self._arrows += [Arrow(end, head, is_shortcut, is_broken) for end in ends]

    def _add(
        self,
        path: str,
        words: Start,
        output: Shape | None,
        ends: Ends,
        details: tuple[str, ...],
        faults: tuple[str, ...] = (),
        *,
        is_broken: bool = False,
    ) -> Ends:
        """A box, with arrows from `ends` to it."""
        size = shape_words(output)
        beside = f"Output: {size}" if self._is_overview else size
        box = Box(path, words.lines, words.kind, output, beside, details, faults)
        self._boxes[path] = box
        self._arrows += [Arrow(end, path, is_broken=is_broken) for end in ends]
        return (path,)

    def _details(self, path: str, node: ShapedNode, count: int) -> tuple[str, ...]:
        """Path, settings, shape, cost and where it stands: what a reader who points at a box asks."""
        settings: Mapping[str, object] = settings_as_data(node.op) if node.op is not None else {}
        if node.block is not None:
            settings = {name: str(value) for name, value in node.block.arguments.items()}
        call = f"{kind_of(node)} {spec_text(settings)}" if settings else kind_of(node)
        lines = [path, call, f"output {node.output or '?'}"]
        if node.output is not None and (cost := self._costs.node(node).times(count)).params:
            lines.append(f"{cost.params:,} params, {cost.macs:,} MACs")
        block = node.block.block.source if node.block is not None else ""
        lines.append(_origin(node.node.span, block or node.node.source or self._source))
        return tuple(lines)


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
    """A use of a block somewhere in a network, and what stands before it."""

    path: str
    block: ShapedBlock
    start: Start


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
            yield use
            yield from _inner_uses(use, seen)


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
            yield Use(where, block, _behind(block) if run.count > 1 else before)
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
