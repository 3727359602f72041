"""Guesses which layer of a checkpoint is which of a network, by the shapes that their blocks hold.

Both sides are trees of names with layers as leaves. Where the layers of two trees have the same shapes
in the same order, they are paired in order. Otherwise subtrees that hold layers of the same shapes are
paired, the n-th of theirs with the n-th of ours, and each such pair is looked at in the same way; what
is left is opened, the largest first, until only layers are left. The n-th layer of a shape is then the
n-th of that shape. So branches may stand in another order, and blocks be nested otherwise.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archgen.weights.leaves import Leaf, Signature

SIDE_PATHS = {"shortcut", "downsample", "proj", "skip", "skipbn", "aux", "auxlogits"}
_WORDS = re.compile(r"[./]")
_FINE_WORDS = re.compile(r"[./_]")


def candidates(ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> Iterator[dict[str, str]]:
    """Their layers by the path of ours, each with one of its shape; names are taken apart in two ways."""
    for words in (_WORDS, _FINE_WORDS):
        yield _Matching(_tree(ours, _WORDS), _tree(theirs, words)).partners


@dataclass(eq=False)
class _Tree:
    """A name and what bears it: a layer, further names, or both. `leaves` are all layers below."""

    leaf: Leaf | None = None
    inner: dict[str, _Tree] = field(default_factory=dict)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        own = () if self.leaf is None else (self.leaf,)
        return (*own, *(leaf for tree in self.parts for leaf in tree.leaves))

    @cached_property
    def parts(self) -> tuple[_Tree, ...]:
        """What is below, side paths last: where they are written differs most."""
        names = sorted(self.inner, key=lambda name: name.lower() in SIDE_PATHS)
        return tuple(self.inner[name] for name in names)

    @cached_property
    def shapes(self) -> frozenset[tuple[Signature, int]]:
        """The shapes of its layers with how often each is there."""
        return frozenset(Counter(leaf.signature for leaf in self.leaves).items())

    def opened(self) -> tuple[_Tree, ...]:
        """Its layer and its parts, each on its own."""
        own = () if self.leaf is None else (_Tree(self.leaf),)
        return (*own, *self.parts)


def _tree(leaves: Iterable[Leaf], words: re.Pattern[str]) -> _Tree:
    root = _Tree()
    for leaf in leaves:
        tree = root
        for name in words.split(leaf.path):
            tree = tree.inner.setdefault(name, _Tree())
        tree.leaf = leaf
    return root


class _Matching:
    """Pairs the layers of two trees; `partners` are theirs by the path of ours."""

    def __init__(self, ours: _Tree, theirs: _Tree) -> None:
        self.partners: dict[str, str] = {}
        self._match([ours], [theirs])

    def _match(self, ours: list[_Tree], theirs: list[_Tree]) -> None:
        if self._in_order(ours, theirs):
            return
        while ours and theirs:
            self._match_alike(ours, theirs)
            if not _open_largest(ours, theirs):
                self._match_layers(ours, theirs)
                return

    def _in_order(self, ours: list[_Tree], theirs: list[_Tree]) -> bool:
        """Pairs all layers in order, kind by kind, if that gives each one of its shape."""
        both = [_by_kind(trees) for trees in (ours, theirs)]
        shapes = [
            {kind: [leaf.signature for leaf in leaves] for kind, leaves in side.items()}
            for side in both
        ]
        if shapes[0] != shapes[1]:
            return False
        for kind, leaves in both[0].items():
            self._pair(leaves, both[1][kind])
        return True

    def _match_alike(self, ours: list[_Tree], theirs: list[_Tree]) -> None:
        """Takes out the trees that hold the same layers here as often as there."""
        here, there = _by_shapes(ours), _by_shapes(theirs)
        for shapes, trees in here.items():
            others = there.get(shapes, [])
            if len(trees) == len(others):
                for tree, other in zip(trees, others, strict=True):
                    ours.remove(tree)
                    theirs.remove(other)
                    self._match_one(tree, other)

    def _match_one(self, ours: _Tree, theirs: _Tree) -> None:
        if len(ours.leaves) == 1:
            self._pair(ours.leaves, theirs.leaves)
        else:
            self._match(list(ours.opened()), list(theirs.opened()))

    def _match_layers(self, ours: list[_Tree], theirs: list[_Tree]) -> None:
        """The n-th layer of a shape with the n-th of it, where no structure is left to go by."""
        here, there = _by_shapes(ours), _by_shapes(theirs)
        for shapes, trees in here.items():
            both = list(zip(trees, there.get(shapes, []), strict=False))
            self._pair([a.leaves[0] for a, _ in both], [b.leaves[0] for _, b in both])

    def _pair(self, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> None:
        for leaf, other in zip(ours, theirs, strict=True):
            self.partners[leaf.path] = other.path


def _by_kind(trees: Iterable[_Tree]) -> dict[object, list[Leaf]]:
    """Convolutions, norms and linear layers apart: which comes first in a file is a matter of taste."""
    kinds: dict[object, list[Leaf]] = defaultdict(list)
    for leaf in _leaves(trees):
        kinds[leaf.is_norm, leaf.is_linear].append(leaf)
    return kinds


def _leaves(trees: Iterable[_Tree]) -> Iterator[Leaf]:
    for tree in trees:
        yield from tree.leaves


def _by_shapes(trees: Iterable[_Tree]) -> dict[object, list[_Tree]]:
    groups: dict[object, list[_Tree]] = defaultdict(list)
    for tree in trees:
        groups[tree.shapes].append(tree)
    return groups


def _open_largest(ours: list[_Tree], theirs: list[_Tree]) -> bool:
    """Puts what is in the largest trees in their place; False where only layers are left."""
    size = max((len(tree.leaves) for tree in (*ours, *theirs) if tree.inner), default=0)
    for trees in (ours, theirs):
        trees[:] = [
            part
            for tree in trees
            for part in (tree.opened() if tree.inner and len(tree.leaves) == size else (tree,))
        ]
    return size > 0
