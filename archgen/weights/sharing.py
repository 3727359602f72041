"""Layers that a file holds under more than one name: told by their numbers, since shapes cannot say it.

A module that keeps a layer as an attribute and in a sequence, too, has its tensors twice in its state dict.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from archgen.weights.leaves import Leaf, Signature, words_of


def shared_layers(
    ours: Sequence[Leaf], theirs: Sequence[Leaf], are_equal: Callable[[str, str], bool]
) -> tuple[tuple[str, str], ...]:
    """The layers of theirs that stand in a file a second time, each with the first.

    Only where a file has more layers of a shape than we do, and at most twice as many, are tensors of it
    read: those of a layer and of the one with most words of its name. All that are too many must be found.
    """
    here = Counter(leaf.signature for leaf in ours)
    alike: dict[Signature, list[Leaf]] = defaultdict(list)
    for leaf in theirs:
        alike[leaf.signature].append(leaf)
    found: list[tuple[str, str]] = []
    for signature, leaves in alike.items():
        if here[signature] < len(leaves) <= 2 * here[signature]:
            pairs = list(_repeated(leaves, are_equal))
            found += pairs if len(pairs) == len(leaves) - here[signature] else []
    return tuple(found)


def _repeated(
    leaves: Sequence[Leaf], are_equal: Callable[[str, str], bool]
) -> Iterator[tuple[str, str]]:
    """Those that are one before them once more."""
    before: list[Leaf] = []
    for leaf in leaves:
        near = max(before, key=lambda other: _in_common(other.path, leaf.path), default=None)
        if near is not None and _is_again(leaf, near, are_equal):
            yield leaf.path, near.path
        else:
            before.append(leaf)


def _is_again(leaf: Leaf, first: Leaf, are_equal: Callable[[str, str], bool]) -> bool:
    return leaf.tensors.keys() == first.tensors.keys() and all(
        are_equal(tensor.name, first.tensors[role].name) for role, tensor in leaf.tensors.items()
    )


def _in_common(one: str, other: str) -> int:
    """How many words two names begin with alike."""
    both = zip(words_of(one), words_of(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))
