"""Which layer of one traced network is which of another of the same structure: found from the outputs back.

Both are followed from their outputs to their inputs. The parts of a concat go together in order; those
of a sum or product, whose order says nothing, by what leads to them. What has no weights and one input
is passed over: that it is the same says the comparison of logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from archgen.lift.flat import INPUT, Call, FlatNetwork

Shapes: TypeAlias = "Mapping[str, tuple[int, ...]]"
COMMUTATIVE = ("add", "multiply")
JOINS = (*COMMUTATIVE, "concat")


class NotAligned(Exception):
    """The networks differ in structure; the message says where."""


class Traced:
    """A flat network to be walked backwards; `shapes` are those of its weights by name."""

    def __init__(self, flat: FlatNetwork, shapes: Shapes) -> None:
        self.outputs = flat.outputs
        self._shapes = shapes
        self._calls = {call.name: call for call in flat.calls}
        self._marks: dict[str, int] = {INPUT: 0}
        for call in flat.calls:
            self._marks[call.name] = self._mark(call)

    def source(self, value: str) -> str:
        """The value that `value` comes from through steps without weights and with one input."""
        while (call := self._calls.get(value)) and not call.tensors and call.op not in JOINS:
            if call.op == "split":
                break
            (value,) = call.inputs
        return value

    def call(self, value: str) -> Call | None:
        """The call that makes a value or a part of it; None for the input."""
        return self._calls.get(value.partition(".")[0])

    def parts(self, call: Call) -> list[str]:
        """What a call reads; joins within joins of the same op taken apart."""
        found, left = [], list(reversed(call.inputs))
        while left:
            value = self.source(left.pop())
            inner = self._calls.get(value)
            if inner is not None and inner.op == call.op and call.op in JOINS:
                left += reversed(inner.inputs)
            else:
                found.append(value)
        return found

    def mark(self, value: str) -> int:
        """A number that is equal for values which are computed alike."""
        whole, _, part = value.partition(".")
        return hash((self._marks[whole], part)) if part else self._marks[whole]

    def shapes(self, call: Call) -> tuple[tuple[int, ...], ...]:
        """The shapes of a call's weights, a factor a channel as a vector."""
        found = (self._shapes[name] for _, name in call.tensors)
        if call.op != "scale":
            return tuple(found)
        return tuple(tuple(side for side in shape if side != 1) for shape in found)

    def _mark(self, call: Call) -> int:
        read = [self.mark(value) for value in self.parts(call)]
        if call.op in COMMUTATIVE:
            read.sort()
        return hash((call.op, self.shapes(call), *read))


def aligned(ours: Traced, theirs: Traced) -> dict[str, str]:
    """The weights of theirs by the names of ours. Raises NotAligned."""
    if len(ours.outputs) != len(theirs.outputs):
        raise NotAligned(
            f"the module gives {len(theirs.outputs)} tensors, the spec {len(ours.outputs)}"
        )
    partners: dict[str, str] = {}
    weights: dict[str, str] = {}
    left = list(zip(ours.outputs, theirs.outputs, strict=True))
    while left:
        mine, yours = left.pop()
        one, other = ours.source(mine), theirs.source(yours)
        if one in partners and partners[one] != other:
            raise NotAligned(
                f"`{one}` of the spec is `{partners[one]}` and `{other}` of the module"
            )
        if one not in partners:
            partners[one] = other
            pair = _same(one, other, ours, theirs)
            weights.update(zip(_names(pair[0]), _names(pair[1]), strict=True))
            left += _inputs(pair, ours, theirs, partners)
    return weights


Pair: TypeAlias = "tuple[Call | None, Call | None]"


def _same(one: str, other: str, ours: Traced, theirs: Traced) -> Pair:
    """The calls that make two values. Raises NotAligned for calls of another kind."""
    pair = (ours.call(one), theirs.call(other))
    kinds = [
        None if call is None else (call.op, [role for role, _ in call.tensors], side.shapes(call))
        for call, side in zip(pair, (ours, theirs), strict=True)
    ]
    if kinds[0] != kinds[1] or one.partition(".")[2] != other.partition(".")[2]:
        raise NotAligned(f"`{one}` of the spec stands where the module has `{other}`")
    return pair


def _names(call: Call | None) -> list[str]:
    return [] if call is None else [name for _, name in call.tensors]


def _inputs(
    pair: Pair, ours: Traced, theirs: Traced, partners: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Which input of one call is which of the other. Raises NotAligned."""
    call, other = pair
    if call is None or other is None:
        return []
    here, there = ours.parts(call), theirs.parts(other)
    if len(here) != len(there):
        raise NotAligned(f"`{call.name}` of the spec reads more or less than `{other.name}`")
    if call.op not in COMMUTATIVE:
        return list(zip(here, there, strict=True))
    found = []
    for value in here:
        alike = [each for each in there if theirs.mark(each) == ours.mark(value)]
        if not alike:
            raise NotAligned(f"`{call.name}` of the spec reads what `{other.name}` does not")
        known = partners.get(value)
        found.append((value, known if known in alike else alike[0]))
        there.remove(found[-1][1])
    return found
