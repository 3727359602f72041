"""Pairs of parts: by name, else by what they say, else by how much of it they share."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Pairs = list[tuple[Item | None, Item | None]]

MAX_COMPARED = 10_000  # pairs whose likeness is looked at
MAX_SEQUENCE = 1_000_000  # pairs among which an order is looked for


class Saying(NamedTuple):
    """What an item is called and, where that is asked for, what it says: as a whole, and as words.

    Two items of one `kind` that share more than `enough` of their words are one item, changed.
    """

    name: str
    whole: Callable[[], Hashable]
    words: Callable[[], Counter[Hashable]]
    has_given_name: bool = True
    kind: Hashable = None
    enough: float = 0.5


def aligned(
    before: Sequence[Item], after: Sequence[Item], saying: Callable[[Item], Saying]
) -> Pairs[Item]:
    """Every item of both sides once, in the order of `after`; what is gone comes last.

    Names that somebody gave go before all else. Names that only count (`conv`, `conv_2`) say
    little where an item has come or gone: then what stands in the same order says more.
    """
    table = _Table(before, after, saying)
    if {one.name for one in table.said[0]} != {one.name for one in table.said[1]}:
        table.pair_given_names()
        table.pair_sequences()
    table.pair(lambda one: one.name)
    table.pair(lambda one: one.whole())
    table.pair_alike()
    return list(table.pairs())


class _Table(Generic[Item]):
    """The items of both sides by their places, and which are paired so far."""

    def __init__(
        self, before: Sequence[Item], after: Sequence[Item], saying: Callable[[Item], Saying]
    ) -> None:
        self._before, self._after = before, after
        self.said = [saying(item) for item in before], [saying(item) for item in after]
        self._old_of: dict[int, int] = {}
        self._left = dict.fromkeys(range(len(before)))

    def pairs(self) -> Iterator[tuple[Item | None, Item | None]]:
        """The pairs, and what has none."""
        for place, item in enumerate(self._after):
            old = self._old_of.get(place)
            yield (None if old is None else self._before[old]), item
        for place in self._left:
            yield self._before[place], None

    def pair(self, key: Callable[[Saying], Hashable]) -> None:
        """What has the same key, in order."""
        waiting: dict[Hashable, list[int]] = {}
        for place in self._left:
            waiting.setdefault(key(self.said[0][place]), []).append(place)
        for place in self._new():
            if same := waiting.get(key(self.said[1][place])):
                self._take(same.pop(0), place)

    def pair_given_names(self) -> None:
        """What has a name of its own, by that."""
        self.pair(lambda one: one.name if one.has_given_name else (one.name, id(one)))

    def pair_sequences(self) -> None:
        """What says the same in the same order."""
        numbers: dict[Hashable, int] = {}
        places = list(self._left), self._new()
        words = [
            [numbers.setdefault(self.said[side][place].whole(), len(numbers)) for place in there]
            for side, there in enumerate(places)
        ]
        for old, new in _in_sequence(*words):
            self._take(places[0][old], places[1][new])

    def pair_alike(self) -> None:
        """What shares most of its words, the most alike first."""
        places = list(self._left), self._new()
        if len(places[0]) * len(places[1]) > MAX_COMPARED:
            return
        words = [[self.said[n][place].words() for place in places[n]] for n in (0, 1)]
        scores = [
            (-_share(one, other), old, new)
            for old, one in zip(places[0], words[0], strict=True)
            for new, other in zip(places[1], words[1], strict=True)
            if self.said[0][old].kind == self.said[1][new].kind
        ]
        for score, old, new in sorted(scores):
            is_enough = -score > self.said[1][new].enough
            if is_enough and old in self._left and new not in self._old_of:
                self._take(old, new)

    def _new(self) -> list[int]:
        return [place for place in range(len(self._after)) if place not in self._old_of]

    def _take(self, old: int, new: int) -> None:
        self._old_of[new] = old
        del self._left[old]


def _in_sequence(before: Sequence[int], after: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The places of what is equal in the same order: at both ends first, which costs nothing."""
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    ends = (n for n in range(shorter - head) if before[-1 - n] != after[-1 - n])
    tail = next(ends, shorter - head)
    yield from ((n, n) for n in range(head))
    yield from ((len(before) - n, len(after) - n) for n in range(1, tail + 1))
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if len(old) * len(new) <= MAX_SEQUENCE:
        for match in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            yield from ((head + match.a + n, head + match.b + n) for n in range(match.size))


def _share(before: Counter[Hashable], after: Counter[Hashable]) -> float:
    """The share of words that are on both sides, from 0 to 1."""
    both = before.total() + after.total()
    return 2 * (before & after).total() / both if both else 0.0


def out_of_order(places: Sequence[int]) -> list[int]:
    """Which of the places to take out, and as few as can be, so that the others rise."""
    ends: list[int] = []  # of the rising rows of each length, the lowest last place
    lengths = []
    for place in places:
        lengths.append(bisect_left(ends, place))
        ends[lengths[-1] : lengths[-1] + 1] = [place]
    taken, length = [], len(ends) - 1
    for number in reversed(range(len(places))):
        if lengths[number] == length:
            length -= 1
        else:
            taken.append(number)
    return taken
