"""Pairs of names written as few lines of patterns: what people read and review."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from archgen.weights.patterns import PatternError, expanded_together

NORM = ".norm"
_NUMBER = re.compile(r"(?<![\w{])\d+(?![\w}])|(?<=[A-Za-z_])\d+(?![\w}])")
_WORDS = re.compile(r"([./])")


class Line(NamedTuple):
    """A line of a map: patterns of ours and of theirs."""

    ours: str
    theirs: str


def folded(pairs: Iterable[tuple[str, str]]) -> list[Line]:
    """Lines that mean exactly these pairs, in about their order."""
    lines = [Line(*pair) for pair in pairs]
    lines = list(_with_norms(lines))
    while len(fewer := _with_ranges(lines)) < len(lines):
        lines = fewer
    return lines


# ------------------------------------------------------------------------ a layer and its norm


def _with_norms(lines: list[Line]) -> Iterator[Line]:
    """A convolution and its norm in one line, where their names differ in one word."""
    norms = {line.ours: line for line in lines if line.ours.endswith(NORM)}
    joined: set[str] = set()
    for line in lines:
        norm = norms.get(f"{line.ours}{NORM}")
        both = None if norm is None else _either(line.theirs, norm.theirs)
        if norm is not None and both is not None:
            joined.add(norm.ours)
            yield Line(f"{line.ours}{{,{NORM}}}", both)
        elif line.ours not in joined:
            yield line


def _either(one: str, other: str) -> str | None:
    """`{conv,bn}1` for `conv1` and `bn1`: two names that differ in one word."""
    words, others = _WORDS.split(one), _WORDS.split(other)
    if len(others) == len(words) + 2 and others[: len(words)] == words:
        return f"{one}{{,{''.join(others[len(words) :])}}}"
    if len(words) != len(others):
        return None
    different = [
        place for place, pair in enumerate(zip(words, others, strict=True)) if len({*pair}) > 1
    ]
    if len(different) != 1:
        return None
    (place,) = different
    words[place] = _either_word(words[place], others[place])
    return "".join(words)


def _either_word(one: str, other: str) -> str:
    if one and other.startswith(one):
        return f"{one}{{,{other.removeprefix(one)}}}"
    a, b, end = _without_common_digits(one, other)
    return f"{{{a},{b}}}{end}"


def _without_common_digits(one: str, other: str) -> tuple[str, str, str]:
    end = re.search(r"\d*$", one)
    digits = end.group() if end is not None else ""
    if digits and other.endswith(digits) and len(other) > len(digits) < len(one):
        return one[: -len(digits)], other[: -len(digits)], digits
    return one, other, ""


# ------------------------------------------------------------------------------ numbers in a row


class _Slot(NamedTuple):
    """Two names with a number cut out of each, and how far the one is ahead of the other."""

    ours: tuple[str, str]
    theirs: tuple[str, str]
    ahead: int


def _with_ranges(lines: list[Line]) -> list[Line]:
    """The lines with one kind of number, that which takes in most lines, as ranges."""
    slots: dict[_Slot, dict[int, int]] = defaultdict(dict)
    for place, line in enumerate(lines):
        for slot, number in _slots(line):
            slots[slot][number] = place
    replaced: dict[int, Line | None] = {}
    for slot, places in sorted(slots.items(), key=lambda item: -len(item[1])):
        for first, last in _runs(sorted(places)):
            taken = [places[number] for number in range(first, last + 1)]
            made = _ranged(slot, first, last)
            if not replaced.keys() & set(taken) and _means(made, [lines[place] for place in taken]):
                replaced.update(dict.fromkeys(taken))
                replaced[min(taken)] = made
    found = (replaced.get(place, line) for place, line in enumerate(lines))
    return [line for line in found if line is not None]


def _slots(line: Line) -> Iterator[tuple[_Slot, int]]:
    for ours in _NUMBER.finditer(line.ours):
        for theirs in _NUMBER.finditer(line.theirs):
            number, other = int(ours.group()), int(theirs.group())
            if str(number) == ours.group() and str(other) == theirs.group():
                yield _Slot(_around(ours), _around(theirs), other - number), number


def _around(found: re.Match[str]) -> tuple[str, str]:
    return found.string[: found.start()], found.string[found.end() :]


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """The stretches of at least two numbers that follow each other."""
    first = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            if place - first > 1:
                yield numbers[first], numbers[place - 1]
            first = place


def _ranged(slot: _Slot, first: int, last: int) -> Line:
    ahead = slot.ahead
    return Line(
        f"{slot.ours[0]}{{{first}..{last}}}{slot.ours[1]}",
        f"{slot.theirs[0]}{{{first + ahead}..{last + ahead}}}{slot.theirs[1]}",
    )


def _means(line: Line, lines: list[Line]) -> bool:
    """Whether a line means what several others do, no more and no less."""
    try:
        wanted = {pair for each in lines for pair in expanded_together(*each)}
        return set(expanded_together(*line)) == wanted
    except PatternError:
        return False
