"""What an elaboration may cost: steps, different steps and nesting, each with its named limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archgen.diagnostics import Findings, Span
from archgen.ir.graph import Graph
from archgen.resolve import MAX_NESTING
from archgen.rules import LIMIT

MAX_NODES = 1_000_000
MAX_DIFFERENT = 250_000


class TooLarge(Exception):
    """The network is over a limit; the finding that says so has been added."""


class Budget:
    """Counts what a walk has come to. Every method raises TooLarge, with a finding, over its limit."""

    def __init__(self, findings: Findings) -> None:
        self.count = 0
        self.different = 0
        self._nesting = 0
        self._findings = findings

    def spend(self, nodes: int, span: Span) -> None:
        """Takes `nodes` more steps, repeats counted."""
        self.afford(nodes, span)
        self.count += nodes

    def afford(self, nodes: int, span: Span) -> None:
        """Whether `nodes` more steps would fit; nothing is taken."""
        if self.count + nodes > MAX_NODES:
            self._over(span, f"the network has more than {MAX_NODES:,} steps, repeats counted")

    def look_at(self, span: Span) -> None:
        """Takes one more step that no other equals."""
        self.different += 1
        if self.different > MAX_DIFFERENT:
            self._over(span, f"the network has more than {MAX_DIFFERENT:,} different steps")

    @contextmanager
    def nested(self, graph: Graph) -> Iterator[None]:
        """One list of steps deeper, until the end of the block."""
        self._nesting += 1
        if self._nesting > MAX_NESTING and graph.nodes:
            lists = f"steps are nested more than {MAX_NESTING} lists deep, those of blocks counted"
            self._over(graph.nodes[0].span, lists, "use fewer blocks within blocks")
        yield
        self._nesting -= 1

    def _over(self, span: Span, message: str, help: str = "write a smaller network") -> None:
        self._findings.add(LIMIT.at(span, message, help=help))
        raise TooLarge
