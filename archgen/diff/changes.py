"""Own changes: what differs between two networks as they are written, definition by definition.

Blocks, steps and branches are aligned (`alignment`). What a setting says is compared, not what it
comes to: `filters: m` is unchanged where `m` has another value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from archgen.diagnostics import Span
from archgen.diff.alignment import Pairs, aligned, out_of_order
from archgen.diff.definitions import Definitions, named, terms_of, text_of
from archgen.ir.graph import (
    INPUT,
    Block,
    Branch,
    Graph,
    Head,
    JoinCall,
    NetworkGraph,
    Node,
    Param,
    Ref,
)
from archgen.ir.walk import joined_path
from archgen.resolve.printer import value_text

NETWORK = ""


class Change(NamedTuple):
    """One thing that is written otherwise: `before` is empty where it is new, `after` where it is gone.

    `block` is the definition it is in, empty for the network's own steps; `step` its path there, as
    in names of parameters. A `label` changes no value: a name that no weight bears.
    """

    block: str
    step: str
    what: str
    before: str
    after: str
    place: Span
    is_label: bool = False
    part: str = ""

    @property
    def sign(self) -> str:
        """`+` for what is new, `-` for what is gone, `~` for the rest."""
        return "+" if not self.before else "-" if not self.after else "~"


class Changes(NamedTuple):
    """All own changes, the network's first, and which of its steps became which."""

    own: tuple[Change, ...]
    steps: Pairs[Node]


def changes(before: NetworkGraph, after: NetworkGraph) -> Changes:
    """What has become of one network, as it is written, in the other."""
    comparison = _Comparison(Definitions(before), Definitions(after))
    own = list(comparison.changes())
    return Changes(tuple(comparison.moved(own)), comparison.parts)


class _Place(NamedTuple):
    """A list of steps on one side, where it stands and the value that it begins with."""

    graph: Graph
    start: Ref


class _Comparison:
    """Compares the definitions of two networks."""

    def __init__(self, before: Definitions, after: Definitions) -> None:
        self._before, self._after = before, after
        self.parts: Pairs[Node] = []  # the steps of the network, once they are aligned
        self._alone: dict[tuple[str, Span], Hashable] = {}  # what a step says that came or went

    def changes(self) -> Iterator[Change]:
        """Those of the network, then those of the blocks it uses."""
        before, after = self._before, self._after
        old = {id(block) for block in before.blocks}
        pairs = aligned(
            before.blocks,
            after.blocks,
            lambda block: (before if id(block) in old else after).block(block),
        )
        both = [(one, other) for one, other in pairs if one is not None and other is not None]
        names = [(before.name(one), after.name(other)) for one, other in both]
        self._before = Definitions(before.network, dict(names))
        yield from self._network(before.network, after.network)
        for (one, other), (was, name) in zip(both, names, strict=True):
            if was != name:
                yield Change(name, "", "block", was, name, other.span, is_label=True)
            yield from self._block(name, one, other)

    def moved(self, own: Sequence[Change]) -> Iterator[Change]:
        """The changes, with one in the place of two where a step went from one list to another."""
        sides: dict[Hashable, tuple[list[int], list[int]]] = {}
        for number, change in enumerate(own):
            said = self._alone.get((change.sign, change.place))
            if change.what == "step" and said is not None:
                sides.setdefault(said, ([], []))[change.sign == "+"].append(number)
        pairs = {new[0]: old[0] for old, new in sides.values() if len(old) == len(new) == 1}
        gone = set(pairs.values())
        for number, change in enumerate(own):
            if number in pairs:
                places = _whereabouts(own[pairs[number]]), _whereabouts(change)
                yield change._replace(what="place", before=places[0], after=places[1])
            elif number not in gone:
                yield change

    def _steps(self, before: Sequence[Node], after: Sequence[Node]) -> Pairs[Node]:
        """Two lists of steps, aligned."""
        old = {id(node) for node in before}
        return aligned(
            before, after, lambda n: (self._before if id(n) in old else self._after).step(n)
        )

    def _network(self, before: NetworkGraph, after: NetworkGraph) -> Iterator[Change]:
        place = after.block.span
        if before.title != after.title:
            yield Change(NETWORK, "", "name", before.title, after.title, place, is_label=True)
        if before.input != after.input:
            yield Change(NETWORK, "", "input", str(before.input), str(after.input), place)
        yield from self._block(NETWORK, before.block, after.block)
        for old, new in aligned(before.heads, after.heads, named):
            there = new or old
            assert there is not None
            yield from (c._replace(part=there.name) for c in self._head(old, new))
        orders = [[head.name for head in network.heads] for network in (before, after)]
        if orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]):
            was, now = map(", ".join, orders)
            yield Change(NETWORK, "", "order of outputs", was, now, after.heads[0].span)

    def _head(self, old: Head | None, new: Head | None) -> Iterator[Change]:
        if old is None or new is None:
            there = old or new
            assert there is not None
            names = (old.name if old else "", new.name if new else "")
            yield Change(NETWORK, there.name, "output", *names, there.span)
            return
        networks = self._before.network, self._after.network
        texts = [
            {
                "from": _reference(head.start, network.block.graph),
                "training_only": value_text(head.training_only),
                "loss_weight": str(head.loss_weight or ""),
            }
            for head, network in zip((old, new), networks, strict=True)
        ]
        yield from _differing(NETWORK, new.name, texts[0], texts[1], new.span)
        sides = _Place(old.graph, old.start), _Place(new.graph, new.start)
        yield from self._graph(NETWORK, new.name, *sides)

    def _block(self, name: str, before: Block, after: Block) -> Iterator[Change]:
        for old, new in aligned(list(before.params.values()), list(after.params.values()), named):
            one, other = (_param_text(param) if param else "" for param in (old, new))
            if one != other:
                there = new or old
                assert there is not None
                yield Change(name, "", f"param {there.name}", one, other, there.span)
        if before.inputs != after.inputs:
            was, now = (", ".join(block.inputs) or "in" for block in (before, after))
            yield Change(name, "", "inputs", was, now, after.inputs_span or after.span)
        ports = [
            {port: _reference(ref, block.graph) for port, ref in block.outputs.items()}
            for block in (before, after)
        ]
        yield from _differing(name, "", ports[0], ports[1], after.span)
        sides = _Place(before.graph, _start(before)), _Place(after.graph, _start(after))
        yield from self._graph(name, "", *sides)

    def _graph(self, block: str, path: str, before: _Place, after: _Place) -> Iterator[Change]:
        pairs = self._steps(before.graph.nodes, after.graph.nodes)
        is_network = before.graph is self._before.network.block.graph
        if is_network:
            self.parts = pairs
        previous = _previous(before) | _previous(after)
        places = {id(node): place for place, node in enumerate(before.graph.nodes)}
        kept = [id(old) for old, new in pairs if old is not None and new is not None]
        moved = {kept[n] for n in out_of_order([places[key] for key in kept])}
        for old, new in pairs:
            if old is None or new is None:
                found: Iterable[Change] = [self._lone(block, path, old, new)]
            else:
                reads = tuple(
                    "" if node.inputs == (previous[id(node)],) else _inputs(node, place.graph)
                    for node, place in ((old, before), (new, after))
                )
                found = self._step(block, path, old, new, reads, is_moved=id(old) in moved)
            there = new or old
            assert there is not None
            yield from (c._replace(part=there.name) if is_network else c for c in found)

    def _step(
        self,
        block: str,
        path: str,
        old: Node,
        new: Node,
        reads: tuple[str, ...],
        *,
        is_moved: bool,
    ) -> Iterator[Change]:
        """A step that is on both sides."""
        step = joined_path(path, new.segment or new.name)
        if old.name != new.name:
            is_label = not old.segment and not new.segment
            yield Change(block, step, "name", old.name, new.name, new.key, is_label)
        if is_moved:
            yield Change(block, step, "place", "elsewhere", "here", new.key)
        if reads[0] != reads[1]:
            words = [text or "the step before" for text in reads]
            yield Change(block, step, "from", words[0], words[1], new.key)
        yield from self._node(block, path, old, new)

    def _lone(self, block: str, path: str, old: Node | None, new: Node | None) -> Change:
        """A step that came or went."""
        side, node = (self._after, new) if new is not None else (self._before, old)
        assert node is not None
        texts = (side.said(node), "") if new is None else ("", side.said(node))
        step = joined_path(path, node.segment or node.name)
        change = Change(block, step, "step", *texts, node.key)
        self._alone[change.sign, change.place] = side.step(node).whole()
        return change

    def _node(self, block: str, path: str, old: Node, new: Node) -> Iterator[Change]:
        step = joined_path(path, new.segment or new.name)
        called = self._before.called(old), self._after.called(new)
        if called[0] != called[1]:
            said = self._before.said(old), self._after.said(new)
            yield Change(block, step, "op", *said, new.key)
            return
        settings = self._before.settings(old), self._after.settings(new)
        places = {name: term.span for name, term in terms_of(new).items()}
        yield from _differing(block, step, *settings, new.key, places)
        if isinstance(old.call, JoinCall) and isinstance(new.call, JoinCall):
            branches = old.call.branches, new.call.branches
            orders = [[branch.name for branch in side] for side in branches]
            if orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]):
                was, now = map(", ".join, orders)
                yield Change(block, step, "order", was, now, new.key)
            yield from self._branches(block, joined_path(path, new.segment), *branches)

    def _branches(
        self,
        block: str,
        path: str,
        before: Sequence[Branch],
        after: Sequence[Branch],
    ) -> Iterator[Change]:
        old_ones = {id(branch) for branch in before}
        for old, new in aligned(
            before,
            after,
            lambda b: (self._before if id(b) in old_ones else self._after).branch(b),
        ):
            there = new or old
            assert there is not None
            here = path if there.is_body else joined_path(path, there.name)
            if old is None or new is None:
                count = _steps(len(there.graph.nodes))
                texts = (count, "") if new is None else ("", count)
                yield Change(block, here, "branch", *texts, there.span)
                continue
            if old.name != new.name:
                yield Change(block, here, "name", old.name, new.name, new.span)
            sides = _Place(old.graph, old.start), _Place(new.graph, new.start)
            yield from self._graph(block, here, *sides)


def _differing(
    block: str,
    step: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    place: Span,
    places: Mapping[str, Span] = MappingProxyType({}),
) -> Iterator[Change]:
    """The texts that differ, each with the place of its own where it has one."""
    for what in dict.fromkeys((*before, *after)):
        old, new = before.get(what, ""), after.get(what, "")
        if old != new:
            yield Change(block, step, what, old, new, places.get(what, place))


def _whereabouts(change: Change) -> str:
    return joined_path(change.block, change.step)


def _param_text(param: Param) -> str:
    return text_of(param.default) or "without default"


def _start(block: Block) -> Ref:
    return Ref(INPUT, block.inputs[0] if block.inputs else "")


def _previous(place: _Place) -> dict[int, Ref]:
    """For each step of a list the value that it reads where it does not say."""
    nodes = place.graph.nodes
    values = (place.start, *(Ref(node.id) for node in nodes))
    return {id(node): value for node, value in zip(nodes, values, strict=False)}


def _reference(ref: Ref, graph: Graph) -> str:
    names = {node.id: node.name for node in graph.walk()}
    tail = f".{ref.port}" if ref.port else "" if ref.instance is None else f".{ref.instance}"
    return names.get(ref.id, "in") + tail


def _inputs(node: Node, graph: Graph) -> str:
    return ", ".join(_reference(ref, graph) for ref in node.inputs)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
