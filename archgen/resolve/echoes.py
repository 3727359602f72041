"""One finding for one mistake: a name that is wrong at its definition is wrong at every use.

The finding at the first use stays, and the other uses become its labels.
"""

from __future__ import annotations

from collections.abc import Iterable

from archgen.diagnostics import Diagnostic, Findings, Label, Rule, Span
from archgen.rules import (
    UNKNOWN_LIBRARY,
    UNKNOWN_NAME,
    UNKNOWN_OP,
    UNKNOWN_REFERENCE,
    UNKNOWN_SETTING,
    UNKNOWN_VARIANT,
)

_OF_A_FILE: tuple[Rule, ...] = (UNKNOWN_LIBRARY, UNKNOWN_OP, UNKNOWN_SETTING, UNKNOWN_VARIANT)
_OF_A_BLOCK: tuple[Rule, ...] = (UNKNOWN_NAME, UNKNOWN_REFERENCE)
_MOST_LABELS = 5


def join_echoes(findings: Findings, blocks: Iterable[Span]) -> None:
    """Joins findings that say the same within a file or, about a block's own names, within a block.

    `blocks` are the stretches of text that the blocks take up.
    """
    regions = list(blocks)
    joined: dict[object, list[Diagnostic]] = {}
    for finding in findings.diagnostics:
        joined.setdefault(_cause(finding, regions), []).append(finding)
    if len(joined) < len(findings.diagnostics):
        findings.diagnostics[:] = [_with_echoes(*group) for group in joined.values()]


def _cause(finding: Diagnostic, blocks: list[Span]) -> object:
    said = (finding.span.source, finding.rule.code, finding.message)
    if finding.rule in _OF_A_FILE:
        return said
    if finding.rule in _OF_A_BLOCK:
        return (said, next((block for block in blocks if block.contains(finding.span)), None))
    return finding.key


def _with_echoes(first: Diagnostic, *others: Diagnostic) -> Diagnostic:
    if not others:
        return first
    labels = [Label(other.span, "and here") for other in others[:_MOST_LABELS]]
    left = len(others) - len(labels)
    notes = [f"and at {left} more places"] if left else []
    return first._replace(labels=(*first.labels, *labels), notes=(*first.notes, *notes))
