"""Structure where no module says it: joins and rows of steps that come again are groups like modules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from archgen.lift.chains import Body, content, named_reads
from archgen.lift.flat import Scope
from archgen.lift.merging import readers
from archgen.lift.steps import Step, walk

JOINED = {
    "residual": "ResidualBlock",
    "concat": "Mixed",
    "add": "Summed",
    "multiply": "Gated",
}
ROW = "Unit"
GATHERED = frozenset((*JOINED.values(), ROW))

_LONGEST = 12  # steps of a row that comes again
_SPARED = 8  # lines


def gathered(steps: Body, read: Collection[str]) -> Body:
    """The steps of a network, joins outside of modules and rows that come again in groups.

    What `read` names is read by others than the step behind it, and ends a row.
    """
    return tuple(_rows(list(_joined(steps, read)), read))


def _joined(steps: Body, read: Collection[str]) -> Iterator[Step]:
    """The steps, each join with branches as a group of its own, with the split that feeds it alone."""
    read_by = readers(walk(steps))
    split: Body = ()
    for place, step in enumerate(steps):
        inside = {step.value, *(inner.value for inner in walk((step,)))}
        is_shared = any(
            fed.value in read or not inside.issuperset(read_by[fed.value]) for fed in split
        )
        if step.op == "split":
            yield from split
            split = (step,)
        elif step.is_group or not step.branches or is_shared:
            yield from (*split, step)
            split = ()
        else:
            yield group((*split, step), Scope(str(place), JOINED[step.op]))
            split = ()
    yield from split


def _rows(steps: Sequence[Step], read: Collection[str]) -> Iterator[Step]:
    place = 0
    while place < len(steps):
        length, count = _row(steps, place, read)
        for number in range(count):
            start = place + number * length
            row = tuple(steps[start : start + length])
            yield group(row, Scope(str(start), ROW)) if length > 1 else row[0]
        place += length * count


def _row(steps: Sequence[Step], place: int, read: Collection[str]) -> tuple[int, int]:
    """How many steps from here come again right behind, and how often; (1, 1) where none do."""
    for length in range(2, _LONGEST + 1):
        first = tuple(steps[place : place + length])
        if named_reads(first) or any(step.value in read for step in first) or _is_one(first):
            continue
        count = 1
        while _is_again(first, steps[place + count * length :], read):
            count += 1
        if count > 1 and (count - 1) * sum(map(lines, first)) >= _SPARED:
            return length, count
    return 1, 1


def _is_again(first: Body, behind: Sequence[Step], read: Collection[str]) -> bool:
    again = tuple(behind[: len(first)])
    return content(again) == content(first) and not any(step.value in read for step in again)


def _is_one(row: Body) -> bool:
    """Whether all steps of a row are one, which is a repeat without any block."""
    return len({repr(content((step,))) for step in row}) == 1


def lines(step: Step) -> int:
    """How many lines a step takes, about."""
    if step.is_group:
        return sum(map(lines, step.inner))
    if not step.branches:
        return 1 + (step.repeat != 1)
    return 2 + sum(1 + sum(map(lines, branch.steps)) for branch in step.branches)


def group(steps: Body, scope: Scope) -> Step:
    """Steps as the group that a module would be."""
    first, last = steps[0], steps[-1]
    return Step(
        op="",
        settings={},
        value=last.value,
        reads=first.reads[:1],
        scopes=(*first.scopes, scope) if len(steps) == 1 else (scope,),
        input=first.input,
        output=last.output,
        inner=steps,
        name="",
    )
