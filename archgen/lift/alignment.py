"""Which layer of one traced network is which of another of the same structure: found from the outputs back.

Both are followed from their outputs to their inputs, from each layer or join to the next. The parts of a
concat go together in order; those of a sum or product, whose order says nothing, by colors: numbers that
are equal for values which are computed alike and used alike. Of values that all of that cannot tell apart
any may be any, and the choice is a mark from which the others are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from archgen.lift.flat import INPUT, Call, FlatNetwork

Shapes: TypeAlias = "Mapping[str, tuple[int, ...]]"
COMMUTATIVE = ("add", "multiply")
JOINS = (*COMMUTATIVE, "concat")
_NEUTRAL = ("flatten", "identity")  # that change no number
_STARTING = ("scale", "act")  # layers whose settings say how their weights begin
_ROUNDS = 2  # of colors over all a value comes of, then over all that is made of it
_MOST_CHOICES = 200  # after which colors are not told anew


class NotAligned(Exception):
    """The networks differ in structure; the message says where."""


class Traced(NamedTuple):
    """A flat network, and the shapes of its weights by name."""

    flat: FlatNetwork
    shapes: Shapes


class _Read(NamedTuple):
    """A layer, join, split or the input that is read, and the steps without weights that it passes."""

    value: str
    passed: tuple[str, ...]


class _Graph:
    """A flat network to be walked backwards.

    With `is_exact`, settings and steps without weights are told apart; else they are passed over, and
    that they are the same says the comparison of logits alone.
    """

    def __init__(self, traced: Traced, *, is_exact: bool) -> None:
        self._shapes = traced.shapes
        self._is_exact = is_exact
        self._calls = {call.name: call for call in traced.flat.calls}
        self.outputs = tuple(map(self._source, traced.flat.outputs))
        self.reads: dict[str, list[_Read]] = {}
        waiting = [self.call_name(read.value) for read in self.outputs]
        while waiting:
            name = waiting.pop()
            if name in self._calls and name not in self.reads:
                self.reads[name] = self._parts(self._calls[name])
                waiting += [self.call_name(read.value) for read in self.reads[name]]
        self.reads = {name: self.reads[name] for name in self._calls if name in self.reads}

    @staticmethod
    def call_name(value: str) -> str:
        """The call that makes a value or a part of it."""
        return value.partition(".")[0]

    def call(self, value: str) -> Call | None:
        """The call that makes a value or a part of it; None for the input."""
        return self._calls.get(self.call_name(value))

    def kind(self, value: str) -> tuple[object, ...]:
        """What a value is made by: equal for layers that may be one."""
        call, part = self.call(value), value.partition(".")[2]
        if call is None:
            return (INPUT,)
        found = tuple(self._shapes[name] for _, name in call.tensors)
        if call.op == "scale":  # a factor a channel, whatever sides of one are around it
            found = tuple(tuple(side for side in shape if side != 1) for shape in found)
        settings = repr(call.settings) if self._is_exact and call.op not in _STARTING else ""
        return call.op, part, tuple(role for role, _ in call.tensors), found, settings

    def _source(self, value: str) -> _Read:
        """The nearest value before this one that is not made by a step without weights."""
        passed: list[str] = []
        while (call := self._calls.get(value)) and not call.tensors and call.op not in JOINS:
            if call.op == "split":
                break
            if self._is_exact and call.op not in _NEUTRAL:
                passed.append(f"{call.op} {call.settings!r}")
            (value,) = call.inputs
        return _Read(value, tuple(passed))

    def _parts(self, call: Call) -> list[_Read]:
        """What a call reads; joins directly within joins of the same op taken apart."""
        found, left = [], list(reversed(call.inputs))
        while left:
            read = self._source(left.pop())
            inner = self._calls.get(read.value)
            if inner is not None and inner.op == call.op in JOINS and not read.passed:
                left += reversed(inner.inputs)
            else:
                found.append(read)
        return found

    def colors(self, marks: Mapping[str, int]) -> dict[str, int]:
        """A number for each call, equal where two are computed and used alike; `marks` are told apart."""
        names = {INPUT: self.kind(INPUT), **{name: self.kind(name) for name in self.reads}}
        color = {name: hash((kind, marks.get(name, 0))) for name, kind in names.items()}
        used: dict[str, list[tuple[str, int, _Read]]] = defaultdict(list)
        for name, reads in self.reads.items():
            is_ordered = names[name][0] not in COMMUTATIVE
            for place, read in enumerate(reads):
                used[self.call_name(read.value)].append((name, place if is_ordered else 0, read))
        for _ in range(_ROUNDS):
            for name, reads in self.reads.items():
                read_colors = [self.read_color(read, color) for read in reads]
                if names[name][0] in COMMUTATIVE:
                    read_colors.sort()
                color[name] = hash((color[name], *read_colors))
            for name in reversed([*color]):
                places = [place for place, read in enumerate(self.outputs) if read.value == name]
                uses = [
                    hash((color[user], place, read.value.partition(".")[2], read.passed))
                    for user, place, read in used[name]
                ]
                color[name] = hash((color[name], *places, *sorted(uses)))
        return color

    def read_color(self, read: _Read, color: Mapping[str, int]) -> int:
        """The color of what a layer reads, with what lies between."""
        name, _, part = read.value.partition(".")
        return hash((color[name], part, read.passed))


def aligned(ours: Traced, theirs: Traced) -> dict[str, str]:
    """The weights of theirs by the names of ours. Raises NotAligned."""
    try:
        return _Alignment(ours, theirs, is_exact=True).weights()
    except NotAligned as error:
        try:
            return _Alignment(ours, theirs, is_exact=False).weights()
        except NotAligned:
            raise error from None


class _Alignment:
    """The pairs of values so far, and the choices between equal ones."""

    def __init__(self, ours: Traced, theirs: Traced, *, is_exact: bool) -> None:
        self._ours = _Graph(ours, is_exact=is_exact)
        self._theirs = _Graph(theirs, is_exact=is_exact)
        self._partners: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._marks: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._our_colors = self._ours.colors({})
        self._their_colors = self._theirs.colors({})

    def weights(self) -> dict[str, str]:
        """The weights of theirs by the names of ours. Raises NotAligned."""
        here, there = self._ours.outputs, self._theirs.outputs
        if len(here) != len(there):
            raise NotAligned(f"the module gives {len(there)} tensors, the spec {len(here)}")
        left = [*zip(here, there, strict=True)]
        weights: dict[str, str] = {}
        while left:
            mine, yours = left.pop()
            if mine.passed != yours.passed:
                passed = ", then ".join(mine.passed) or "nothing"
                has = ", then ".join(yours.passed) or "nothing"
                raise NotAligned(f"behind `{mine.value}` the spec has {passed}, the module {has}")
            if self._is_new_pair(mine.value, yours.value):
                call, other = self._ours.call(mine.value), self._theirs.call(yours.value)
                if call is not None and other is not None:
                    names = zip(call.tensors, other.tensors, strict=True)
                    weights.update({name: their_name for (_, name), (_, their_name) in names})
                    left += self._inputs(call, other)
        return weights

    def _is_new_pair(self, mine: str, yours: str) -> bool:
        """Notes that two values are one. Raises NotAligned where they are of another kind, or others."""
        if self._ours.kind(mine) != self._theirs.kind(yours):
            raise NotAligned(f"`{mine}` of the spec stands where the module has `{yours}`")
        is_new = mine not in self._partners
        known = self._partners.setdefault(mine, yours)
        if known != yours:
            raise NotAligned(f"`{mine}` of the spec is `{known}` and `{yours}` of the module")
        first = self._taken.setdefault(yours, mine)
        if first != mine:
            raise NotAligned(f"`{first}` and `{mine}` of the spec are both `{yours}` of the module")
        whole, other = _Graph.call_name(mine), _Graph.call_name(yours)
        return is_new if whole == mine else self._is_new_pair(whole, other)

    def _inputs(self, call: Call, other: Call) -> list[tuple[_Read, _Read]]:
        """Which input of one call is which of the other. Raises NotAligned."""
        here, there = self._ours.reads[call.name], list(self._theirs.reads[other.name])
        if len(here) != len(there):
            raise NotAligned(f"`{call.name}` of the spec reads more or less than `{other.name}`")
        if call.op not in COMMUTATIVE:
            return [*zip(here, there, strict=True)]
        found = []
        for read in here:
            alike = self._alike(read, there)
            if not alike:
                raise NotAligned(f"`{call.name}` of the spec reads what `{other.name}` does not")
            if len({each.value for each in alike}) > 1:
                self._choose(read.value, alike[0].value)
            found.append((read, alike[0]))
            there.remove(alike[0])
        return found

    def _alike(self, read: _Read, there: list[_Read]) -> list[_Read]:
        """Which of theirs may be one of ours: its partner, where it has one, else those of its color."""
        color = self._ours.read_color(read, self._our_colors)
        known = self._partners.get(read.value)
        return [
            each
            for each in there
            if self._theirs.read_color(each, self._their_colors) == color
            and (each.value == known if known else each.value not in self._taken)
        ]

    def _choose(self, mine: str, yours: str) -> None:
        """Marks two values as one where others are like them, and tells all others apart by that."""
        for marks, value in zip(self._marks, (mine, yours), strict=True):
            marks[_Graph.call_name(value)] = len(marks) + 1
        if len(self._marks[0]) < _MOST_CHOICES:
            self._our_colors = self._ours.colors(self._marks[0])
            self._their_colors = self._theirs.colors(self._marks[1])
