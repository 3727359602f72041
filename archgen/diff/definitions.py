"""The definitions of one network as they are written: what each says, and by which name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping

from archgen.diff.alignment import Saying
from archgen.ir.graph import (
    NOTHING,
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
    Term,
)
from archgen.ir.op import Op
from archgen.ops.settings import settings_of
from archgen.ops.slots import Setting
from archgen.resolve.printer import block_names, term_text, used_blocks, value_text

UNKNOWN = "?"
ENOUGH = 0.7  # of what two definitions say, so that one is the other under a new name
_NUMBER = re.compile(r"_\d+$")


class Definitions:
    """A network with its blocks by name. What is compared is texts: `m` is `m` whatever its value."""

    def __init__(self, network: NetworkGraph, new_names: Mapping[str, str] = NOTHING) -> None:
        """`new_names` are what its blocks are called from here on."""
        self.network = network
        names = block_names(network)
        self._names = {key: new_names.get(name, name) for key, name in names.items()}
        self.blocks = tuple(used_blocks(network))
        self._graphs: dict[int, tuple[Graph, Hashable]] = {}
        self._defaults: dict[type[Op], dict[str, str]] = {}

    def block(self, block: Block) -> Saying:
        """A definition."""
        params = tuple((p.name, text_of(p.default)) for p in block.params.values())
        return Saying(
            self.name(block),
            lambda: (params, self._graph(block.graph)),
            lambda: Counter[Hashable](params) + self._words(block.graph),
            enough=ENOUGH,
        )

    def step(self, node: Node) -> Saying:
        """A step. Its name is its own unless it is that of its op, counted."""
        called = self.called(node)
        is_counted = _NUMBER.sub("", node.name) == _NUMBER.sub("", called.rpartition(".")[2])
        return Saying(
            node.name,
            lambda: self._node(node),
            lambda: self._words_of(node),
            has_given_name=not is_counted,
            kind=called,
        )

    def branch(self, branch: Branch) -> Saying:
        """A branch of a join."""
        graph = branch.graph
        return Saying(branch.name, lambda: self._graph(graph), lambda: self._words(graph))

    def name(self, block: Block) -> str:
        """The name of a block in this network."""
        return self._names[id(block)]

    def called(self, node: Node) -> str:
        """The op or block of a step."""
        if isinstance(node.call, BlockCall):
            return self.name(node.call.block)
        return node.call.op.name if isinstance(node.call, OpCall | JoinCall) else UNKNOWN

    def settings(self, node: Node) -> dict[str, str]:
        """Every setting of a step as it is written, or its default; none that there is not."""
        call = node.call
        given: Mapping[str, Term] = {}
        defaults: dict[str, str] = {}
        if isinstance(call, OpCall | JoinCall):
            given, defaults = call.settings, self._defaults_of(call.op)
        elif isinstance(call, BlockCall):
            given = call.arguments
            defaults = {name: text_of(param.default) for name, param in call.block.params.items()}
        texts = {name: text_of(term) for name, term in given.items() if name in defaults}
        flow = {"repeat": text_of(node.repeat), "when": text_of(node.when)}
        return {**defaults, **texts, **flow}

    def _defaults_of(self, op: type[Op]) -> dict[str, str]:
        """The defaults of an op's settings, empty where there is none."""
        if op not in self._defaults:
            self._defaults[op] = {
                name: "" if kind.is_required else value_text(kind.default)
                for name, kind in settings_of(op).items()
            }
        return self._defaults[op]

    def said(self, node: Node) -> str:
        """A step in a few words: `conv {filters: 32, kernel: 3}`."""
        own = [f"{name}: {text_of(term)}" for name, term in own_terms(node).items()]
        return f"{self.called(node)} {{{', '.join(own)}}}" if own else self.called(node)

    def _graph(self, graph: Graph) -> Hashable:
        """What a list of steps says, apart from names."""
        known = self._graphs.get(id(graph))
        if known is None:
            said = tuple(self._node(node) for node in graph.nodes)
            known = self._graphs[id(graph)] = graph, said
        return known[1]

    def _node(self, node: Node) -> Hashable:
        """What a step says, apart from its name and place."""
        branches = node.call.branches if isinstance(node.call, JoinCall) else ()
        inner = tuple((branch.name, self._graph(branch.graph)) for branch in branches)
        return self.called(node), tuple(self.settings(node).items()), inner

    def _words(self, graph: Graph) -> Counter[Hashable]:
        return sum((self._words_of(node) for node in graph.nodes), Counter[Hashable]())

    def _words_of(self, node: Node) -> Counter[Hashable]:
        """The op or block, what is set of it here, and what is in its branches."""
        called = self.called(node)
        words = Counter[Hashable]({called: 2})
        words.update((called, name, text_of(term)) for name, term in own_terms(node).items())
        if isinstance(node.call, JoinCall):
            for branch in node.call.branches:
                words += self._words(branch.graph)
        return words


def named(item: Param | Head) -> Saying:
    """What nothing but its name tells from others: a param of a block, an output of the network."""
    return Saying(item.name, lambda: item.name, Counter)


def terms_of(node: Node) -> Mapping[str, Term]:
    """What a step says: its settings or arguments, its `repeat` and its `when`."""
    call = node.call
    own = {"repeat": node.repeat, "when": node.when}
    said = {name: term for name, term in own.items() if term is not None}
    if isinstance(call, OpCall | JoinCall):
        return {**call.settings, **said}
    return {**call.arguments, **said} if isinstance(call, BlockCall) else said


def own_terms(node: Node) -> dict[str, Term]:
    """Those of `terms_of` that stand at the step itself, and not under `defaults`."""
    return {n: term for n, term in terms_of(node).items() if node.span.contains(term.span)}


def text_of(term: Term | None) -> str:
    """A term as it is written; empty where there is none, a question mark where it cannot be read."""
    if term is None:
        return ""
    return term_text(term) if isinstance(term, Setting) else UNKNOWN
