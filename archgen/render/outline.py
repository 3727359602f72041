"""A network as rows: blocks, branches and steps with what they cost, down to a depth.

The costs of the rows under a row add up to its own, repeats multiplied. A join without an `id` adds
no level, as in parameter names: its branches stand in its list, and behind them the join itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

from archgen.cost import Cost, Costs, is_known
from archgen.diagnostics import Diagnostic, Severity
from archgen.ir.graph import BlockCall, JoinCall, OpCall
from archgen.ir.shape import Shape
from archgen.ir.shaped import (
    Run,
    ShapedBranch,
    ShapedGraph,
    ShapedNetwork,
    ShapedNode,
)
from archgen.ir.walk import joined_path
from archgen.render.faults import Faults


class Row(NamedTuple):
    """A part of a network. `cost` and `output` are None where a reported error hides them.

    `kind` is the op, the block, `branch` or `output`; `repeat` says how many instances the row
    stands for, and `codes` which errors lie in it.
    """

    path: str
    name: str
    kind: str
    repeat: int
    output: Shape | None
    cost: Cost | None
    codes: tuple[str, ...] = ()
    children: tuple[Row, ...] = ()


class Outline(NamedTuple):
    """A network's rows with its totals; `heads` are its further outputs.

    A head that only training has is in `params_training` and in no other total.
    """

    name: str
    source: str
    input: Shape
    output: Shape | None
    rows: tuple[Row, ...]
    heads: tuple[Row, ...]
    training_heads: tuple[str, ...]
    cost: Cost | None
    params_training: int | None
    codes: tuple[str, ...]


def outline(network: ShapedNetwork, depth: int = 1, findings: Sequence[Diagnostic] = ()) -> Outline:
    """The rows of a network, `depth` levels of them; `findings` say which parts are broken."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    outliner = _Outliner(errors)
    block = network.block
    heads = tuple(outliner.head(head.head.name, head.graph, depth) for head in network.heads)
    rows = tuple(outliner.rows(block.graph, "", depth, 1))
    is_known = all(row.cost is not None for row in (*rows, *heads))
    total = Costs().network(network) if is_known else None
    return Outline(
        name=network.network.title,
        source=block.block.source,
        input=network.network.input,
        output=network.output,
        rows=rows,
        heads=heads,
        training_heads=tuple(h.head.name for h in network.heads if h.head.training_only),
        cost=total.cost if total else None,
        params_training=total.params_training if total else None,
        codes=tuple(sorted({error.rule.code for error in errors})),
    )


def unused_path(path: str, taken: Container[str]) -> str:
    """The path of a join, numbered where one in its own body has it: the body is no part of a path."""
    numbered = (f"{path}-{number}" for number in count(2))
    return next(name for name in chain((path,), numbered) if name not in taken)


class _Outliner:
    """Makes rows; remembers costs and the errors of blocks that are used more than once."""

    def __init__(self, errors: Sequence[Diagnostic]) -> None:
        self._faults = Faults(errors)
        self._costs = Costs()

    def head(self, name: str, graph: ShapedGraph, depth: int) -> Row:
        """A further output of the network."""
        children = tuple(self.rows(graph, name, depth - 1, 1)) if depth > 1 else ()
        cost = self._cost(graph.nodes, 1)
        return Row(name, name, "output", 1, graph.output, cost, self._codes(graph.nodes), children)

    def rows(self, graph: ShapedGraph, path: str, depth: int, times: int) -> Iterator[Row]:
        """The steps of a list, those left out by `when` or a repeat of 0 passed over."""
        for node in graph.nodes:
            if not node.is_active or node.count == 0:
                continue
            if node.branches and not node.node.segment:
                yield from self._branches(node, path, depth, times)
            else:
                yield self._step(node, path, depth, times)

    def _step(self, node: ShapedNode, path: str, depth: int, times: int) -> Row:
        here = joined_path(path, node.node.segment or node.node.name)
        return Row(
            path=here,
            name=node.node.name,
            kind=kind_of(node),
            repeat=node.count if isinstance(node.count, int) else 1,
            output=node.output,
            cost=self._cost([node], times),
            codes=self._codes([node]),
            children=tuple(self._inside(node, here, depth - 1, times)) if depth > 1 else (),
        )

    def _inside(self, node: ShapedNode, path: str, depth: int, times: int) -> Iterator[Row]:
        if len(node.runs) > 1:
            for run in node.runs:
                yield self._run(node, run, path, depth, times)
        elif node.runs:
            run = node.runs[0]
            inner = joined_path(path, run.segment)
            yield from self._inside(run.instance, inner, depth, times * run.count)
        elif node.block is not None:
            yield from self.rows(node.block.graph, path, depth, times)
        elif node.branches:
            yield from self._branches(node, path, depth, times)

    def _run(self, node: ShapedNode, run: Run, path: str, depth: int, times: int) -> Row:
        instance, times = run.instance, times * run.count
        here = joined_path(path, run.segment)
        return Row(
            path=here,
            name=f"{node.node.name}.{run.segment}",
            kind=kind_of(node),
            repeat=run.count,
            output=instance.output,
            cost=self._cost([instance], times),
            codes=self._codes([instance]),
            children=tuple(self._inside(instance, here, depth - 1, times)) if depth > 1 else (),
        )

    def _branches(self, node: ShapedNode, path: str, depth: int, times: int) -> Iterator[Row]:
        """The branches of a join, then the join; a residual's body adds no level."""
        for branch in node.branches:
            if branch.branch.is_body:
                yield from self.rows(branch.graph, path, depth, times)
            elif branch.graph.nodes:
                yield self._branch(branch, path, depth, times)
        own = Cost(activations=node.output.size * times) if node.output else None
        name = node.node.name
        here = joined_path(path, name if not node.node.segment else kind_of(node))
        yield Row(here, name, kind_of(node), 1, node.output, own, self._codes([node]))

    def _branch(self, branch: ShapedBranch, path: str, depth: int, times: int) -> Row:
        name, nodes = branch.branch.name, branch.graph.nodes
        here = joined_path(path, name)
        children = tuple(self.rows(branch.graph, here, depth - 1, times)) if depth > 1 else ()
        cost, codes = self._cost(nodes, times), self._codes(nodes)
        return Row(here, name, "branch", 1, branch.graph.output, cost, codes, children)

    def _cost(self, nodes: Iterable[ShapedNode], times: int) -> Cost | None:
        steps = list(nodes)
        if not all(is_known(node) for node in steps):
            return None
        return sum((self._costs.node(node) for node in steps), Cost()).times(times)

    def _codes(self, nodes: Iterable[ShapedNode]) -> tuple[str, ...]:
        found = {error.rule.code for node in nodes for error in self._faults.of(node)}
        return tuple(sorted(found))


def kind_of(node: ShapedNode) -> str:
    """The op or block that a step names; a question mark where that could not be read."""
    match node.node.call:
        case OpCall(op=op) | JoinCall(op=op):
            return op.name
        case BlockCall(block=block):
            return block.name
    return "?"
