"""What steps read: the one before them, or another by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archgen.lift.steps import Branch, Step, maker

Body = tuple[Step, ...]


def named_reads(body: Body) -> tuple[tuple[int, int], ...]:
    """The steps of a list that do not just read the one before, and what they read, by their places."""
    places = {step.value: place for place, step in enumerate(body)}
    return tuple(
        (place, places.get(maker(value), -1))
        for place, step in enumerate(body)
        for value in step.reads
        if places.get(maker(value), -1) != place - 1 or len(step.reads) > 1
    )


def is_chain(body: Body) -> bool:
    """Whether every step reads the one before, in branches too."""
    return not named_reads(body) and all(is_chain(b.steps) for step in body for b in step.branches)


def content(body: Body) -> tuple[object, ...]:
    """What steps are, without their names: equal for steps that do the same."""
    inside = (
        (
            step.op,
            dict(step.settings),
            step.repeat,
            [(branch.name, content(branch.steps)) for branch in step.branches],
            content(step.inner),
        )
        for step in body
    )
    return (*inside, named_reads(body))


def unnamed(body: Body) -> Body:
    """The steps of a chain without what they read, which is always what stands before."""
    return tuple(
        replace(
            step,
            reads=(),
            branches=tuple(Branch(name, unnamed(inner)) for name, inner in step.branches),
        )
        for step in body
    )


def renamed_reads(steps: Body, names: Mapping[str, str]) -> Body:
    """The steps with other names for what they read."""
    return tuple(
        replace(
            step,
            reads=tuple(names.get(value, value) for value in step.reads),
            branches=tuple(
                Branch(name, renamed_reads(inner, names)) for name, inner in step.branches
            ),
        )
        for step in steps
    )
