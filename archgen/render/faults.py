"""Which errors lie in which step: what a picture shows in red."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archgen.diagnostics import Diagnostic, Severity, Span
from archgen.ir.shaped import ShapedBranch, ShapedGraph, ShapedNode, instances
from archgen.rules import CHANNELS_DIFFER, GRIDS_DIFFER, RESIDUAL_MISMATCH

OF_JOINS = frozenset({CHANNELS_DIFFER, GRIDS_DIFFER, RESIDUAL_MISMATCH})


class Faults:
    """The errors among some findings, by the steps they are about."""

    def __init__(self, findings: Sequence[Diagnostic]) -> None:
        self._errors = [found for found in findings if found.severity is Severity.ERROR]
        self._in_block: dict[int, tuple[Diagnostic, ...]] = {}

    def of(self, node: ShapedNode) -> tuple[Diagnostic, ...]:
        """All in the text of a step and in the block it uses."""
        if not self._errors:
            return ()
        return _unique([*self._at(node.node.span), *self._inside(node)])

    def of_join(self, node: ShapedNode) -> tuple[Diagnostic, ...]:
        """Those about a join itself and not about a step in its branches."""
        branches = [branch.graph for branch in node.branches]
        steps = [step for graph in branches for step in graph.nodes]
        joins = [step.node.span for step in steps if step.branches]
        return tuple(
            error
            for error in self._at(node.node.span)
            if not any(span.contains(error.span) for span in joins)
            and (
                error.rule in OF_JOINS
                or not any(step.node.span.contains(error.span) for step in steps)
            )
        )

    def _at(self, span: Span) -> list[Diagnostic]:
        return [error for error in self._errors if span.contains(error.span)]

    def _inside(self, node: ShapedNode) -> Iterator[Diagnostic]:
        for instance in instances(node):
            for branch in instance.branches:
                yield from self._in_graph(branch.graph)
            if instance.block is not None:
                key = id(instance.block)
                if key not in self._in_block:
                    inside = self._in_graph(instance.block.graph)
                    spans = [line.span for line in instance.block.block.expect]
                    own = [error for span in spans for error in self._at(span)]
                    self._in_block[key] = _unique([*own, *inside])
                yield from self._in_block[key]

    def _in_graph(self, graph: ShapedGraph) -> Iterator[Diagnostic]:
        for node in graph.nodes:
            yield from self.of(node)


def is_misfit(branch: ShapedBranch, errors: Iterable[Diagnostic]) -> bool:
    """Whether the end of a branch is what the errors of its join blame."""
    spans = [error.span for error in errors if error.rule in OF_JOINS]
    if branch.branch.name == "shortcut":
        return False
    steps = (branch.branch.span, *(node.node.span for node in branch.graph.nodes))
    return any(step.contains(span) for span in spans for step in steps)


def _unique(errors: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple({error.key: error for error in errors}.values())
