"""The ways a graph may be changed: always a new graph, with everything else shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archgen.ir.graph import Block, BlockCall, Graph, JoinCall, NetworkGraph, Node


def replace_nodes(network: NetworkGraph, changes: Mapping[int, Node]) -> NetworkGraph:
    """The network with nodes exchanged in their definitions, and so in every use of their block.

    `changes` maps the `id()` of a node to the one that takes its place.
    """
    rewriter = _Rewriter(changes)
    heads = tuple(head._replace(graph=rewriter.graph(head.graph)) for head in network.heads)
    return network._replace(block=rewriter.block(network.block), heads=heads)


class _Rewriter:
    """Rewrites each block once, so that its uses go on sharing it."""

    def __init__(self, changes: Mapping[int, Node]) -> None:
        self._changes = changes
        self._blocks: dict[int, Block] = {}

    def block(self, block: Block) -> Block:
        if id(block) not in self._blocks:
            graph = self.graph(block.graph)
            same = graph is block.graph
            self._blocks[id(block)] = block if same else block._replace(graph=graph)
        return self._blocks[id(block)]

    def graph(self, graph: Graph) -> Graph:
        nodes = tuple(self._node(node) for node in graph.nodes)
        same = all(new is old for new, old in zip(nodes, graph.nodes, strict=True))
        return graph if same else graph._replace(nodes=nodes)

    def _node(self, node: Node) -> Node:
        node = self._changes.get(id(node), node)
        call = node.call
        if isinstance(call, BlockCall):
            block = self.block(call.block)
            return node if block is call.block else replace(node, call=call._replace(block=block))
        if not isinstance(call, JoinCall):
            return node
        graphs = [self.graph(branch.graph) for branch in call.branches]
        if all(new is old.graph for new, old in zip(graphs, call.branches, strict=True)):
            return node
        branches = tuple(b._replace(graph=g) for b, g in zip(call.branches, graphs, strict=True))
        return replace(node, call=call._replace(branches=branches))
