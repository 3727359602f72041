"""Which steps bear an `id`, and which read others by `from`: the names of steps in one block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from archgen.lift.branches import distinct
from archgen.lift.names import is_free, snake_case
from archgen.lift.steps import Branch, Step, maker, part, walk
from archgen.ops import OPS_BY_NAME


def with_names(
    steps: tuple[Step, ...], start: str, outputs: Collection[str] = (), *, is_network: bool = False
) -> tuple[tuple[Step, ...], Mapping[str, str]]:
    """The steps of a block with what they write beside them, and the names of those that are read.

    Behind this, `name` is an `id` to write and `reads` a `from` to write; both are mostly empty.
    `start` is the block's input, `outputs` are values that are read from outside. In a network, uses
    of blocks bear the names of their modules where one name would not do for several.
    """
    body = _Body(steps, start, outputs, is_network=is_network)
    return body.named(steps, start), body.names


class _Body:
    """All lists of one block."""

    def __init__(
        self, steps: tuple[Step, ...], start: str, outputs: Collection[str], *, is_network: bool
    ) -> None:
        read = {*map(maker, outputs), *map(maker, read_by_name(steps, start))}
        every = [*walk(steps)]
        self._uses = Counter(step.op for step in every)
        taken = {*OPS_BY_NAME, *self._uses, *(b.name for step in every for b in step.branches)}
        named = self._modules(steps, taken) if is_network else _first_and_rest(every)
        unnamed = [step for step in every if step.value in read and step.value not in named]
        wishes = [*named.values(), *(_wish(step, taken) for step in unnamed)]
        values = [*named, *(step.value for step in unnamed)]
        self._ids = dict(zip(values, distinct(wishes), strict=True))
        self._taken = taken | {*self._ids.values()}
        self.names = {start: "in", **{step.value: step.op for step in every}, **self._ids}

    def _modules(self, steps: tuple[Step, ...], taken: Collection[str]) -> Mapping[str, str]:
        """The uses of blocks by the names of their modules, where a block is used under several names."""
        uses = [step for step in steps if step.op not in OPS_BY_NAME]
        named = {step.value: name for step in uses if (name := _own_name(step)) not in (*taken, "")}
        several = [step for step in uses if step.value in named and self._uses[step.op] > 1]
        return named if 2 * len(several) >= len(named) and several else {}

    def named(
        self, steps: tuple[Step, ...], before: str, segments: Collection[str] = ()
    ) -> tuple[Step, ...]:
        """A list of steps whose first follows the value `before`; `segments` are names taken in it."""
        result, segments = [], {*segments}
        for step in steps:
            name = self._ids.get(step.value, "")
            if not name and segments.intersection(_segments(step)):
                name = distinct([step.op], self._taken)[0]
                self._taken.add(name)
            inside = self._inside(step, () if name else frozenset(segments))
            segments |= {*_segments(step)} if not name else {name}
            reads = () if step.reads == (before,) else tuple(map(self._reference, step.reads))
            result.append(replace(step, name=name, reads=reads, branches=inside))
            before = step.value
        return tuple(result)

    def _inside(self, step: Step, around: Collection[str]) -> tuple[Branch, ...]:
        """The branches; a residual's body shares the names of the list around, and of the shortcut."""
        start = step.reads[0] if step.reads else ""
        shared = {*around, *(name for name, inner in step.branches if inner and name != "body")}
        return tuple(
            Branch(
                name,
                self.named(
                    inner,
                    _start(inner, start, name),
                    shared if step.op == "residual" and name == "body" else (),
                ),
            )
            for name, inner in step.branches
        )

    def _reference(self, value: str) -> str:
        name = self.names[maker(value)]
        return f"{name}.{part(value)}" if part(value) else name


def _first_and_rest(steps: list[Step]) -> Mapping[str, str]:
    """The names of a use of a block and of more uses of it right behind."""
    for step, behind in pairwise(steps):
        is_pair = step.op == behind.op and step.op not in OPS_BY_NAME
        if is_pair and behind.repeat != 1 and step.repeat == 1:
            return {step.value: "first", behind.value: "rest"}
    return {}


def _start(inner: tuple[Step, ...], start: str, name: str) -> str:
    """What the first step of a branch receives: the part of a split that bears the branch's name."""
    of_split = f"{start}.{name}"
    return of_split if inner and of_split in inner[0].reads else start


def read_by_name(steps: tuple[Step, ...], before: str) -> Iterator[str]:
    """The values that steps read and that are not made by the step before."""
    for step in steps:
        if step.reads != (before,):
            yield from step.reads
        start = step.reads[0] if step.reads else ""
        for name, inner in step.branches:
            yield from read_by_name(inner, _start(inner, start, name))
        yield from read_by_name(step.inner, start)
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
