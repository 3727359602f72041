"""Modules that become no block: their steps stand where they stood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archgen.lift.steps import Branch, Step


def dissolved(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps without groups; a step that was all of a module bears the module's name."""
    return tuple(found for step in steps for found in _opened(step))


def _opened(step: Step) -> Iterator[Step]:
    if not step.is_group:
        branches = tuple(Branch(name, dissolved(inner)) for name, inner in step.branches)
        yield replace(step, branches=branches)
        return
    inner = dissolved(step.inner)
    yield from [replace(inner[0], name=step.name)] if len(inner) == 1 else inner
