"""Graphs of named steps: names resolved, expressions parsed, nothing computed yet.

A `Block` holds a `Graph`, a graph holds `Node`s, and a node calls an op, a block, or a join whose
branches are graphs again. Values are named by `Ref`s: the id of the node that makes them. Ids count
within one block, through all its branches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias

from archgen.diagnostics import Span
from archgen.ir.op import Join, Op
from archgen.ir.shape import Shape

INPUT = -1
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Term(Protocol):
    """A setting as read: something with a place that has a value where its names have one."""

    @property
    def span(self) -> Span:
        """Where it stands."""

    def evaluate(self, scope: Mapping[str, object]) -> object:
        """The value, where names mean what `scope` says."""


class Ref(NamedTuple):
    """A value: the output of node `id` (or the block's input), one of several by `port`.

    `instance` picks one of a repeat; the last where it is None.
    """

    id: int
    port: str = ""
    instance: int | None = None


class Branch(NamedTuple):
    """One branch of a join, and the value that it begins with; the body of a residual is one."""

    name: str
    span: Span
    graph: Graph
    start: Ref
    is_body: bool = False

    @property
    def segment(self) -> str:
        """Its part of parameter names: a body has none, its steps are beside those around it."""
        return "" if self.is_body else self.name


class OpCall(NamedTuple):
    """An op with its settings; `defaults` are what its file has for all steps of the op."""

    op: type[Op]
    settings: Mapping[str, Term]
    defaults: Mapping[str, Term] = NOTHING


class JoinCall(NamedTuple):
    """A join with its settings and its branches; without branches it joins the node's inputs."""

    op: type[Join]
    settings: Mapping[str, Term]
    branches: tuple[Branch, ...]
    defaults: Mapping[str, Term] = NOTHING


class BlockCall(NamedTuple):
    """A use of a block: the arguments that the step or its variant gives."""

    block: Block
    arguments: Mapping[str, Term]
    variant: str = ""


class UnknownCall(NamedTuple):
    """A step that could not be read; its output is unknown, and what follows from it is not reported."""


Call: TypeAlias = "OpCall | JoinCall | BlockCall | UnknownCall"


class Expectation(NamedTuple):
    """One line of an `expect`: exact, or between bounds."""

    key: str
    span: Span
    exact: Term | None = None
    minimum: Term | None = None
    maximum: Term | None = None


@dataclass(frozen=True)
class Node:
    """One step of a graph.

    `name` is how `from:` refers to it; `segment` its part of parameter names, empty for a join
    without an `id`. `span` covers the step, `key` its op. There is at least one of `inputs`, which
    names no node where it could not be read.
    """

    id: int
    name: str
    segment: str
    call: Call
    inputs: tuple[Ref, ...]
    span: Span
    key: Span
    index: int
    repeat: Term | None = None
    when: Term | None = None
    expect: tuple[Expectation, ...] = ()
    source: str = ""
    note: str = ""


class Graph(NamedTuple):
    """Steps in order, and the value they end on."""

    nodes: tuple[Node, ...]
    output: Ref

    def walk(self) -> Iterator[Node]:
        """Every node, those in branches too, in the order of the text."""
        for node in self.nodes:
            yield node
            if isinstance(node.call, JoinCall):
                for branch in node.call.branches:
                    yield from branch.graph.walk()


class Param(NamedTuple):
    """A param of a block: the slot that reads it, and its default."""

    name: str
    kind: str
    slot: object
    span: Span
    default: Term | None = None
    doc: str = ""


class Requirement(NamedTuple):
    """A condition on a block's params, with its text."""

    text: str
    term: Term


class Block(NamedTuple):
    """A definition: a graph under a name, with params; `inputs_span` is where several inputs are named."""

    name: str
    graph: Graph
    span: Span
    params: Mapping[str, Param] = NOTHING
    variants: Mapping[str, Mapping[str, Term]] = NOTHING
    requires: tuple[Requirement, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: Mapping[str, Ref] = NOTHING
    expect: tuple[Expectation, ...] = ()
    source: str = ""
    note: str = ""
    inputs_span: Span | None = None


class Allowance(NamedTuple):
    """An entry of an `allow`: findings of the rule `code` within `scope` are acknowledged.

    `span` is the entry itself. Without a scope, the whole file of the entry is meant.
    """

    code: str
    span: Span
    scope: Span | None = None


class Head(NamedTuple):
    """A further output of a network: an auxiliary head or, without steps, a feature tap."""

    name: str
    graph: Graph
    span: Span
    training_only: bool = False
    loss_weight: float | None = None
    source: str = ""

    @property
    def start(self) -> Ref:
        """The value that the head begins with."""
        return self.graph.nodes[0].inputs[0] if self.graph.nodes else self.graph.output


class StatedSizes(NamedTuple):
    """The input sizes a spec states: multiples of `multiple_of` from `smallest` on, up to `largest`."""

    smallest: int
    largest: int | None
    multiple_of: int
    span: Span

    def sizes(self, end: int) -> range:
        """Those below `end`."""
        step = self.multiple_of
        last = end - 1 if self.largest is None else min(end - 1, self.largest)
        return range(-(-self.smallest // step) * step, last + 1, step)


class NetworkGraph(NamedTuple):
    """A network: its steps as a block of its own, its input and its further outputs."""

    block: Block
    input: Shape
    heads: tuple[Head, ...] = ()
    title: str = ""
    sizes: StatedSizes | None = None
