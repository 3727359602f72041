"""Branches of one join that are the same steps with the same settings, as written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping

from archgen.diagnostics import Diagnostic, Label
from archgen.ir.graph import (
    BlockCall,
    Graph,
    JoinCall,
    Node,
    OpCall,
    Ref,
    Term,
    UnknownCall,
)
from archgen.ops.slots import Literal, Setting
from archgen.resolve import Resolved
from archgen.rules import IDENTICAL_BRANCHES


def identical_branches(resolved: Resolved) -> Iterator[Diagnostic]:
    """Two branches that differ in their names alone: one of them was perhaps to be edited.

    What is compared is what stands in the text: params that happen to be equal in this network are
    none of it.
    """
    network = resolved.network
    graphs = [block.graph for block in resolved.blocks.values() if block is not None]
    if network is not None:
        graphs += [network.block.graph, *(head.graph for head in network.heads)]
    for graph in graphs:
        for node in graph.walk():
            if isinstance(node.call, JoinCall) and len(node.call.branches) > 1:
                yield from _in_join(node.call)


def _in_join(call: JoinCall) -> Iterator[Diagnostic]:
    seen: dict[Hashable, str] = {}
    for branch in call.branches:
        key = _graph(branch.graph)
        if key is None:
            continue
        first = seen.setdefault(key, branch.name)
        if first != branch.name:
            place = next(other.span for other in call.branches if other.name == first)
            yield IDENTICAL_BRANCHES.at(
                branch.span,
                f"the branches `{first}` and `{branch.name}` of this `{call.op.name}` are the same",
                labels=(Label(place, "the same steps"),),
                help=f"change one of them, or acknowledge it: `allow: [{IDENTICAL_BRANCHES.code}]`",
            )


def _graph(graph: Graph) -> Hashable:
    """What the steps are, their own names left out; None where one could not be read."""
    inner = {node.id: index for index, node in enumerate(graph.nodes)}
    steps = [_step(node, inner) for node in graph.nodes]
    if any(step is None for step in steps):
        return None
    return (tuple(steps), _reference(graph.output, inner))


def _step(node: Node, inner: Mapping[int, int]) -> Hashable:
    what = _call(node)
    if what is None:
        return None
    inputs = tuple(_reference(ref, inner) for ref in node.inputs)
    return (what, inputs, _term(node.repeat), _term(node.when))


def _call(node: Node) -> Hashable:
    call = node.call
    if isinstance(call, UnknownCall):
        return None
    if isinstance(call, BlockCall):
        return (id(call.block), _terms(call.arguments))
    if isinstance(call, OpCall):
        return (call.op.name, _terms(call.settings))
    branches = tuple(_graph(branch.graph) for branch in call.branches)
    return None if None in branches else (call.op.name, _terms(call.settings), branches)


def _reference(ref: Ref, inner: Mapping[int, int]) -> Hashable:
    """A step of the branch by its place in it; any other value by itself."""
    if ref.id in inner:
        return (True, inner[ref.id], ref.port, ref.instance)
    return (False, *ref)


def _terms(terms: Mapping[str, Term]) -> Hashable:
    return tuple(sorted((name, _term(term)) for name, term in terms.items()))


def _term(term: Term | None) -> str:
    """A term as text, the same for equal ones; one that could not be read equals itself only."""
    if term is None:
        return ""
    if not isinstance(term, Setting):
        return f"unreadable {id(term)}"
    if isinstance(term.form, Literal):
        return f"literal {term.form.value!r}"
    if isinstance(term.form, tuple):
        return f"({', '.join(map(_term, term.form))})"
    return f"expression {term.form.text}"
