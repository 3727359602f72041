"""Which steps bear an `id`, and which read others by `from`: the names of steps in one block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from archgen.lift.branches import distinct
from archgen.lift.names import is_free, snake_case
from archgen.lift.steps import Branch, Step, maker, part, walk
from archgen.ops import OPS_BY_NAME


def with_names(
    steps: tuple[Step, ...], start: str, outputs: Collection[str] = ()
) -> tuple[tuple[Step, ...], Mapping[str, str]]:
    """The steps of a block with what they write beside them, and the names of those that are read.

    Behind this, `name` is an `id` to write and `reads` a `from` to write; both are mostly empty.
    `start` is the block's input, `outputs` are values that are read from outside.
    """
    body = _Body(steps, start, outputs)
    return body.named(steps, start), body.names


class _Body:
    """All lists of one block."""

    def __init__(self, steps: tuple[Step, ...], start: str, outputs: Collection[str]) -> None:
        read = {*map(maker, outputs), *map(maker, _read_by_name(steps, start))}
        every = [*walk(steps)]
        self._uses = Counter(step.op for step in every)
        wanted = [step for step in every if step.value in read or self._is_one_of_many(step)]
        taken = {*OPS_BY_NAME, *self._uses, *(b.name for step in every for b in step.branches)}
        wishes = [_wish(step, taken) for step in wanted]
        given = zip(wanted, distinct(wishes), strict=True)
        self._ids = {step.value: name for step, name in given if name}
        self.names = {start: "in", **{step.value: step.op for step in every}, **self._ids}

    def _is_one_of_many(self, step: Step) -> bool:
        """Whether it is one of several uses of a block and its module has a name."""
        is_use = step.op not in OPS_BY_NAME
        return is_use and self._uses[step.op] > 1 and bool(_own_name(step))

    def named(self, steps: tuple[Step, ...], before: str) -> tuple[Step, ...]:
        """A list of steps whose first follows the value `before`."""
        result, segments = [], set[str]()
        for step in steps:
            name = self._ids.get(step.value, "")
            if not name and segments.intersection(_segments(step)):
                name = distinct([step.op], {*segments, *OPS_BY_NAME, *self._ids.values()})[0]
            segments |= {*_segments(step)} if not name else {name}
            reads = () if step.reads == (before,) else tuple(map(self._reference, step.reads))
            result.append(replace(step, name=name, reads=reads, branches=self._inside(step)))
            before = step.value
        return tuple(result)

    def _inside(self, step: Step) -> tuple[Branch, ...]:
        start = step.reads[0] if step.reads else ""
        return tuple(
            Branch(name, self.named(inner, _start(inner, start, name)))
            for name, inner in step.branches
        )

    def _reference(self, value: str) -> str:
        name = self.names[maker(value)]
        return f"{name}.{part(value)}" if part(value) else name


def _start(inner: tuple[Step, ...], start: str, name: str) -> str:
    """What the first step of a branch receives: the part of a split that bears the branch's name."""
    of_split = f"{start}.{name}"
    return of_split if inner and of_split in inner[0].reads else start


def _read_by_name(steps: tuple[Step, ...], before: str) -> Iterator[str]:
    """The values that steps read and that are not made by the step before."""
    for step in steps:
        if step.reads != (before,):
            yield from step.reads
        for name, inner in step.branches:
            yield from _read_by_name(inner, _start(inner, step.reads[0], name))
        before = step.value


def _segments(step: Step) -> Iterator[str]:
    """The names that a join without `id` adds to its list: those of its branches, but for a body's own."""
    for name, inner in step.branches:
        if step.op == "residual" and name == "body":
            for inside in inner:
                yield from _segments(inside)
        elif inner or step.op != "residual":
            yield name


def _wish(step: Step, taken: Collection[str]) -> str:
    """What a step would be called: as its module, else by the grid of what it makes."""
    own = _own_name(step)
    if own and own not in taken:
        return own
    return f"at_{step.output[1]}" if len(step.output) == 3 else f"{step.op}_out"


def _own_name(step: Step) -> str:
    name = snake_case(step.name)
    return name if is_free(name, OPS_BY_NAME) else ""
