"""Checks: what a spec that has shapes can still get wrong. One file a close family of rules."""

from collections.abc import Callable, Iterator

from archgen.checks.expectations import expectations
from archgen.checks.strides import dropped_rows
from archgen.checks.unused import unused
from archgen.diagnostics import Diagnostic
from archgen.ir.shaped import ShapedNetwork

CHECKS: tuple[Callable[[ShapedNetwork], Iterator[Diagnostic]], ...] = (expectations, dropped_rows)

__all__ = ["CHECKS", "unused"]
