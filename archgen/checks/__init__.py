"""Checks: what a spec that has shapes can still get wrong. One file a close family of rules."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from archgen.checks.acknowledged import acknowledge, unused_allows
from archgen.checks.directions import text_direction
from archgen.checks.dropped import dropped_branches
from archgen.checks.expectations import expectations, wrong_lines
from archgen.checks.identical import identical_branches
from archgen.checks.redundant import redundant
from archgen.checks.results import results
from archgen.checks.strides import dropped_rows
from archgen.checks.unused import unused
from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedNetwork
from archgen.resolve import Resolved

Check: TypeAlias = "Callable[[ShapedNetwork], Iterator[Diagnostic]]"

CHECKS: tuple[Check, ...] = (expectations,)
WARNINGS: tuple[Check, ...] = (dropped_rows, redundant, results, dropped_branches)
WRITTEN: tuple[Callable[[Resolved], Iterator[Diagnostic]], ...] = (
    unused,
    identical_branches,
    text_direction,
)

__all__ = ["CHECKS", "WARNINGS", "WRITTEN", "acknowledge", "unused", "unused_allows", "wrong_lines"]
