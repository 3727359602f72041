"""Nesting: a graph of steps as a list in which joins hold their branches.

A join whose inputs all come from one earlier value, by ways that nothing else reads, is a step that
takes that value: the ways are its branches. Joins are taken in the order of the calls, so that what
is inside comes first. What does not nest stays a step that reads others by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import reduce

from archgen.lift.branches import branch_names
from archgen.lift.chains import renamed_reads
from archgen.lift.flat import Value
from archgen.lift.merging import belong_together, readers
from archgen.lift.steps import Branch, Extent, Step, common, maker, part, walk

_BEFORE = 1e-4  # where a step made here stands among those that are numbered
JOINS = ("add", "concat", "multiply")


def nested(steps: tuple[Step, ...], source: str, outputs: Collection[str]) -> tuple[Step, ...]:
    """The steps behind `source` with every join that nests holding its branches.

    What `outputs` name is read from outside, and so is inside no join.
    """
    graph = _Graph(steps, source, outputs)
    for step in steps:
        if step.op in JOINS:
            graph.collapse(step.value)
    return graph.in_order()


class _Graph:
    """The steps that are left, by what they make, and for each the last value that all its ways share."""

    def __init__(self, steps: tuple[Step, ...], source: str, outputs: Collection[str]) -> None:
        self.steps = {step.value: step for step in steps}
        self._outputs = outputs
        self._order = {value: float(place) for place, value in enumerate((source, *self.steps))}
        self._readers = {value: set(found) for value, found in readers(steps).items()}
        self._before: dict[str, str] = {}
        self._depth = {source: 0}
        for step in steps:
            self._dominate(step.value, tuple(map(maker, step.reads)))

    def _dominate(self, value: str, reads: tuple[str, ...]) -> None:
        """Notes the nearest value that lies on every way from the input to this one."""
        before = reduce(self._meeting, reads)
        self._before[value], self._depth[value] = before, self._depth[before] + 1

    def _meeting(self, one: str, other: str) -> str:
        while one != other:
            if self._depth[one] < self._depth[other]:
                other = self._before[other]
            else:
                one = self._before[one]
        return one

    def in_order(self) -> tuple[Step, ...]:
        """The steps that are left, in the order of the calls."""
        return tuple(sorted(self.steps.values(), key=lambda step: self._order[step.value]))

    def collapse(self, value: str) -> None:
        """Puts the ways to a join into it as branches, if they are its own."""
        join, start = self.steps[value], self._before[value]
        if not self._nests(join, start):
            return
        ways = [self._way(read, start) for read in join.reads]
        if _overlap(ways):
            ways = self._regrouped(join, start)
            if not ways:
                return
            join = self.steps[value]
        inside = {step.value for way in ways for step in way}
        parts = tuple(self._part(read, start) or "" for read in join.reads)
        source = f"{start}.{parts[0]}" if parts[0] and len(set(parts)) == 1 else start
        parts = ("",) * len(parts) if source != start else parts
        if any(parts) and self._readers[start] <= inside | {value}:
            ways, parts = self._with_parts_named(start, ways, parts)
        shape = self._shape(join, start, whole=not any(parts))
        whole = _joined(replace(join, reads=(source,), input=shape), ways, parts)
        for name in inside:
            del self.steps[name]
        self._replace(value, whole)
        self._readers.setdefault(start, set()).difference_update(inside)
        self._readers[start].add(whole.value)
        self._activate(whole)

    def _nests(self, join: Step, start: str) -> bool:
        """Whether nothing but the join reads what lies between it and `start`."""
        inside = {step.value for read in join.reads for step in self._way(read, start)}
        allowed = inside | {join.value}
        if any(name in self._outputs or self._readers[name] - allowed for name in inside):
            return False
        parts = [self._part(read, start) for read in join.reads]
        is_fed = None not in parts and len(set(parts)) in (1, len(parts))
        return is_fed and not self._is_skip(join, start)

    def _part(self, read: str, start: str) -> str | None:
        """The one part of a split that a way takes, an empty text for a whole value, None for several."""
        steps = self._way(read, start)
        taken = {part(value) for step in steps for value in step.reads if maker(value) == start}
        taken |= {part(read)} if maker(read) == start else set()
        return taken.pop() if len(taken) == 1 else None

    def _is_skip(self, join: Step, start: str) -> bool:
        """Whether a value is passed by a way that leaves its grid and comes back, as in a U-Net."""
        if join.op == "multiply" or start not in map(maker, join.reads):
            return False
        steps = [step for read in join.reads for step in self._way(read, start)]
        return any(_area(inner.output) < _area(join.output) for inner in _on_grid(steps))

    def _way(self, end: str, start: str) -> tuple[Step, ...]:
        """The steps by which `start` becomes `end`."""
        found: dict[str, Step] = {}
        waiting = [maker(end)]
        while waiting:
            value = waiting.pop()
            if value != start and value not in found:
                found[value] = self.steps[value]
                waiting += map(maker, found[value].reads)
        return tuple(sorted(found.values(), key=lambda step: self._order[step.value]))

    def _with_parts_named(
        self, start: str, ways: list[tuple[Step, ...]], parts: tuple[str, ...]
    ) -> tuple[list[tuple[Step, ...]], tuple[str, ...]]:
        """The ways from a split with its parts called after what becomes of them."""
        if len(ways) != 2 or all(ways) or not any(ways):
            return ways, parts
        names = tuple("work" if way else "keep" for way in ways)
        renamed = dict(zip(parts, names, strict=True))
        split = self.steps[start]
        sizes = split.settings["sizes"]
        assert isinstance(sizes, dict)
        named = {renamed.get(name, name): size for name, size in sizes.items()}
        self.steps[start] = replace(split, settings={"sizes": named})
        reads = {f"{start}.{old}": f"{start}.{new}" for old, new in renamed.items()}
        return [renamed_reads(way, reads) for way in ways], names

    def _regrouped(self, join: Step, start: str) -> list[tuple[Step, ...]]:
        """The ways of a concat, those that begin alike put into a concat of their own; none if that fails."""
        if join.op != "concat":
            return []
        runs = _runs([(read, self._way(read, start)) for read in join.reads])
        forks = [tuple(map(maker, run)) for run in runs if len(run) > 1]
        if any(reduce(self._meeting, fork) == start or self._is_row(fork, start) for fork in forks):
            return []
        reads = tuple(
            self._inner_concat(join, f"{join.value}#{number}", run) if len(run) > 1 else run[0]
            for number, run in enumerate(runs)
        )
        self.steps[join.value] = replace(join, reads=reads)
        ways = [self._way(read, start) for read in reads]
        return [] if _overlap(ways) else ways

    def _is_row(self, values: tuple[str, ...], start: str) -> bool:
        """Whether one of the values lies on the way to another."""
        on_ways = {step.value for value in values for step in self._way(value, start)[:-1]}
        return not on_ways.isdisjoint(values)

    def _inner_concat(self, join: Step, value: str, reads: tuple[str, ...]) -> str:
        shapes = [self.steps[maker(read)].output for read in reads]
        output = (sum(shape[0] for shape in shapes), *shapes[0][1:])
        scopes = reduce(common, (self.steps[maker(read)].scopes for read in reads))
        self._order[value] = self._order[join.value] - _BEFORE
        self.steps[value] = replace(join, value=value, reads=reads, output=output, scopes=scopes)
        self._dominate(value, tuple(map(maker, reads)))
        self._readers[value] = {join.value}
        for read in map(maker, reads):
            self._readers[read].discard(join.value)
            self._readers[read].add(value)
        self.collapse(value)
        return value

    def _shape(self, join: Step, start: str, *, whole: bool) -> Extent:
        """The shape that the ways begin with, which is what the first step of one takes."""
        if start in self.steps and (not whole or self.steps[start].op != "split"):
            return self.steps[start].output
        firsts = [way[0] for read in join.reads if (way := self._way(read, start))]
        return firsts[0].input if firsts else join.input

    def _replace(self, value: str, step: Step) -> None:
        """Puts a step into the place of another."""
        self.steps = {
            (step.value if name == value else name): (step if name == value else other)
            for name, other in self.steps.items()
        }

    def _activate(self, whole: Step) -> None:
        """Takes the activation behind a residual into it, if nothing else reads the sum."""
        after = self._readers.get(whole.value, set())
        if whole.op != "residual" or len(after) != 1 or whole.value in self._outputs:
            return
        act = self.steps[next(iter(after))]
        if act.op != "act" or not isinstance(act.settings["function"], str):
            return
        if act.settings["function"] == "prelu" or not belong_together(whole.scopes, act.scopes):
            return
        del self.steps[whole.value]
        self._replace(act.value, _activated(whole, act))
        (start,) = map(maker, whole.reads)
        self._readers[start].discard(whole.value)
        self._readers[start].add(act.value)


def _activated(whole: Step, act: Step) -> Step:
    settings = {**whole.settings, "act": act.settings["function"]}
    scopes = common(whole.scopes, act.scopes)
    return replace(whole, settings=settings, value=act.value, scopes=scopes)


def _overlap(ways: list[tuple[Step, ...]]) -> bool:
    values = [step.value for way in ways for step in way]
    return len(set(values)) < len(values)


def _runs(ways: list[tuple[str, tuple[Step, ...]]]) -> list[tuple[str, ...]]:
    """Neighbouring reads together where their ways share a step."""
    runs: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for read, way in ways:
        values = {step.value for step in way}
        if runs and values & seen:
            runs[-1] = (*runs[-1], read)
            seen |= values
        else:
            runs.append((read,))
            seen = values
    return runs


def _on_grid(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps and those in their branches, without the gates that scale a grid's channels."""
    for step in steps:
        yield step
        if step.op != "multiply":
            for inner in step.lists:
                yield from _on_grid(inner)


def _area(shape: Extent) -> int:
    return shape[1] * shape[2] if len(shape) == 3 else 1


def _joined(join: Step, ways: list[tuple[Step, ...]], parts: tuple[str, ...]) -> Step:
    """The join with its ways as branches: a sum that passes its input by is a residual."""
    inside = [step.scopes for way in ways for step in way]
    join = replace(join, scopes=reduce(common, inside, join.scopes))
    if join.op == "add" and len(ways) == 2 and not any(parts):
        shortcut, body = sorted(ways, key=_weight)
        if _weight(shortcut) < _weight(body):
            return _residual(join, shortcut, body)
    names = parts if any(parts) else branch_names(join, ways)
    return replace(join, branches=tuple(map(Branch, names, ways)))


def _weight(way: tuple[Step, ...]) -> tuple[int, int]:
    """How much a way does: its steps, and of several how many have a window."""
    count = sum(1 for _ in walk(way))
    windows = sum(step.settings.get("kernel", 1) != 1 for step in walk(way) if step.op == "conv")
    return count, windows if count > 1 else 0


def _residual(join: Step, shortcut: tuple[Step, ...], body: tuple[Step, ...]) -> Step:
    settings: dict[str, Value] = {"scale": 1.0, "act": "none"}
    *inner, last = body
    if last.op == "scale" and last.settings["learned"] is False and inner:
        settings["scale"] = last.settings["factor"]
        body = tuple(inner)
    branches = (Branch("shortcut", shortcut), Branch("body", body))
    return replace(join, op="residual", settings=settings, branches=branches)
