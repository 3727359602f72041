"""What the names of layers say: numbers that count, words in common, norms that belong to layers.

`layer2.0.conv1` comes before `layer2.1.conv1` and before `layer10.0.conv1`. Numbers say nothing where
the names differ in a word first: `stem.conv` and `layer1.conv` are in no order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from archgen.weights.leaves import Leaf

Two: TypeAlias = "tuple[str, str]"


class Token(NamedTuple):
    """A word, or a number with the letter after it: `5b` is 5 and b."""

    word: str = ""
    number: int = -1


_TOKENS = re.compile(
    r"\d+x\d+"  # a kernel is a word
    r"|(?:[Cc]onv|[Bb]atch[Nn]orm|[Pp]ool|[Nn]orm)[123][dD](?![a-z])"
    r"|\d+[a-z]?(?![a-zA-Z])|\d+"
    r"|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]"
)
_SEGMENTS = re.compile(r"[./]")
_FINE = re.compile(r"[./_-]")
SHORTCUT = "shortcut"  # the language has this word for a branch, and libraries have theirs
# kinds of layers and containers: every implementation has these, so they tell no layers apart
_COMMON = {
    *(
        "conv",
        "conv1d",
        "conv2d",
        "conv3d",
        "norm",
        "bn",
        "batch",
        "batchnorm",
        "batchnorm2d",
        "linear",
    ),
    *(
        "layer",
        "block",
        "unit",
        "stage",
        "module",
        "model",
        "net",
        "network",
        "feature",
        "backbone",
    ),
    *(
        "seq",
        "sequential",
        "list",
        "op",
        "body",
        "rest",
        "weight",
        "bias",
        "normalization",
        "features",
    ),
}
# words for one thing in several libraries
_SAME = {
    **dict.fromkeys(("downsample", "skip", "skipbn", "proj", "identity"), SHORTCUT),
    **dict.fromkeys(("fc", "classifier", "dense", "logits", "head"), "classifier"),
    **dict.fromkeys(("depthwise", "depth_wise"), "dw"),
    **dict.fromkeys(("pointwise",), "pw"),
    **dict.fromkeys(("excite", "excitation"), "se"),
    **dict.fromkeys(("lat", "inner"), "lateral"),
    **dict.fromkeys(("expansion",), "expand"),
    **dict.fromkeys(("projection",), "project"),
}
# words that count as numbers do
_ROWS = (("pw", "pwl"), ("reduce", "expand"), ("squeeze", "excite"))
_KINDS = {
    *("bn", "norm", "batchnorm", "batch", "batchnorm2d", "normalization", "gn", "ln", "layernorm"),
    *("conv", "conv2d", "convolution", "linear", "fc", "dense"),
}


@lru_cache(maxsize=100_000)
def tokens(path: str) -> tuple[tuple[Token, ...], ...]:
    """The words and numbers of each part of a name."""
    return tuple(tuple(map(_token, _TOKENS.findall(part))) for part in _SEGMENTS.split(path))


def _token(text: str) -> Token:
    found = re.fullmatch(r"(\d+)([a-z]?)", text)
    return Token(found[2], int(found[1])) if found and len(text) < 12 else Token(text.lower())


def counted(one: str, other: str) -> int:
    """1 where numbers put the first name before the second, -1 the other way, 0 where they say nothing."""
    for a, b in zip(tokens(one), tokens(other), strict=False):
        if a != b:
            return _counted(a, b)
    return 0


def _counted(one: Sequence[Token], other: Sequence[Token]) -> int:
    place = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if place is None:  # `conv` and `conv_2`: the first bears no number
        place = min(len(one), len(other))
        if place == 0 or max(one, other, key=len)[place].number < 0:
            return 0
        return 1 if len(one) < len(other) else -1
    a, b = one[place], other[place]
    if a.number >= 0 and b.number >= 0:
        return 1 if (a.number, a.word) < (b.number, b.word) else -1
    for row in _ROWS:
        if a.word in row and b.word in row:
            return 1 if row.index(a.word) < row.index(b.word) else -1
    return 0


def goes_down(paths: Iterable[str]) -> bool:
    """Whether names are listed against their numbers, as in `layer2.0`, `layer1.0`."""
    last: dict[tuple[object, ...], Token] = {}
    for path in paths:
        before: tuple[object, ...] = ()
        for part in tokens(path):
            for token in part:
                if token.number >= 0:
                    if (token.number, token.word) < last.get(before, token)[::-1]:
                        return True
                    last[before] = token
                before = (*before, token)
            before = (*before, "")
    return False


@lru_cache(maxsize=100_000)
def words(path: str) -> frozenset[str]:
    """The words of a name that may tell layers apart, each as one of those that mean the same."""
    found = (token.word for part in tokens(path) for token in part if token.number < 0)
    plain = (word[:-1] if len(word) > 3 and word.endswith("s") else word for word in found)
    return frozenset(_SAME.get(word, word) for word in plain if word not in _COMMON)


def words_of_authors(path: str) -> frozenset[str]:
    """The words of a name without those that the language has for branches."""
    return words(path) - {SHORTCUT}


@lru_cache(maxsize=100_000)
def numbered_words(path: str) -> frozenset[str]:
    """The words of a name with the numbers right after them: `p5`, also of `p.5`; not those of kernels."""
    found = [token for part in tokens(path) for token in part]
    return frozenset(
        f"{word.word}{number.number}{number.word}"
        for word, number in pairwise(found)
        if word.number < 0 <= number.number and not word.word[:1].isdecimal()
    )


def said_by(of: Callable[[str], frozenset[str]], ours: Two, theirs: Two) -> int:
    """1 where words that only one of two names bears pair them as they are, -1 crossed over, else 0."""
    (a, b), (x, y) = (tuple(map(of, both)) for both in (ours, theirs))
    straight = bool((a - b) & (x - y)) or bool((b - a) & (y - x))
    crossed = bool((a - b) & (y - x)) or bool((b - a) & (x - y))
    return straight - crossed


def labelled(ours: Two, theirs: Two) -> int:
    """1 where both pairs have a numbered word in common as they are, -1 crossed over, else 0.

    One is not enough: `aux1` and `aux2` may be `aux.0` and `aux.1`.
    """
    (a, b), (x, y) = (tuple(map(numbered_words, both)) for both in (ours, theirs))
    straight = bool((a - b) & (x - y)) and bool((b - a) & (y - x))
    crossed = bool((a - b) & (y - x)) and bool((b - a) & (x - y))
    return straight - crossed


# ----------------------------------------------------------------------------- norms beside layers


def norms_beside(leaves: Iterable[Leaf]) -> dict[str, Leaf]:
    """The norm that is called after each layer, or stands next to it, by the path of the layer.

    `conv1` and `bn1`, `conv` and `conv_bn`, `a` and `a/BatchNorm`, `3` and `4` of one sequence. A
    norm of other channels than the layer gives, or one that two layers could claim, is left out.
    """
    found = list(leaves)
    norms = {leaf.path: leaf for leaf in found if leaf.is_norm}
    keys: dict[tuple[str, ...], list[Leaf]] = {}
    for norm in norms.values():
        keys.setdefault(_without_kinds(norm.path), []).append(norm)
    claims = {
        leaf.path: claimed
        for leaf in found
        if not leaf.is_norm and (claimed := _claimed(leaf, norms, keys)) is not None
    }
    often = Counter(norm.path for norm in claims.values())
    return {path: norm for path, norm in claims.items() if often[norm.path] == 1}


def _claimed(
    leaf: Leaf, norms: dict[str, Leaf], keys: dict[tuple[str, ...], list[Leaf]]
) -> Leaf | None:
    weight = leaf.tensors.get("weight")
    if weight is None or len(weight.shape) < 2:
        return None
    candidates = [
        norm
        for norm in (*_next(leaf, norms), *keys.get(_without_kinds(leaf.path), ()))
        if norm.tensors["running_mean"].shape == weight.shape[:1]
    ]
    once = {norm.path: norm for norm in candidates}
    return next(iter(once.values())) if len(once) == 1 else None


def _next(leaf: Leaf, norms: dict[str, Leaf]) -> Iterable[Leaf]:
    """The norm with the next number in the same sequence."""
    owner, separator, last = re.fullmatch(r"(.*?)([./]?)([^./]*)", leaf.path).groups()  # type: ignore[union-attr]
    if last.isdecimal() and len(last) < 9:
        norm = norms.get(f"{owner}{separator}{int(last) + 1}")
        yield from () if norm is None else (norm,)


def _without_kinds(path: str) -> tuple[str, ...]:
    """A name without the words for kinds of layers."""
    found = (text.lower() for part in _FINE.split(path) for text in _TOKENS.findall(part) or [part])
    return tuple(text for text in found if text not in _KINDS)
