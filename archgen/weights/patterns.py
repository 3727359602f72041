"""Names of many layers in one line: `a.{0..3}.conv{,.norm}`, as a shell would expand it."""

from __future__ import annotations

import re
from itertools import product

MAX_NAMES = 10_000

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,6})\.\.(\d{1,6})")


class PatternError(Exception):
    """A pattern cannot be read, or two do not go together, for the reason in the message."""


def expanded(pattern: str) -> list[str]:
    """Every name that a pattern means, the last braces changing fastest. Raises PatternError."""
    return [_filled(pattern, words) for words in product(*_choices(pattern))]


def expanded_together(ours: str, theirs: str) -> list[tuple[str, str]]:
    """The pairs of names that two patterns mean: their braces correspond in order. Raises PatternError."""
    here, there = ([len(words) for words in _choices(side)] for side in (ours, theirs))
    if here != there:
        raise PatternError(
            f"`{ours}` has braces of {_counts(here)}, and `{theirs}` of {_counts(there)}"
        )
    return list(zip(expanded(ours), expanded(theirs), strict=True))


def _counts(lengths: list[int]) -> str:
    return " and ".join(map(str, lengths)) or "none"


def _choices(pattern: str) -> list[list[str]]:
    """The words that each pair of braces chooses from."""
    if re.search(r"[{}]", _BRACES.sub("", pattern)):
        raise PatternError(f"`{pattern}` has a brace without its partner, or braces within braces")
    choices = [_words(inner) for inner in _BRACES.findall(pattern)]
    total = 1
    for words in choices:
        total *= len(words)
        if total > MAX_NAMES:
            raise PatternError(f"`{pattern}` means more than {MAX_NAMES:,} names")
    return choices


def _words(inner: str) -> list[str]:
    found = _RANGE.fullmatch(inner)
    if found is None:
        return inner.split(",")
    first, last = map(int, found.groups())
    if not first <= last < first + MAX_NAMES:
        raise PatternError(f"`{{{inner}}}` must go upwards, by less than {MAX_NAMES:,}")
    return [str(number) for number in range(first, last + 1)]


def _filled(pattern: str, words: tuple[str, ...]) -> str:
    parts = _BRACES.split(pattern)
    parts[1::2] = words
    return "".join(parts)
