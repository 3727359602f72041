"""Dense connectivity: concats that repeat what an earlier concat joined read that one instead.

cat(a, b, c) behind cat(a, b) is cat(cat(a, b), c). A network that joins all earlier features anew
before each layer becomes a chain in which each layer adds to what came before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

from archgen.lift.steps import Scopes, Step, common


def chained(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with concats that begin like an earlier one reading that one's value."""
    joined: dict[tuple[str, ...], str] = {}
    by_value = {step.value: step for step in steps}
    result = []
    for step in steps:
        first = _known_start(step.reads, joined) if step.op == "concat" else ()
        if step.op == "concat":
            joined.setdefault(step.reads, step.value)
        result.append(_continuing(step, first, joined, by_value) if first else step)
    return tuple(_of_first(tuple(result)))


def _continuing(
    step: Step,
    first: tuple[str, ...],
    joined: Mapping[tuple[str, ...], str],
    by_value: Mapping[str, Step],
) -> Step:
    """The concat with the earlier one in the place of what that joined."""
    before = by_value[joined[first]]
    reads = (before.value, *step.reads[len(first) :])
    step = replace(step, reads=reads, input=before.output)
    return replace(step, scopes=_of_new(step, by_value))


def _known_start(reads: tuple[str, ...], joined: Mapping[tuple[str, ...], str]) -> tuple[str, ...]:
    """The longest proper beginning of `reads` that was joined before."""
    lengths = range(len(reads) - 1, 1, -1)
    return next((reads[:length] for length in lengths if reads[:length] in joined), ())


def _of_first(steps: tuple[Step, ...]) -> list[Step]:
    """The steps with the concat that a chain begins with put into the module of what it adds."""
    by_value = {step.value: step for step in steps}
    chained_to = {step.reads[0] for step in steps if step.op == "concat"}
    return [
        replace(step, scopes=_of_new(step, by_value))
        if step.op == "concat" and step.value in chained_to and len(step.reads) == 2
        else step
        for step in steps
    ]


def _of_new(step: Step, by_value: Mapping[str, Step]) -> Scopes:
    """The module that makes all that a concat adds to what it reads first, without its last op's own.

    The concat itself may have been called by the next layer, or by the module around all layers.
    """
    old, new = step.reads[0], step.reads[1:]
    made: list[Scopes] = []
    while new:
        inside = [by_value[value] for value in new if value in by_value and value != old]
        made += [inner.scopes for inner in inside]
        new = tuple(value for inner in inside for value in inner.reads)
    return reduce(common, made) if len(made) > 1 else step.scopes
