"""A value of a recording in terms of the op table: which step made it, and how its numbers lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

from archgen.lift.flat import Call
from archgen.lift.flat import Value as Written
from archgen.lift.recording import Event, Extents, Made, Overwritten, Weight

Shape: TypeAlias = "tuple[int, ...]"


class Lie(Enum):
    """How the numbers of a value lie in the tensor that torch has."""

    PLAIN = auto()  # N x C x H x W, and a vector N x C or N x C x 1 x 1
    LAST = auto()  # N x H x W x C
    POSITIONS = auto()  # N x C x H*W
    GROUPED = auto()  # N x groups x C/groups x H x W
    MIXED = auto()  # N x C/groups x groups x H x W


@dataclass(frozen=True)
class Value:
    """A result of a step; `shape` is (C, H, W) or (C,) as the op table has it, `sides` torch's."""

    name: str
    shape: Shape
    sides: Extents
    lie: Lie = Lie.PLAIN

    @property
    def is_vector(self) -> bool:
        """Whether it has no grid, though torch may keep one of a single position."""
        return len(self.shape) == 1

    @property
    def is_single(self) -> bool:
        """Whether it is a vector or a grid of one position."""
        return self.is_vector or self.shape[1:] == (1, 1)

    def seen(self, sides: Extents, lie: Lie = Lie.PLAIN) -> Value:
        """The same numbers in a tensor of other sides."""
        return replace(self, sides=sides, lie=lie)


class Unmatched(Exception):
    """A call that no op of the table does; the message says which, and what about it."""


class Lost(Exception):
    """A call on what came of one that was told already."""


@dataclass(frozen=True)
class Site:
    """One call to be matched: what it was given, and where its steps go."""

    event: Event
    sides: tuple[Extents, ...]
    values: Mapping[int, Value | Weight]
    starts: Mapping[str, float]
    add: Callable[[Call], None]
    name: Callable[[str], str]

    def named(self, *names: str) -> dict[str, object]:
        """The arguments by name, those given by position too. Raises Unmatched for one too many."""
        given = self.event.kwargs.items()
        more = [key for key, value in given if key not in names and value not in (None, False)]
        if more or len(self.event.args) > len(names):
            what = f"with `{more[0]}`" if more else "with so many arguments"
            raise Unmatched(f"`{self.event.function}` {what}")
        return {**dict(zip(names, self.event.args, strict=False)), **self.event.kwargs}

    def value(self, given: object) -> Value:
        """The value that an argument is. Raises Unmatched where it is none that a step has made."""
        known = self.values.get(given.number) if isinstance(given, Made) else given
        if known is None:
            raise Lost
        if isinstance(known, Value):
            return known
        if isinstance(known, Weight):
            raise Unmatched(f"`{self.event.function}` of the weight `{known.name}`")
        if isinstance(known, Overwritten):
            raise Unmatched(f"`{self.event.function}` of a tensor changed in place through a view")
        raise Unmatched(f"`{self.event.function}` of a tensor that does not come from the input")

    def weight(self, given: object, *, is_learned: bool = True) -> Weight:
        """The parameter or buffer that an argument is. Raises Unmatched for the other, or another tensor."""
        known = self.values.get(given.number) if isinstance(given, Made) else given
        if not isinstance(known, Weight):
            raise Unmatched(f"`{self.event.function}` with a weight that is computed")
        if known.is_learned != is_learned:
            what = f"`{known.name}`, which is {'no' if is_learned else 'a'} parameter"
            raise Unmatched(f"`{self.event.function}` with {what}")
        return known

    def plain(self, given: object) -> Value:
        """The value that an argument is, with its channels where torch's layers want them."""
        value = self.value(given)
        if value.lie is not Lie.PLAIN:
            raise Unmatched(f"`{self.event.function}` of a tensor of {len(value.sides)} dimensions")
        return value

    def grid(self, given: object) -> Value:
        """A value that torch has as N x C x H x W, and the op table as that grid or a vector."""
        value = self.plain(given)
        if len(value.sides) != 4:
            raise Unmatched(f"`{self.event.function}` of a vector")
        return self.unstretched(value)

    def unstretched(self, value: Value) -> Value:
        """The value. Raises Unmatched for a vector that was spread over a grid."""
        if value.is_vector and value.sides[2:] not in ((), (1, 1)):
            raise Unmatched(f"`{self.event.function}` of a vector that was spread over a grid")
        return value

    def step(
        self,
        op: str,
        settings: Iterable[tuple[str, Written]],
        inputs: Iterable[Value],
        shape: Shape | None = None,
        tensors: Iterable[tuple[str, Weight]] = (),
    ) -> Value:
        """Adds a step; its result lies as that of the call, of the same shape unless one is given."""
        sides = self.sides[0]
        shape = sides[1:] if shape is None else shape
        names = tuple((role, weight.name) for role, weight in tensors)
        made = Call(
            self.name(op),
            op,
            tuple(settings),
            tuple(value.name for value in inputs),
            self.event.scopes,
            names,
            shape,
        )
        self.add(made)
        return Value(made.name, shape, sides)

    def like(
        self,
        op: str,
        settings: Iterable[tuple[str, Written]],
        x: Value,
        tensors: Iterable[tuple[str, Weight]] = (),
    ) -> Value:
        """Adds a step that keeps the shape of its input, and how it lies."""
        return replace(self.step(op, settings, [x], x.shape, tensors), sides=x.sides, lie=x.lie)


# ------------------------------------------------------------------------- settings as specs have them


def whole(value: object, what: str) -> int:
    """A whole number. Raises Unmatched."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unmatched(f"`{what}` that is `{value!r:.60}`")
    return value


def real(value: object, what: str) -> float:
    """A real number. Raises Unmatched."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unmatched(f"`{what}` that is `{value!r:.60}`")
    if not math.isfinite(value):
        raise Unmatched(f"`{what}` that is `{value}`")
    return float(value)


def pair(value: object, what: str) -> tuple[int, int]:
    """Height and width, of one number or two. Raises Unmatched."""
    if isinstance(value, tuple) and len(value) in (1, 2):
        return whole(value[0], what), whole(value[-1], what)
    return whole(value, what), whole(value, what)


def window(sides: tuple[int, int]) -> Written:
    """`3`, or `1x7`."""
    height, width = sides
    return height if height == width else f"{height}x{width}"


def amounts(top: int, bottom: int, left: int, right: int) -> Written:
    """`1`, `[0, 3]` or `[0, 1, 0, 1]`."""
    if top == bottom == left == right:
        return top
    return (top, left) if (top, left) == (bottom, right) else (top, bottom, left, right)


def unless(**settings: tuple[Written, Written]) -> list[tuple[str, Written]]:
    """The settings that are not what the op table has without them: each a value and that default."""
    return [(name, value) for name, (value, default) in settings.items() if value != default]
