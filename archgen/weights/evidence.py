"""What speaks for two pairs of layers of one shape as they are, or for the pairs crossed over.

Of layers a and b of ours, paired with x and y, there are four kinds of evidence, the strongest first: what
the blocks around them hold; words that only one of the two bears, here and there; numbers in their names,
compared with the flow of data or with our numbers; and the order of the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from archgen.weights.leaves import Leaf
from archgen.weights.order import Possible
from archgen.weights.structure import Contents, Structure
from archgen.weights.words import Two, counted, numbered_words, said_by, words


class Reason(StrEnum):
    """Why a layer of theirs is one of ours, the weakest of what it rests on."""

    NAME = "the same name"
    SHAPE = "its shape"
    NORM = "the norm of its layer"
    BLOCK = "its block"
    WORDS = "words in its name"
    NUMBERS = "numbers in its name"
    ORDER = "the order of the file"
    TRUSTED = "the order of the file, which is trusted"
    REST = "all that is left"


class Verdict(NamedTuple):
    """1 for two pairs as they are, -1 for the pairs crossed over, 0 for neither; and why."""

    sign: int
    reason: Reason = Reason.ORDER


SILENT = Verdict(0)


class Evidence:
    """Everything that is known of the layers of both sides but their shapes.

    An order that is not sure, since numbers go down in it, can only contradict other evidence.
    """

    def __init__(
        self,
        ours: Structure,
        theirs: Sequence[Leaf],
        possible: Possible,
        *,
        is_order_sure: bool = True,
    ) -> None:
        self._ours = ours
        self._blocks = _Blocks(theirs)
        self._possible = possible
        self._is_order_sure = is_order_sure

    def verdict(self, ours: Two, theirs: Two) -> Verdict:
        """What speaks for a pair of pairs of equal shapes: the first kind of evidence that is not silent.

        Where words contradict blocks, or order contradicts numbers, nothing is certain.
        """
        block, word = self._block(ours, theirs), said_by(words, ours, theirs)
        if block or word:
            if block * word < 0:
                return SILENT
            return Verdict(block or word, Reason.BLOCK if block else Reason.WORDS)
        number, order = self._number(ours, theirs), self._order(ours, theirs)
        if number * order < 0:
            return SILENT
        if not number and not self._is_order_sure:
            return SILENT
        return Verdict(number or order, Reason.NUMBERS if number else Reason.ORDER)

    def chooses(self, ours: Two, theirs: str) -> bool:
        """Whether words or blocks say that a layer of theirs is the first of two of ours, not the second."""
        held = self._blocks.around(theirs, "")
        here, there = (
            {held for held in self._ours.around(*both) if _is_block(held)} & held
            for both in (ours, ours[::-1])
        )
        said = said_by(words, ours, (theirs, ""))
        return said > 0 or (said == 0 and here > there)

    def prefers(self, ours: str, theirs: Two) -> bool:
        """Whether words or blocks say that a layer of ours is the first of two of theirs."""
        held = {held for held in self._ours.around(ours, "") if _is_block(held)}
        here, there = (self._blocks.around(*both) & held for both in (theirs, theirs[::-1]))
        said = said_by(words, (ours, ""), theirs)
        return said > 0 or (said == 0 and here > there)

    def _block(self, ours: Two, theirs: Two) -> int:
        """Whether one of them stands in a block that holds what only one block of theirs holds."""
        (a, b), (x, y) = ours, theirs
        straight = crossed = False
        for here, this, that in ((a, x, y), (b, y, x)):
            other = b if here == a else a
            near = {held for held in self._ours.around(here, other) if _is_block(held)}
            in_this = near & self._blocks.around(this, that)
            in_that = near & self._blocks.around(that, this)
            straight |= bool(in_this - in_that) and not in_that - in_this
            crossed |= bool(in_that - in_this) and not in_this - in_that
        return straight - crossed

    def _number(self, ours: Two, theirs: Two) -> int:
        """Their numbers beside the flow of data; where that does not count, the numbers of both."""
        flow = self._ours.counts_on(*ours)
        if flow:
            return flow * counted(*theirs)
        here = (self._ours.written(ours[0]), self._ours.written(ours[1]))
        return said_by(numbered_words, here, theirs)

    def _order(self, ours: Two, theirs: Two) -> int:
        (a, b), (x, y) = ours, theirs
        if self._ours.flows(a, b) and not self._ours.counts_on(a, b):
            return 0
        one, other = self._possible.get(a, set()), self._possible.get(b, set())
        if one == {x} and other == {y}:
            return 1
        return -1 if one == {y} and other == {x} else 0


def nearer(norms: Two, layers: Two) -> int:
    """1 where two norms bear more of the names of their layers as they are, -1 crossed over, else 0."""
    (x, y), (z, w) = (tuple(map(_prefixes, both)) for both in (norms, layers))
    straight = len(set(x) & set(z)) + len(set(y) & set(w))
    crossed = len(set(x) & set(w)) + len(set(y) & set(z))
    return (straight > crossed) - (straight < crossed)


def _is_block(contents: Contents) -> bool:
    return sum(often for _, often in contents) > 1


class _Blocks:
    """What the layers of a file hold that begin with the same words."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        counts: dict[tuple[str, ...], Counter[object]] = {}
        for leaf in leaves:
            for block in _prefixes(leaf.path):
                counts.setdefault(block, Counter())[leaf.signature] += 1
        self._contents: Mapping[tuple[str, ...], Contents] = {
            block: frozenset(found.items()) for block, found in counts.items()
        }

    def around(self, one: str, other: str) -> set[Contents]:
        """What the blocks hold that are around the first layer and not around the second."""
        others = set(_prefixes(other))
        return {self._contents[block] for block in _prefixes(one) if block not in others}


@cache
def _prefixes(path: str) -> tuple[tuple[str, ...], ...]:
    """The beginnings of a name, word by word."""
    found = path.replace("/", ".").replace("_", ".").split(".")
    return tuple(tuple(found[:end]) for end in range(1, len(found) + 1))
