"""Warnings that a spec acknowledges with `allow`, and entries of an `allow` that acknowledge none.

An `allow` acts by place alone: it covers the findings of its rule within the step, block or file that
it stands in. So no check knows of it, and a new check can be acknowledged from its first day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from archgen.diagnostics import Diagnostic, Position, Span
from archgen.ir.graph import Allowance
from archgen.ir.shaped import ShapedNetwork
from archgen.ir.walk import definitions, walk_network
from archgen.resolve import Resolved
from archgen.rules import (
    BIAS_BEFORE_NORM,
    REPEATED_ACTIVATION,
    SIZES_NARROWER,
    STRIDE_DROPS_ROWS,
    UNUSED_ALLOW,
)

SHAPED = {
    rule.code for rule in (BIAS_BEFORE_NORM, REPEATED_ACTIVATION, SIZES_NARROWER, STRIDE_DROPS_ROWS)
}


class Acknowledged(NamedTuple):
    """The findings that no `allow` covers, and the entries that cover one of the others."""

    left: list[Diagnostic]
    used: set[Span]


def acknowledge(findings: Iterable[Diagnostic], allowances: Sequence[Allowance]) -> Acknowledged:
    """Parts the findings that the spec acknowledges from those it does not."""
    left: list[Diagnostic] = []
    used: set[Span] = set()
    groups: dict[tuple[str, str], list[Diagnostic]] = {}
    for finding in findings:
        groups.setdefault((finding.rule.code, finding.span.source), []).append(finding)
    for place, found in groups.items():
        near = [entry for entry in allowances if (entry.code, entry.span.source) == place]
        for finding, entries in _covered(found, near):
            used.update(entry.span for entry in entries)
            if not entries:
                left.append(finding)
    return Acknowledged(left, used)


def _covered(
    findings: list[Diagnostic], allowances: list[Allowance]
) -> Iterator[tuple[Diagnostic, list[Allowance]]]:
    """Each finding of one rule and file with the entries around it, in one sweep: scopes nest."""
    ahead = sorted(allowances, key=_start, reverse=True)
    around: list[Allowance] = []
    for finding in sorted(findings, key=lambda found: found.span.start):
        while ahead and _start(ahead[-1]) <= finding.span.start:
            around.append(ahead.pop())
        around = [entry for entry in around if _reaches(entry, finding.span.start)]
        yield finding, list(around)


def _start(allowance: Allowance) -> Position:
    return allowance.scope.start if allowance.scope else Position(0, 0)


def _reaches(allowance: Allowance, place: Position) -> bool:
    return allowance.scope is None or place < allowance.scope.end


def unused_allows(
    resolved: Resolved, network: ShapedNetwork | None, used: set[Span]
) -> Iterator[Diagnostic]:
    """Entries of this file's own `allow`s that acknowledge nothing.

    `used` are those that do. Nothing is claimed of a step that this network leaves out, nor of a
    library, where the finding may depend on what comes in.
    """
    seen = _places(network) if network is not None else set()
    for entry in resolved.allowances:
        is_own = entry.span.source == resolved.file.text.source
        if not is_own or entry.span in used or entry.code == UNUSED_ALLOW.code:
            continue
        is_met = network is not None and (entry.scope is None or entry.scope.start in seen)
        if entry.code not in SHAPED or is_met:
            message = f"there is no {entry.code} to acknowledge here"
            yield UNUSED_ALLOW.at(entry.span, message, help=f"remove `{entry.code}` from `allow`")


def _places(network: ShapedNetwork) -> set[Position]:
    """Where the blocks and steps begin that take part in the network."""
    steps = (v.node.node.span.start for v in walk_network(network) if v.instance.is_active)
    return {*steps, *(block.block.span.start for block, _ in definitions(network))}
