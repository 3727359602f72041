"""A network as parts within parts, and which of them must run before which: what the flow of data says.

A part is a step, a branch, a block, an instance of a repeat or, innermost, a layer with tensors. Among the
parts of one part some take what others give; parts that do not are free to be written in any order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from archgen.ir.graph import BlockCall
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedGraph, ShapedNetwork, ShapedNode, instances
from archgen.ops import OPS_BY_NAME
from archgen.weights.leaves import Leaf, leaves_of

Contents = frozenset["tuple[object, int]"]


@dataclass(eq=False, frozen=True)
class Part:
    """Parts with, for each, the numbers of those that run before it; or one layer."""

    parts: tuple[Part, ...] = ()
    before: tuple[frozenset[int], ...] = ()
    leaf: Leaf | None = None

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All layers in it, in the order of the text."""
        own = () if self.leaf is None else (self.leaf,)
        return (*own, *(leaf for part in self.parts for leaf in part.leaves))

    @cached_property
    def contents(self) -> Contents:
        """The shapes of its layers with how often each is there."""
        return frozenset(Counter(leaf.signature for leaf in self.leaves).items())


class Structure:
    """The parts of a network with what is asked of any two of its layers."""

    def __init__(self, root: Part, grids: Mapping[str, int], written: Mapping[str, str]) -> None:
        self.root = root
        self._grids = grids
        self._written = written
        self._trails: dict[str, tuple[tuple[Part, int], ...]] = {}
        self._follow(root, ())

    def _follow(self, part: Part, trail: tuple[tuple[Part, int], ...]) -> None:
        if part.leaf is not None:
            self._trails[part.leaf.path] = trail
        for number, inner in enumerate(part.parts):
            self._follow(inner, (*trail, (part, number)))

    def flows(self, one: str, other: str) -> int:
        """1 where the first layer must run before the second, -1 the other way, 0 for neither."""
        fork = self._fork(one, other)
        (part, first), (_, second) = self._trails[one][fork], self._trails[other][fork]
        return (first in part.before[second]) - (second in part.before[first])

    def counts_on(self, one: str, other: str) -> int:
        """The same where whoever numbers layers would do so in this order, and 0 where they need not.

        Where a grid grows again, as in decoders and pyramids, many number by the size of the grid.
        """
        flow = self.flows(one, other)
        first, last = (one, other) if flow > 0 else (other, one)
        return 0 if self._grids[last] > self._grids[first] else flow

    def around(self, one: str, other: str) -> set[Contents]:
        """What the parts hold that are around the first layer and not around the second, if there is one.

        Parts of one layer say no more than its shape, and are left out.
        """
        trail = self._trails[one][self._fork(one, other) if other else 0 :]
        inner = (part.parts[number] for part, number in trail)
        return {part.contents for part in inner if len(part.leaves) > 1}

    def fork(self, one: str, other: str) -> tuple[Contents, Contents]:
        """What the two parts hold in which two layers are apart."""
        fork = self._fork(one, other)
        (part, first), (_, second) = self._trails[one][fork], self._trails[other][fork]
        return part.parts[first].contents, part.parts[second].contents

    def written(self, path: str) -> str:
        """The path of a layer without numbers that only count the steps of one op, as in `conv_2`."""
        return self._written[path]

    def _fork(self, one: str, other: str) -> int:
        """How many parts two layers have in common, less the one in which they part."""
        both = zip(self._trails[one], self._trails[other], strict=False)
        return next(place for place, (a, b) in enumerate(both) if a[0] is not b[0] or a[1] != b[1])


def structure_of(network: ShapedNetwork) -> Structure:
    """The parts of a network, its heads among them."""
    reader = _Reader({leaf.path: leaf for leaf in leaves_of(network)})
    return Structure(reader.network(network), reader.grids, reader.written)


class _Path(NamedTuple):
    """Where a step is, as `archgen.layers` says it; and with only those names that somebody wrote."""

    path: str = ""
    written: str = ""

    def inner(self, segment: str, written: str | None = None) -> _Path:
        return _Path(
            _joined(self.path, segment),
            _joined(self.written, segment if written is None else written),
        )

    def step(self, node: ShapedNode) -> _Path:
        segment = node.node.segment
        call = node.node.call
        name = call.block.name if isinstance(call, BlockCall) else segment.rstrip("0123456789_")
        is_counted = name in OPS_BY_NAME or isinstance(call, BlockCall)
        is_counted = is_counted and re.fullmatch(rf"{re.escape(name)}_\d+", segment) is not None
        return self.inner(segment, name if is_counted else segment)


class _Reader:
    """Makes parts of a shaped network, and notes what its layers are called."""

    def __init__(self, known: Mapping[str, Leaf]) -> None:
        self._known = known
        self.grids: dict[str, int] = {}
        self.written: dict[str, str] = {}

    def network(self, network: ShapedNetwork) -> Part:
        nodes = network.block.graph.nodes
        parts = [self._step(node, _Path().step(node)) for node in nodes]
        made = [_ids(node) for node in nodes]
        read = [_reads(node) for node in nodes]
        for head in network.heads:
            parts.append(self._list(head.graph, _Path().inner(head.head.name)))
            made.append(set())
            read.append({head.head.start.id})
        return _ordered(parts, made, read)

    def _list(self, graph: ShapedGraph, path: _Path) -> Part:
        parts = [self._step(node, path.step(node)) for node in graph.nodes]
        return _ordered(parts, [_ids(n) for n in graph.nodes], [_reads(n) for n in graph.nodes])

    def _step(self, node: ShapedNode, path: _Path) -> Part:
        if not node.is_active:
            return Part()
        if node.runs:
            numbers = ((run, run.first + i) for run in node.runs for i in range(run.count))
            return _chain([self._step(run.instance, path.inner(str(n))) for run, n in numbers])
        if node.block is not None:
            return self._list(node.block.graph, path)
        branches = [
            self._list(branch.graph, path.inner(branch.branch.segment)) for branch in node.branches
        ]
        own = _chain([Part(leaf=leaf) for leaf in self._layers(node, path)])
        if not branches:
            return own
        made = [_within(branch.graph) for branch in node.branches]
        read = [_read_within(branch.graph) for branch in node.branches]
        joined = _ordered(branches, made, read)
        return _chain([joined, own]) if own.leaves else joined

    def _layers(self, node: ShapedNode, path: _Path) -> Iterator[Leaf]:
        """The layers of one op: that of its path, and those that it keeps under names of their own."""
        names = () if node.op is None or node.input is None else node.op.tensors(node.input)
        for owner in dict.fromkeys(path.inner(name.rpartition(".")[0]) for name in names):
            self.written[owner.path] = owner.written
            self.grids[owner.path] = _places(node.output)
            yield self._known[owner.path]


def _places(output: Shape | None) -> int:
    """How many places a grid has; one where there is none."""
    return 1 if output is None or output.grid is None else int(output.height * output.width)


def _chain(parts: Sequence[Part]) -> Part:
    """Parts each of which takes what the one before it gives."""
    return Part(tuple(parts), tuple(frozenset(range(number)) for number in range(len(parts))))


def _ordered(parts: Sequence[Part], made: Sequence[set[int]], read: Sequence[set[int]]) -> Part:
    """Parts in the order of the text with, for each, all those that it cannot run without."""
    before: list[frozenset[int]] = []
    for number in range(len(parts)):
        direct = [other for other in range(number) if made[other] & read[number]]
        before.append(frozenset(direct).union(*(before[other] for other in direct)))
    return Part(tuple(parts), tuple(before))


def _ids(node: ShapedNode) -> set[int]:
    """The values that a step makes, within its branches too."""
    inner = (_within(branch.graph) for one in instances(node) for branch in one.branches)
    return {node.node.id}.union(*inner)


def _within(graph: ShapedGraph) -> set[int]:
    return set[int]().union(*(_ids(node) for node in graph.nodes))


def _reads(node: ShapedNode) -> set[int]:
    """The values that a step takes, within its branches too."""
    branches = [branch for one in instances(node) for branch in one.branches]
    starts = {branch.branch.start.id for branch in branches}
    inner = (_read_within(branch.graph) for branch in branches)
    return {ref.id for ref in node.node.inputs}.union(starts, *inner)


def _read_within(graph: ShapedGraph) -> set[int]:
    return set[int]().union(*(_reads(node) for node in graph.nodes))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
