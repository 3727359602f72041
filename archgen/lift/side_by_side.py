"""Bodies of one class side by side: which steps stand for each other, and which some bodies lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from archgen.lift.chains import Body, is_chain, named_reads
from archgen.lift.flat import Value
from archgen.lift.ramps import Ramp
from archgen.lift.relations import Row
from archgen.lift.steps import Step, same, walk


class Column(NamedTuple):
    """What stands for each other in several bodies; None where a body has no such step."""

    steps: tuple[Step | None, ...]

    @property
    def first(self) -> Step:
        """The first step that there is."""
        return next(step for step in self.steps if step is not None)

    @property
    def is_optional(self) -> bool:
        """Whether some bodies have no such step."""
        return None in self.steps

    @property
    def is_repeated(self) -> bool:
        """Whether some bodies repeat the step."""
        return any(step is not None and step.repeat != 1 for step in self.steps)

    def row(self, setting: str) -> Row:
        """The setting's value in each body."""
        return tuple(None if step is None else step.settings[setting] for step in self.steps)

    @property
    def received(self) -> Row:
        """The channels that the step receives in each body."""
        return tuple(None if step is None else step.input[0] for step in self.steps)

    def branches(self) -> Iterator[tuple[str, list[Body | None]]]:
        """The branches of joins, each with its body in every join."""
        for place, branch in enumerate(self.first.branches):
            bodies = [None if step is None else step.branches[place].steps for step in self.steps]
            yield branch.name, bodies


# settings that no param can hold, or that decide what a step is
_LONGEST = 100  # steps among which places are looked for
_MOST_LACKING = 2  # steps that some uses of a block may do without
_FIXED = ("norm", "kind", "mode")


def columns(bodies: Sequence[Body | None]) -> tuple[Column, ...] | None:
    """The bodies as columns of steps that stand for each other; None where they are too unlike.

    Each body must be a part of the longest; None is a body in a branch that is not there at all.
    """
    longest = max((body for body in bodies if body is not None), key=len)
    rows = [_placed(body or (), longest) for body in bodies]
    if any(row is None for row in rows):
        return None
    found = tuple(map(Column, zip(*(row for row in rows if row is not None), strict=True)))
    lacking = sum(column.is_optional and not column.is_repeated for column in found)
    if lacking > max(_MOST_LACKING, len(found) // 4):
        return None
    return found if all(map(_has_aligned_branches, found)) else None


def _has_aligned_branches(column: Column) -> bool:
    return all(columns(bodies) is not None for _, bodies in column.branches() if any(bodies))


def _placed(body: Body, longest: Body) -> tuple[Step | None, ...] | None:
    """The body's steps in the places of the longest where they fit best, in their order."""
    if not is_chain(body) or not is_chain(longest):
        is_same = [step.op for step in walk(body)] == [step.op for step in walk(longest)]
        is_same = is_same and named_reads(body) == named_reads(longest)
        return body if is_same and all(map(_alike, body, longest)) else None
    if len(body) == len(longest) or not body:
        is_same = all(map(_alike, body, longest))
        return (body or (None,) * len(longest)) if is_same else None
    return _spread(body, longest) if len(longest) <= _LONGEST else None


def _spread(body: Body, longest: Body) -> tuple[Step | None, ...] | None:
    """A shorter body in the places of the longest, None in those that it lacks."""

    @cache
    def best(done: int, place: int) -> tuple[float, tuple[int, ...]]:
        """The likeness of body[done:] put into longest[place:], and the places."""
        if done == len(body):
            return 0.0, ()
        if len(longest) - place < len(body) - done:
            return float("-inf"), ()
        left_out = best(done, place + 1)
        if not _alike(body[done], longest[place]):
            return left_out
        score, places = best(done + 1, place + 1)
        score += _likeness(body[done], longest[place])
        return max(left_out, (score, (place, *places)), key=lambda found: found[0])

    score, places = best(0, 0)
    if score == float("-inf"):
        return None
    given = dict(zip(places, body, strict=True))
    return tuple(given.get(place) for place in range(len(longest)))


def _alike(one: Step, other: Step) -> bool:
    """Whether two steps may be one with other numbers."""
    if one.op != other.op or [b.name for b in one.branches] != [b.name for b in other.branches]:
        return False
    return all(_can_vary(name, value, other.settings[name]) for name, value in one.settings.items())


def _can_vary(name: str, one: Value, other: Value) -> bool:
    if name == "sizes":
        return [*_parts(one)] == [*_parts(other)]
    for ramp, value in ((one, other), (other, one)):
        if isinstance(ramp, Ramp):
            return ramp.first_of(value) is not None
    if name in _FIXED or not _is_plain(one) or not _is_plain(other):
        return same(one, other)
    return True


def _parts(sizes: Value) -> Mapping[str, Value]:
    assert isinstance(sizes, dict)
    return sizes


def _is_plain(value: Value) -> bool:
    return isinstance(value, str | int | float)


def _likeness(one: Step, other: Step) -> float:
    """How many settings are the same; being depthwise counts as one."""
    count = sum(same(value, other.settings.get(name)) for name, value in one.settings.items())
    return count + (_is_depthwise(one) == _is_depthwise(other)) + 0.01 * bool(one.branches)


def _is_depthwise(step: Step) -> bool:
    groups = step.settings.get("groups", 1)
    return groups != 1 and groups == step.input[0]
