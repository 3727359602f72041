"""Params set from outside: by `alternatives:` in a spec and by `--set` on the command line.

`num_classes` is a param of the network; `reduction_a.k` is the param `k` of the one use of a block
that is called `reduction_a`, by the step's name or by the block's; `reduction_a.variant` picks a
variant there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from archgen.diagnostics import Findings, Span, did_you_mean, listed
from archgen.ir.graph import (
    Block,
    BlockCall,
    Graph,
    JoinCall,
    NetworkGraph,
    Node,
    Param,
    Term,
)
from archgen.ops.slots import SettingError, Slot
from archgen.rules import SET_MISSES
from archgen.spec.document import Node as YamlNode
from archgen.spec.document import ScalarNode


class Override(NamedTuple):
    """One value to set: the target as written, and where it stands."""

    target: str
    value: YamlNode
    span: Span


class _Use(NamedTuple):
    """A use of a block: the names that lead to it, and the ids of the steps, block after block."""

    path: tuple[str, ...]
    ids: tuple[int, ...]
    node: Node
    call: BlockCall

    def __str__(self) -> str:
        return ".".join(self.path)


def apply_overrides(
    network: NetworkGraph, overrides: tuple[Override, ...], findings: Findings
) -> tuple[NetworkGraph, dict[str, object]]:
    """The network with block params replaced, and the values for its own params."""
    arguments: dict[str, object] = {}
    for override in overrides:
        try:
            owner, dot, name = override.target.rpartition(".")
            if not dot:
                arguments[name] = _own_value(network.block, name, override)
            else:
                use = _find(network, owner, override)
                changed = replace(use.node, call=_changed(use.call, name, override))
                network = _with_node(network, use.ids, changed)
        except SettingError as error:
            findings.add(error.diagnostic)
    return network, arguments


def _own_value(block: Block, name: str, override: Override) -> object:
    param = block.params.get(name)
    if param is None:
        uses = ", ".join(
            f"`{use}.{name}`" for use in _uses(block.graph) if name in use.call.block.params
        )
        near = did_you_mean(name, block.params)
        help = f"did you mean `{near}`?" if near else f"write {uses}" if uses else _known(block)
        raise _misses(override, f"`{block.name}` has no param `{name}`", help)
    return _value(param, override).evaluate({})


def _value(param: Param, override: Override) -> Term:
    assert isinstance(param.slot, Slot)
    try:
        return param.slot.read(override.value, {})
    except SettingError as error:
        raise SettingError(error.diagnostic.naming(param.name)) from None


def _known(block: Block) -> str:
    return f"it has {listed(block.params)}" if block.params else "it has no params"


def _misses(override: Override, message: str, help: str) -> SettingError:
    return SettingError(SET_MISSES.at(override.span, message, help=help))


def _uses(graph: Graph, path: tuple[str, ...] = (), ids: tuple[int, ...] = ()) -> Iterator[_Use]:
    """Every use of a block in the graph and in the blocks it uses, under its path of names.

    The names are those of the parameters: a branch adds its own, a residual's body none.
    """
    for node in graph.nodes:
        if isinstance(node.call, BlockCall):
            here, chain = (*path, node.name), (*ids, node.id)
            yield _Use(here, chain, node, node.call)
            yield from _uses(node.call.block.graph, here, chain)
        elif isinstance(node.call, JoinCall):
            around = (*path, node.segment) if node.segment else path
            for branch in node.call.branches:
                here = around if branch.is_body else (*around, branch.name)
                yield from _uses(branch.graph, here, ids)


def _find(network: NetworkGraph, owner: str, override: Override) -> _Use:
    """The one use that `owner` names: its path, its step's name, or its block's."""
    uses = list(_uses(network.block.graph))
    for head in network.heads:
        uses.extend(_uses(head.graph, (head.name,)))
    for matches in (
        [use for use in uses if str(use) == owner],
        [use for use in uses if use.node.name == owner],
        [use for use in uses if use.call.block.name == owner],
    ):
        distinct = {str(use): use for use in matches}
        if len(distinct) > 1:
            names = listed((f"`{name}`" for name in distinct), 6)
            message = f"`{owner}` is used {len(distinct)} times: {names}"
            raise _misses(
                override,
                message,
                f"name one of them, as in `{next(iter(distinct))}.{_last(override)}`",
            )
        if distinct:
            return next(iter(distinct.values()))
    legal = {use.node.name for use in uses} | {use.call.block.name for use in uses}
    near = did_you_mean(owner, legal)
    help = (
        f"did you mean `{near}.{_last(override)}`?"
        if near
        else f"there are {listed(sorted(legal)) or 'no blocks'}"
    )
    raise _misses(override, f"no step and no block is called `{owner}`", help)


def _last(override: Override) -> str:
    return override.target.rpartition(".")[2]


def _changed(call: BlockCall, name: str, override: Override) -> BlockCall:
    if name == "variant":
        return _with_variant(call, override)
    param = call.block.params.get(name)
    if param is None:
        near = did_you_mean(name, call.block.params)
        help = f"did you mean `{near}`?" if near else _known(call.block)
        raise _misses(override, f"the block `{call.block.name}` has no param `{name}`", help)
    arguments: Mapping[str, Term] = {**call.arguments, name: _value(param, override)}
    return call._replace(arguments=arguments)


def _with_variant(call: BlockCall, override: Override) -> BlockCall:
    name = override.value.text if isinstance(override.value, ScalarNode) else ""
    values = call.block.variants.get(name)
    if values is None:
        near = did_you_mean(name, call.block.variants)
        known = f"it has {listed(call.block.variants)}" if call.block.variants else "it has none"
        help = f"did you mean `{near}`?" if near else known
        raise _misses(override, f"the block `{call.block.name}` has no variant `{name}`", help)
    return call._replace(arguments={**call.arguments, **values}, variant=name)


def _with_node(network: NetworkGraph, ids: tuple[int, ...], changed: Node) -> NetworkGraph:
    """The network with one use of a block exchanged, found by the steps that lead to it."""
    graph = _in_graph(network.block.graph, ids, changed)
    heads = tuple(
        head._replace(graph=_in_graph(head.graph, ids, changed)) for head in network.heads
    )
    return network._replace(block=network.block._replace(graph=graph), heads=heads)


def _in_graph(graph: Graph, ids: tuple[int, ...], changed: Node) -> Graph:
    return graph._replace(nodes=tuple(_in_node(node, ids, changed) for node in graph.nodes))


def _in_node(node: Node, ids: tuple[int, ...], changed: Node) -> Node:
    if isinstance(node.call, JoinCall):
        branches = tuple(
            branch._replace(graph=_in_graph(branch.graph, ids, changed))
            for branch in node.call.branches
        )
        return replace(node, call=node.call._replace(branches=branches))
    if not isinstance(node.call, BlockCall) or node.id != ids[0]:
        return node
    if len(ids) == 1:
        return changed
    block = node.call.block
    inner = block._replace(graph=_in_graph(block.graph, ids[1:], changed))
    return replace(node, call=node.call._replace(block=inner))
