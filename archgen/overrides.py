"""Params set from outside: by `alternatives:` in a spec and by `--set` on the command line.

`num_classes` is a param of the network; `reduction_a.k` is the param `k` of the one use of a block
that is called `reduction_a`, by the step's name or by the block's; `reduction_a.variant` picks a
variant there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from archgen.diagnostics import Findings, Span, did_you_mean
from archgen.ir.graph import Block, BlockCall, Branch, Graph, JoinCall, NetworkGraph, Node, Term
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
    """A use of a block: the names of the steps that lead to it."""

    path: tuple[str, ...]
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
                network = network._replace(block=_with_node(network.block, use.path, changed))
        except SettingError as error:
            findings.add(error.diagnostic)
    return network, arguments


def _own_value(block: Block, name: str, override: Override) -> object:
    param = block.params.get(name)
    if param is None:
        uses = ", ".join(
            f"`{use}.{name}`" for use in _uses(block.graph, ()) if name in use.call.block.params
        )
        near = did_you_mean(name, block.params)
        help = f"did you mean `{near}`?" if near else f"write {uses}" if uses else _known(block)
        raise _misses(override, f"`{block.name}` has no param `{name}`", help)
    assert isinstance(param.slot, Slot)
    return param.slot.read(override.value, {}).evaluate({})


def _known(block: Block) -> str:
    return f"its params are {', '.join(block.params) or 'none'}"


def _misses(override: Override, message: str, help: str) -> SettingError:
    return SettingError(SET_MISSES.at(override.span, message, help=help))


def _uses(graph: Graph, path: tuple[str, ...]) -> Iterator[_Use]:
    for node in graph.walk():
        if isinstance(node.call, BlockCall):
            here = (*path, node.name)
            yield _Use(here, node, node.call)
            yield from _uses(node.call.block.graph, here)


def _find(network: NetworkGraph, owner: str, override: Override) -> _Use:
    """The one use that `owner` names: its path, its step's name, or its block's."""
    uses = list(_uses(network.block.graph, ()))
    for matches in (
        [use for use in uses if str(use) == owner],
        [use for use in uses if use.node.name == owner],
        [use for use in uses if use.call.block.name == owner],
    ):
        distinct = {str(use): use for use in matches}
        if len(distinct) > 1:
            names = ", ".join(f"`{name}`" for name in distinct)
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
        else f"there are {', '.join(sorted(legal)) or 'no blocks'}"
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
    assert isinstance(param.slot, Slot)
    arguments: Mapping[str, Term] = {**call.arguments, name: param.slot.read(override.value, {})}
    return call._replace(arguments=arguments)


def _with_variant(call: BlockCall, override: Override) -> BlockCall:
    name = override.value.text if isinstance(override.value, ScalarNode) else ""
    values = call.block.variants.get(name)
    if values is None:
        near = did_you_mean(name, call.block.variants)
        help = (
            f"did you mean `{near}`?"
            if near
            else f"it has {', '.join(call.block.variants) or 'none'}"
        )
        raise _misses(override, f"the block `{call.block.name}` has no variant `{name}`", help)
    return call._replace(arguments={**call.arguments, **values}, variant=name)


def _with_node(block: Block, path: tuple[str, ...], changed: Node) -> Block:
    return block._replace(graph=_in_graph(block.graph, path, changed))


def _in_graph(graph: Graph, path: tuple[str, ...], changed: Node) -> Graph:
    return graph._replace(nodes=tuple(_in_node(node, path, changed) for node in graph.nodes))


def _in_node(node: Node, path: tuple[str, ...], changed: Node) -> Node:
    if isinstance(node.call, JoinCall):
        branches = tuple(
            Branch(b.name, b.span, _in_graph(b.graph, path, changed)) for b in node.call.branches
        )
        return replace(node, call=node.call._replace(branches=branches))
    if not isinstance(node.call, BlockCall) or node.name != path[0]:
        return node
    if len(path) == 1:
        return changed if node.id == changed.id else node
    return replace(
        node, call=node.call._replace(block=_with_node(node.call.block, path[1:], changed))
    )
