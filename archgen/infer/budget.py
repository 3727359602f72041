"""What an elaboration may cost: steps, different steps and nesting, each with its named limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archgen.diagnostics import Diagnostic, Span
from archgen.ir.graph import Graph
from archgen.resolve import MAX_NESTING
from archgen.rules import LIMIT

MAX_NODES = 1_000_000
MAX_DIFFERENT = 250_000


class TooLarge(Exception):
    """The network is over a limit, which `finding` tells."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Budget:
    """Counts what a walk has come to. Every method raises TooLarge over its limit."""

    def __init__(self) -> None:
        self.count = 0
        self.different = 0
        self._nesting = 0

    def spend(self, nodes: int, span: Span) -> None:
        """Takes `nodes` more steps, repeats counted."""
        self.afford(nodes, span)
        self.count += nodes

    def afford(self, nodes: int, span: Span) -> None:
        """Whether `nodes` more steps would fit; nothing is taken."""
        if self.count + nodes > MAX_NODES:
            raise _over(span, f"the network has more than {MAX_NODES:,} steps, repeats counted")

    def look_at(self, span: Span) -> None:
        """Takes one more step that no other equals."""
        self.different += 1
        if self.different > MAX_DIFFERENT:
            raise _over(span, f"the network has more than {MAX_DIFFERENT:,} different steps")

    @contextmanager
    def nested(self, graph: Graph) -> Iterator[None]:
        """One list of steps deeper, until the end of the block."""
        self._nesting += 1
        if self._nesting > MAX_NESTING and graph.nodes:
            lists = f"steps are nested more than {MAX_NESTING} lists deep, those of blocks counted"
            raise _over(graph.nodes[0].span, lists, "use fewer blocks within blocks")
        yield
        self._nesting -= 1


def _over(span: Span, message: str, help: str = "write a smaller network") -> TooLarge:
    return TooLarge(LIMIT.at(span, message, help=help))
