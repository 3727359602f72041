"""Own changes: what differs between two networks as they are written, definition by definition.

Blocks are aligned by name, then by equal definitions, steps within a list likewise. What a setting
says is compared, not what it comes to: `filters: m` is unchanged where `m` has another value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from archgen.diagnostics import Span
from archgen.ir.graph import (
    INPUT,
    Block,
    BlockCall,
    Branch,
    Graph,
    Head,
    JoinCall,
    NetworkGraph,
    Node,
    OpCall,
    Param,
    Ref,
    Term,
)
from archgen.ops.settings import settings_of
from archgen.resolve.printer import block_names, term_text, used_blocks, value_text

Item = TypeVar("Item")
NETWORK = ""


class Change(NamedTuple):
    """One thing that is written otherwise: `before` is empty where it is new, `after` where it is gone.

    `block` is the definition it is in, empty for the network's own steps; `step` its path there.
    A `label` changes no value: a name that no weight bears.
    """

    block: str
    step: str
    what: str
    before: str
    after: str
    place: Span | None = None
    is_label: bool = False

    @property
    def sign(self) -> str:
        """`+` for what is new, `-` for what is gone, `~` for the rest."""
        return "+" if not self.before else "-" if not self.after else "~"


def changes(before: NetworkGraph, after: NetworkGraph) -> list[Change]:
    """All own changes, the network's first."""
    return list(_Definitions(before, after).changes())


def aligned(
    before: Sequence[Item],
    after: Sequence[Item],
    name: Callable[[Item], str],
    likeness: Callable[[Item], Hashable],
) -> list[tuple[Item | None, Item | None]]:
    """Pairs by name, then of what is left by likeness, in order; the rest alone, in the order of `after`."""
    named = {name(item): item for item in before}
    pairs = {name(item): named.pop(name(item)) for item in after if name(item) in named}
    alike: dict[Hashable, list[Item]] = {}
    for item in named.values():
        alike.setdefault(likeness(item), []).append(item)
    for item in after:
        if name(item) not in pairs and (same := alike.get(likeness(item))):
            pairs[name(item)] = same.pop(0)
            named.pop(name(pairs[name(item)]))
    gone: list[tuple[Item | None, Item | None]] = [(item, None) for item in named.values()]
    return [(pairs.get(name(item)), item) for item in after] + gone


class _Side:
    """One network with its definitions by name."""

    def __init__(self, network: NetworkGraph) -> None:
        self.network = network
        self._names = block_names(network)
        self.blocks = {self._names[id(block)]: block for block in used_blocks(network)}

    def name(self, block: Block) -> str:
        return self._names[id(block)]

    def likeness(self, block: Block) -> Hashable:
        """What a definition says, apart from its name and those of its steps."""
        params = tuple((p.name, _text(p.default)) for p in block.params.values())
        return params, self.graph(block.graph)

    def graph(self, graph: Graph) -> Hashable:
        """What a list of steps says, apart from names."""
        return tuple(self.node(node) for node in graph.nodes)

    def node(self, node: Node) -> Hashable:
        """What a step says, apart from its name and place."""
        branches = node.call.branches if isinstance(node.call, JoinCall) else ()
        inner = tuple((branch.name, self.graph(branch.graph)) for branch in branches)
        return self.called(node), tuple(self.settings(node).items()), inner

    def called(self, node: Node) -> str:
        """The op or block of a step."""
        if isinstance(node.call, BlockCall):
            return self.name(node.call.block)
        return node.call.op.name if isinstance(node.call, OpCall | JoinCall) else "?"

    def settings(self, node: Node) -> dict[str, str]:
        """Every setting of a step as it is written, or its default."""
        call = node.call
        texts = {"repeat": _text(node.repeat), "when": _text(node.when)}
        if isinstance(call, OpCall | JoinCall):
            defaults = {
                name: "" if kind.is_required else value_text(kind.default)
                for name, kind in settings_of(call.op).items()
            }
            return {**defaults, **{n: _text(t) for n, t in call.settings.items()}, **texts}
        if isinstance(call, BlockCall):
            defaults = {name: _text(param.default) for name, param in call.block.params.items()}
            return {**defaults, **{n: _text(t) for n, t in call.arguments.items()}, **texts}
        return texts


class _Definitions:
    """Compares the definitions of two networks."""

    def __init__(self, before: NetworkGraph, after: NetworkGraph) -> None:
        self._before, self._after = _Side(before), _Side(after)
        self._renamed: dict[str, str] = {}

    def changes(self) -> Iterator[Change]:
        before, after = self._before, self._after
        pairs = aligned(
            list(before.blocks.items()),
            list(after.blocks.items()),
            lambda item: item[0],
            lambda item: (before if before.blocks.get(item[0]) is item[1] else after).likeness(
                item[1]
            ),
        )
        self._renamed = {a[0]: b[0] for a, b in pairs if a and b and a[0] != b[0]}
        yield from self._network(before.network, after.network)
        for old, new in pairs:
            if old is not None and new is not None:
                if old[0] != new[0]:
                    yield Change(new[0], "", "block", old[0], new[0], new[1].span, is_label=True)
                yield from self._block(new[0], old[1], new[1])

    def _network(self, before: NetworkGraph, after: NetworkGraph) -> Iterator[Change]:
        place = after.block.span
        if before.title != after.title:
            yield Change(NETWORK, "", "name", before.title, after.title, place, is_label=True)
        if before.input != after.input:
            yield Change(NETWORK, "", "input", str(before.input), str(after.input), place)
        yield from self._block(NETWORK, before.block, after.block)
        for old, new in aligned(before.heads, after.heads, _head_name, _head_name):
            yield from self._head(old, new, before, after)

    def _head(
        self, old: Head | None, new: Head | None, before: NetworkGraph, after: NetworkGraph
    ) -> Iterator[Change]:
        if old is None or new is None:
            there = old or new
            assert there is not None
            names = (old.name if old else "", new.name if new else "")
            yield Change(NETWORK, there.name, "output", *names, there.span)
            return
        texts = [
            (
                _reference(head.start, network.block.graph),
                value_text(head.training_only),
                str(head.loss_weight or ""),
            )
            for head, network in ((old, before), (new, after))
        ]
        for what, one, other in zip(("from", "training_only", "loss_weight"), *texts, strict=True):
            if one != other:
                yield Change(NETWORK, new.name, what, one, other, new.span)
        yield from self._graph(NETWORK, new.name, old.graph, new.graph, old.start, new.start)

    def _block(self, name: str, before: Block, after: Block) -> Iterator[Change]:
        for old, new in aligned(
            list(before.params.values()), list(after.params.values()), _param_name, _param_name
        ):
            one, other = (_param_text(param) if param else "" for param in (old, new))
            if one != other:
                there = new or old
                assert there is not None
                yield Change(name, "", f"param {there.name}", one, other, there.span)
        ports = [
            {port: _reference(ref, block.graph) for port, ref in block.outputs.items()}
            for block in (before, after)
        ]
        yield from _differing(name, "", ports[0], ports[1], after.span)
        yield from self._graph(name, "", before.graph, after.graph, _start(before), _start(after))

    def _graph(
        self, block: str, path: str, before: Graph, after: Graph, start: Ref, new_start: Ref
    ) -> Iterator[Change]:
        sides = {**dict.fromkeys(map(id, before.nodes), self._before)}
        pairs = aligned(
            before.nodes,
            after.nodes,
            _node_name,
            lambda node: sides.get(id(node), self._after).node(node),
        )
        previous = [
            {id(node): ref for node, ref in zip(graph.nodes, _previous(graph, first), strict=True)}
            for graph, first in ((before, start), (after, new_start))
        ]
        kept = [old for old, new in pairs if old is not None and new is not None]
        moved = _out_of_order(kept, before.nodes)
        for old, new in pairs:
            there = new or old
            assert there is not None
            step = _joined(path, there.name)
            if old is None or new is None:
                side = self._after if new else self._before
                said = self._said(side, there)
                yield Change(
                    block, step, "step", said if old else "", said if new else "", there.key
                )
                continue
            if old.name != new.name:
                is_label = not old.segment and not new.segment
                yield Change(block, step, "name", old.name, new.name, new.key, is_label)
            if id(old) in moved:
                yield Change(block, step, "place", "elsewhere", "here", new.key)
            inputs = [
                "" if node.inputs == (previous[side][id(node)],) else _inputs(node, graph)
                for side, (node, graph) in enumerate(((old, before), (new, after)))
            ]
            if inputs[0] != inputs[1]:
                words = [text or "the step before" for text in inputs]
                yield Change(block, step, "from", words[0], words[1], new.key)
            yield from self._node(block, step, old, new)

    def _node(self, block: str, step: str, old: Node, new: Node) -> Iterator[Change]:
        called = self._before.called(old), self._after.called(new)
        if self._renamed.get(called[0], called[0]) != called[1]:
            said = self._said(self._before, old), self._said(self._after, new)
            yield Change(block, step, "op", *said, new.key)
            return
        settings = self._before.settings(old), self._after.settings(new)
        places = {name: term.span for name, term in _terms(new).items()}
        yield from _differing(block, step, *settings, new.key, places)
        if isinstance(old.call, JoinCall) and isinstance(new.call, JoinCall):
            for one, other in aligned(
                old.call.branches, new.call.branches, _branch_name, _branch_name
            ):
                there = other or one
                assert there is not None
                path = _joined(step, there.name)
                if one is None or other is None:
                    count = f"{len(there.graph.nodes)} steps"
                    texts = (count if one else "", count if other else "")
                    yield Change(block, path, "branch", *texts, there.span)
                else:
                    graphs, starts = (one.graph, other.graph), (one.start, other.start)
                    yield from self._graph(block, path, *graphs, *starts)

    @staticmethod
    def _said(side: _Side, node: Node) -> str:
        """A step in a few words: `conv {filters: 32, kernel: 3}`."""
        terms = _terms(node).items()
        own = [f"{name}: {_text(term)}" for name, term in terms if node.span.contains(term.span)]
        return f"{side.called(node)} {{{', '.join(own)}}}" if own else side.called(node)


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


def _terms(node: Node) -> Mapping[str, Term]:
    """What a step says: its settings or arguments, its `repeat` and its `when`."""
    call = node.call
    own = {"repeat": node.repeat, "when": node.when}
    said = {name: term for name, term in own.items() if term is not None}
    if isinstance(call, OpCall | JoinCall):
        return {**call.settings, **said}
    return {**call.arguments, **said} if isinstance(call, BlockCall) else said


def _text(term: Term | None) -> str:
    return "" if term is None else term_text(term)


def _param_text(param: Param) -> str:
    return _text(param.default) or "without default"


def _start(block: Block) -> Ref:
    return Ref(INPUT, block.inputs[0] if block.inputs else "")


def _previous(graph: Graph, start: Ref) -> list[Ref]:
    return [start, *(Ref(node.id) for node in graph.nodes[:-1])] if graph.nodes else []


def _reference(ref: Ref, graph: Graph) -> str:
    names = {node.id: node.name for node in graph.walk()}
    tail = f".{ref.port}" if ref.port else "" if ref.instance is None else f".{ref.instance}"
    return names.get(ref.id, "in") + tail


def _inputs(node: Node, graph: Graph) -> str:
    return ", ".join(_reference(ref, graph) for ref in node.inputs)


def _out_of_order(kept: Iterable[Node], before: Sequence[Node]) -> set[int]:
    """Steps that stand before one that they stood behind."""
    places = {id(node): place for place, node in enumerate(before)}
    moved: set[int] = set()
    highest = -1
    for node in kept:
        if places[id(node)] < highest:
            moved.add(id(node))
        highest = max(highest, places[id(node)])
    return moved


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _head_name(head: Head) -> str:
    return head.name


def _param_name(param: Param) -> str:
    return param.name


def _node_name(node: Node) -> str:
    return node.name


def _branch_name(branch: Branch) -> str:
    return branch.name
