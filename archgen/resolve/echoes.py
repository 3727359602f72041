"""One finding for one mistake: a name that is wrong at its definition is wrong at every use.

The finding at the first use stays, and the other uses become its labels. So it is with a block that is
used several times with another number of inputs than it has.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from archgen.diagnostics import Diagnostic, Findings, Label, Rule, Span
from archgen.rules import (
    BAD_NAME,
    BAD_VALUE,
    DUPLICATE_KEY,
    NAME_TAKEN,
    UNKNOWN_LIBRARY,
    UNKNOWN_NAME,
    UNKNOWN_OP,
    UNKNOWN_REFERENCE,
    UNKNOWN_SETTING,
    UNKNOWN_VARIANT,
    WRONG_INPUTS,
)

_OF_A_FILE: tuple[Rule, ...] = (UNKNOWN_LIBRARY, UNKNOWN_OP, UNKNOWN_SETTING, UNKNOWN_VARIANT)
_OF_A_BLOCK: tuple[Rule, ...] = (UNKNOWN_NAME, UNKNOWN_REFERENCE)
_OF_A_DECLARATION: tuple[Rule, ...] = (DUPLICATE_KEY, BAD_NAME)
_MOST_LABELS = 5


class Region(NamedTuple):
    """A stretch of text with names of its own, and where it declares them, if it does."""

    span: Span
    params: Span | None

    def declares(self, place: Span) -> bool:
        """Whether the place is among the declarations."""
        return self.params is not None and self.params.contains(place)


def join_echoes(findings: Findings, blocks: Iterable[Region], rest: Region) -> None:
    """Joins findings that say the same within a file or, about a block's own names, within a block.

    `rest` is the file, whose own names are known outside the blocks. Where a name is declared
    wrongly, or is that of another step, names that are not known there are echoes of that.
    """
    regions = _Regions(blocks, rest)
    slips: Slips = {}
    for finding in findings.diagnostics:
        region = regions.around(finding.span)
        if finding.rule is NAME_TAKEN:
            slips.setdefault((region, UNKNOWN_REFERENCE), finding)
        elif finding.rule in _OF_A_DECLARATION and region.declares(finding.span):
            slips.setdefault((region, UNKNOWN_NAME), finding)
    joined: dict[object, list[Diagnostic]] = {}
    for finding in findings.diagnostics:
        joined.setdefault(_cause(finding, regions, slips), []).append(finding)
    if len(joined) < len(findings.diagnostics):
        findings.diagnostics[:] = [_with_echoes(*group) for group in joined.values()]


# In which text, and of which rule, findings are echoes of another.
Slips: TypeAlias = "dict[tuple[Region, Rule], Diagnostic]"


class _Regions:
    """Finds the block that a place is in."""

    def __init__(self, blocks: Iterable[Region], rest: Region) -> None:
        self._blocks = sorted(blocks, key=lambda region: region.span.start)
        self._rest = rest

    def around(self, place: Span) -> Region:
        """The block around a place, or else the file."""
        after = bisect_right(self._blocks, place.start, key=lambda region: region.span.start)
        block = self._blocks[after - 1] if after else self._rest
        return block if block.span.contains(place) else self._rest


def _cause(finding: Diagnostic, regions: _Regions, slips: Slips) -> object:
    said = (finding.span.source, finding.message)
    if finding.rule in _OF_A_FILE:
        return said
    if finding.rule is WRONG_INPUTS and finding.labels:  # it may be the block's definition
        return (*said, finding.labels[0])
    if finding.rule in _OF_A_BLOCK:
        region = regions.around(finding.span)
        slip = slips.get((region, finding.rule))
        is_echo = slip is not None and slip.span.source == finding.span.source
        return slip.key if slip is not None and is_echo else (_input(finding) or said, region)
    return finding.key


def _input(finding: Diagnostic) -> str | None:
    """The input of a block, `in.across`, that a finding of its value or of its shape is about."""
    owner, *names = finding.subject.split(".")
    return f"in.{names[0]}" if owner == "in" and names else None


def join_refusals(found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """Joins findings of one value that one param refuses: the param may be what is declared wrongly.

    Which of the two is meant, several uses or their declaration, is not for a fix to decide.
    """
    joined: dict[object, list[Diagnostic]] = {}
    for finding in found:
        declared = finding.labels[:1] if finding.rule is BAD_VALUE else ()
        cause = (finding.message, declared) if declared else finding.key
        joined.setdefault(cause, []).append(finding)
    return (
        _with_echoes(*group)._replace(fixes=()) if len(group) > 1 else group[0]
        for group in joined.values()
    )


def _with_echoes(first: Diagnostic, *others: Diagnostic) -> Diagnostic:
    if not others:
        return first
    labels = [
        Label(other.span, "and here" if other.rule is first.rule else other.message)
        for other in others[:_MOST_LABELS]
    ]
    left = len(others) - len(labels)
    notes = [f"and at {left} more places"] if left else []
    return first._replace(labels=(*first.labels, *labels), notes=(*first.notes, *notes))
