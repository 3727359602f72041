"""What speaks for two pairs of layers of one shape as they are, or for the pairs crossed over.

Of layers a and b of ours, paired with x and y, there are four kinds of evidence, the strongest first: what
the blocks around them hold; words that only one of the two bears, here and there; numbers in their names,
compared with the flow of data or with our numbers; and the order of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from archgen.weights.leaves import Leaf
from archgen.weights.order import Possible
from archgen.weights.structure import Contents, Structure
from archgen.weights.words import (
    SHORTCUT,
    Two,
    counted,
    labelled,
    said_by,
    words,
    words_of_authors,
)


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


_ENDS = re.compile(r"[./]|(?<=[A-Za-z0-9])_(?!\d+(?:[./]|$))")


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
        """What speaks for a pair of pairs of equal shapes, and the strongest reason.

        Where one kind of evidence contradicts another, nothing is certain.
        """
        said = (
            (Reason.BLOCK, self._block(ours, theirs)),
            (Reason.WORDS, self._word(ours, theirs)),
            (Reason.NUMBERS, self._number(ours, theirs)),
            (Reason.ORDER, self._order(ours, theirs)),
        )
        signs = {sign for _, sign in said if sign}
        if len(signs) != 1:
            return SILENT
        reason = next(reason for reason, sign in said if sign)
        if reason is Reason.ORDER and not self._is_order_sure:
            return SILENT
        return Verdict(signs.pop(), reason)

    def chooses(self, ours: Two, theirs: str) -> bool:
        """Whether words or blocks say that a layer of theirs is the first of two of ours, not the second."""
        held = self._blocks.around(theirs, "")
        here, there = (self._ours.around(*both) & held for both in (ours, ours[::-1]))
        said = said_by(words, ours, (theirs, ""))
        return said > 0 or (said == 0 and here > there)

    def prefers(self, ours: str, theirs: Two) -> bool:
        """Whether words or blocks say that a layer of ours is the first of two of theirs."""
        held = self._ours.around(ours, "")
        here, there = (self._blocks.around(*both) & held for both in (theirs, theirs[::-1]))
        said = said_by(words, (ours, ""), theirs)
        return said > 0 or (said == 0 and here > there)

    def _block(self, ours: Two, theirs: Two) -> int:
        """Whether one of them stands in a block that holds what only one block of theirs holds."""
        (a, b), (x, y) = ours, theirs
        straight = crossed = False
        for here, this, that in ((a, x, y), (b, y, x)):
            other = b if here == a else a
            near = self._ours.around(here, other)
            in_this = near & self._blocks.around(this, that)
            in_that = near & self._blocks.around(that, this)
            straight |= bool(in_this - in_that) and not in_that - in_this
            crossed |= bool(in_that - in_this) and not in_this - in_that
        return straight - crossed

    def _word(self, ours: Two, theirs: Two) -> int:
        """Words of both. That one branch is the shortcut must be so by what it holds, too."""
        said = said_by(words, ours, theirs)
        if not said or said_by(words_of_authors, ours, theirs):
            return said
        branches = self._ours.fork(*ours)
        if branches[0] == branches[1]:
            return 0
        ours_first = SHORTCUT in words(ours[0])
        theirs_first = SHORTCUT in words(theirs[0])
        held = dict(branches[0] if ours_first else branches[1])
        named = self._blocks.named(theirs[0] if theirs_first else theirs[1], SHORTCUT)
        return said if all(often <= held.get(shape, 0) for shape, often in named) else 0

    def _number(self, ours: Two, theirs: Two) -> int:
        """Their numbers beside the flow of data; where that does not count, the numbers of both."""
        flow = self._ours.counts_on(*ours)
        if flow:
            return flow * counted(*theirs)
        here = (self._ours.written(ours[0]), self._ours.written(ours[1]))
        return labelled(here, theirs)

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


class _Blocks:
    """What the layers of a file hold that begin with the same words."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        counts: dict[str, Counter[object]] = {}
        for leaf in leaves:
            for block in _prefixes(leaf.path):
                counts.setdefault(block, Counter())[leaf.signature] += 1
        self._contents: Mapping[str, Contents] = {
            block: frozenset(found.items()) for block, found in counts.items()
        }

    def named(self, path: str, word: str) -> Contents:
        """What the block around a layer holds that is called by a word."""
        return next(self._contents[block] for block in _prefixes(path) if word in words(block))

    def around(self, one: str, other: str) -> set[Contents]:
        """What the blocks hold that are around the first layer and not around the second."""
        others = set(_prefixes(other))
        return {self._contents[block] for block in _prefixes(one) if block not in others}


@cache
def _prefixes(path: str) -> tuple[str, ...]:
    """The beginnings of a name: up to each dot, and each underscore but those of counts, as in `conv_2`."""
    ends = [match.start() for match in _ENDS.finditer(path)]
    return (*(path[:end] for end in ends), path)
