"""Who set a value: from a setting of one step back to the lines that say it.

A place is a step of an unrolled network, by the path of its parameters. What it is given comes from its own
line, from `defaults:` or from its op; a name in it from the use of its block, a variant or the param itself;
and so on outwards. What an `edit:` put there is told with what it took the place of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from archgen.diagnostics import Span, did_you_mean, listed
from archgen.infer.scopes import names_in, shape_scope
from archgen.ir.graph import BlockCall, JoinCall, OpCall, Term
from archgen.ir.shaped import ShapedBlock, ShapedGraph, ShapedNetwork, ShapedNode
from archgen.ops.settings import settings_of
from archgen.spec.edited import Edited

STEP_KEYS = ("repeat", "when")
MAX_LINKS = 64  # names in a row; what gives the last one its value is not told
SECTIONS = ("network", "outputs", "params")  # what the path of an `edit:` may begin with
_DOT = re.compile(r"(?<!\.)\.(?!\.)")  # not those of `0..3`


class NoSuchPlace(Exception):
    """A path leads nowhere; the message says where it ends, and what may be meant."""


class By(StrEnum):
    """What gives a value."""

    STEP = "step"
    DEFAULTS = "defaults"
    OP = "op"
    USE = "use"
    VARIANT = "variant"
    PARAM = "param"
    SHAPE = "shape"
    INDEX = "index"
    BASE = "base"


class Origin(NamedTuple):
    """One link of a chain: what gives `name` its value.

    `owner` is the step, op, block or variant that it belongs to; `span` the value as written, or None
    for a `value` that is nowhere written. A link at a greater `depth` gives a name in the link before.
    One that is `over`ridden would be in force without the one before it. `edit` is the edit that wrote
    it.
    """

    name: str
    by: By
    owner: str
    span: Span | None = None
    value: object = None
    depth: int = 0
    over: bool = False
    edit: Span | None = None


class Why(NamedTuple):
    """A setting at a path, its value, and the chain of what gave it that, the nearest line first.

    An error may hide the value.
    """

    path: str
    setting: str
    value: object
    chain: tuple[Origin, ...]
    is_known: bool = True


def why(network: ShapedNetwork, path: str, edits: Sequence[Edited] = ()) -> tuple[Why, ...]:
    """Who set the setting at a path, or every setting of the step there. Raises NoSuchPlace.

    A path is that of parameters (`inception_4c.pool.conv.filters`), as `show --resolved` prints it, or
    begins as that of an edit does (`network.inception_4c.pooled`). Of a repeat without a number, the
    last instance is meant.
    """
    words = tuple(_DOT.split(path))
    places = list(_places(network))
    tops = {place.segments[0] for place in places}
    if len(words) > 1 and words[0] in SECTIONS and words[0] not in tops:
        words = words[1:]
    place, taken = _nearest(places, words)
    if place is None and words[0] in network.block.arguments and len(words) == 1:
        return (_Chain(edits).param(_Frame(network.block), words[0]),)
    if place is None or len(words) - taken > 1 or not {*words[taken:]} <= {*_settings(place.node)}:
        raise NoSuchPlace(_nowhere(network, places, words[: taken + 1], place))
    names = words[taken:] or _settings(place.node)
    return tuple(_Chain(edits).setting(place, name) for name in names)


# -------------------------------------------------------------------------------------------- places


@dataclass(frozen=True)
class _Frame:
    """One use of a block, and the step that uses it; the network has none."""

    block: ShapedBlock
    place: _Place | None = None

    @property
    def path(self) -> str:
        """The path of that step."""
        return "" if self.place is None else ".".join(self.place.segments)


class _Place(NamedTuple):
    """One step: the segments of its path, the block it stands in, which instance of a repeat it is."""

    segments: tuple[str, ...]
    node: ShapedNode
    frame: _Frame
    number: int | None = None


def _places(network: ShapedNetwork) -> Iterator[_Place]:
    frame = _Frame(network.block)
    yield from _in_graph(network.block.graph, (), frame)
    for head in network.heads:
        yield from _in_graph(head.graph, (head.head.name,), frame)


def _in_graph(graph: ShapedGraph, path: tuple[str, ...], frame: _Frame) -> Iterator[_Place]:
    for node in graph.nodes:
        here = (*path, node.node.segment or node.node.name)
        yield from _inside(_Place(here, node, frame), path)
        for run in node.runs:
            place = _Place((*here, run.segment), run.instance, frame, run.first)
            yield from _inside(place, path)


def _inside(place: _Place, path: tuple[str, ...]) -> Iterator[_Place]:
    """A step, and what is in its block or in its branches; `path` is that of its list."""
    yield place
    segments, node, frame, _ = place
    if node.block is not None:
        yield from _in_graph(node.block.graph, segments, _Frame(node.block, place))
    outer = segments if node.node.segment else path
    for branch in node.branches:
        segment = branch.branch.segment
        yield from _in_graph(branch.graph, (*outer, segment) if segment else outer, frame)


def _nearest(places: Iterable[_Place], words: tuple[str, ...]) -> tuple[_Place | None, int]:
    """The place that the most words lead to, and how many; of several instances the last."""
    found: _Place | None = None
    best = (0, 0)
    for place in places:
        taken = _taken(place.segments, words)
        if (taken, -len(place.segments)) >= best and taken:
            found, best = place, (taken, -len(place.segments))
    return found, best[0]


def _taken(segments: tuple[str, ...], words: tuple[str, ...]) -> int:
    """How many words lead to a place, 0 for none; the number of an instance may be left out."""
    taken = 0
    for segment in segments:
        word = words[taken] if taken < len(words) else ""
        if word == segment or _is_among(word, segment):
            taken += 1
        elif not segment[0].isdecimal():
            return 0
    return taken


def _is_among(word: str, run: str) -> bool:
    """Whether a number is one of the instances that `0..3` means."""
    first, dots, last = run.partition("..")
    return (
        bool(dots) and word.isdecimal() and len(word) < 10 and int(first) <= int(word) <= int(last)
    )


def _settings(node: ShapedNode) -> list[str]:
    """What a step may be given."""
    call = node.node.call
    names: list[str] = []
    if isinstance(call, BlockCall):
        names = list(call.block.params)
    elif isinstance(call, OpCall | JoinCall):
        names = list(settings_of(call.op))
    return [*names, *(key for key in STEP_KEYS if getattr(node.node, key) is not None)]


def _nowhere(
    network: ShapedNetwork, places: Sequence[_Place], words: tuple[str, ...], place: _Place | None
) -> str:
    """Where a path ends, and what may be meant by its last word."""
    before = () if place is None else place.segments
    known = [
        p.segments[len(before)] for p in places if p.segments[: len(before)] == before != p.segments
    ]
    known += network.block.arguments if place is None else _settings(place.node)
    *_, word = words
    owner = f"`{'.'.join(before)}`" if before else "the network"
    near = did_you_mean(word, known)
    path = ".".join((*words[:-1], near or ""))
    hint = (
        f"did you mean `{path}`?" if near else f"it has {listed(dict.fromkeys(known)) or 'nothing'}"
    )
    return f"{owner} has no `{word}`: {hint}"


# -------------------------------------------------------------------------------------------- chains


class _Link(NamedTuple):
    """What gives a value where nothing before it does: a term, or a value that is nowhere written.

    `place` is the step in whose block the names of the term mean something.
    """

    by: By
    owner: str
    term: Term | None
    place: _Place
    value: object = None


@dataclass(frozen=True)
class _Chain:
    """Follows one value through the text, which `edits` have changed; each name is told once."""

    edits: Sequence[Edited]
    told: set[tuple[str, str]] = field(default_factory=set)

    def setting(self, place: _Place, name: str) -> Why:
        """The chain of one setting of a step."""
        whole = place.node
        if whole.runs:
            last = whole.runs[-1]
            place = place._replace(node=last.instance, number=last.first)
        links = _of_key(place, name) if name in STEP_KEYS else _of_step(place, name)
        values = _values(whole)
        chain = tuple(self._origins(name, links, 0))
        return Why(".".join(place.segments), name, values.get(name), chain, name in values)

    def param(self, frame: _Frame, name: str) -> Why:
        """The chain of a param of the network."""
        return Why("", name, frame.block.arguments[name], tuple(self._param(name, frame, 0)))

    def _origins(self, name: str, links: Iterable[_Link], depth: int) -> Iterator[Origin]:
        """The links as origins, behind the one in force what gives the names in it."""
        for number, (by, owner, term, place, value) in enumerate(links):
            over = number > 0
            if term is None:
                yield Origin(name, by, owner, None, value, depth, over)
                continue
            yield from self._written(Origin(name, by, owner, term.span, None, depth, over))
            for other in () if over else names_in(term):
                yield from self._name(other, place, depth + 1)

    def _written(self, origin: Origin) -> Iterator[Origin]:
        """An origin with the edit that wrote it, and what that took the place of."""
        span = origin.span
        assert span is not None
        edit = next((e for e in reversed(self.edits) if e.node.span.contains(span)), None)
        yield origin if edit is None else origin._replace(edit=edit.at)
        if edit is not None and edit.before is not None and edit.node.span == span:
            before = origin._replace(by=By.BASE, span=edit.before.span, over=True)
            yield from self._written(before)

    def _name(self, name: str, place: _Place, depth: int) -> Iterator[Origin]:
        """What gives a name in a term its value."""
        frame, path = place.frame, ".".join(place.segments)
        is_param = name in frame.block.block.params
        key = (name, frame.path if is_param else path)
        if key in self.told or depth > MAX_LINKS:
            return iter(())
        self.told.add(key)
        if is_param:
            return self._param(name, frame, depth)
        if name == "i":
            return iter([Origin(name, By.INDEX, path, None, place.number, depth)])
        here = shape_scope("here", tuple(shape for shape in place.node.inputs if shape))
        inside = shape_scope("in", frame.block.inputs, frame.block.block.inputs)
        owner = path if name in here else frame.path
        return iter([Origin(name, By.SHAPE, owner, None, {**here, **inside}.get(name), depth)])

    def _param(self, name: str, frame: _Frame, depth: int) -> Iterator[Origin]:
        """What gives a param its value in one use of its block."""
        if frame.place is not None:
            return self._origins(name, _of_use(frame.place, name), depth)
        block = frame.block.block
        inside = _Place((), frame.block.graph.nodes[0], frame)
        link = _Link(By.PARAM, block.name, block.params[name].default, inside)
        return self._origins(name, [link], depth)


def _values(node: ShapedNode) -> dict[str, object]:
    """What the settings of a step come to, those that are known."""
    inner = node.runs[-1].instance if node.runs else node
    values: dict[str, object] = {"when": node.condition}
    if node.count is not None:
        values["repeat"] = node.count
    if inner.block is not None:
        values |= inner.block.arguments
    elif inner.op is not None:
        values |= {name: getattr(inner.op, name) for name in settings_of(type(inner.op))}
    return values


def _of_key(place: _Place, name: str) -> Iterator[_Link]:
    """A key of the step itself."""
    yield _Link(By.STEP, ".".join(place.segments), getattr(place.node.node, name), place)


def _of_step(place: _Place, name: str) -> Iterator[_Link]:
    """What can give a setting of a step its value, the strongest first."""
    call = place.node.node.call
    if isinstance(call, BlockCall):
        yield from _of_use(place, name)
        return
    assert isinstance(call, OpCall | JoinCall)
    own, default = call.settings.get(name), call.defaults.get(name)
    if own is not None and own is not default:
        yield _Link(By.STEP, ".".join(place.segments), own, place)
    if default is not None:
        yield _Link(By.DEFAULTS, call.op.name, default, place)
    known = settings_of(call.op)[name]
    if not known.is_required:
        yield _Link(By.OP, call.op.name, None, place, known.default)


def _of_use(place: _Place, name: str) -> Iterator[_Link]:
    """What can give a param its value where a step uses its block, the strongest first."""
    call = place.node.node.call
    assert isinstance(call, BlockCall)
    block = call.block
    own, variant = call.arguments.get(name), block.variants.get(call.variant, {}).get(name)
    if own is not None and own is not variant:
        yield _Link(By.USE, ".".join(place.segments), own, place)
    if variant is not None:
        yield _Link(By.VARIANT, f"{block.name}.{call.variant}", variant, place)
    default = block.params[name].default
    if default is not None and place.node.block is not None:
        inside = place._replace(frame=_Frame(place.node.block, place))
        yield _Link(By.PARAM, block.name, default, inside)
