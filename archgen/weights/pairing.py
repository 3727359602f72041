"""Which layer of a checkpoint is which layer of a network: found by order, shape and structure.

Both sides are trees of names with layers as leaves. Where the layers of two trees have the same shapes
in the same order, they are paired in order. Otherwise subtrees that hold layers of the same shapes are
paired, the n-th of theirs with the n-th of ours, and each such pair is looked at in the same way; what
is left is opened, the largest first, until only layers are left. The n-th layer of a shape is then the
n-th of that shape. So branches may stand in another order, and blocks be nested otherwise.

A file whose names are sorted says nothing of the order in which its layers were made; its names are
read as a person would sort them, `features.2` before `features.10`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from archgen.weights.leaves import Leaf, Signature, by_number

SIDE_PATHS = {"shortcut", "downsample", "proj", "skip", "skipbn", "aux", "auxlogits"}
_WORDS = re.compile(r"[./]")
_FINE_WORDS = re.compile(r"[./_]")


class Pair(NamedTuple):
    """One layer twice: ours and theirs. `is_certain` where no other layer there has its shape."""

    ours: Leaf
    theirs: Leaf
    is_certain: bool


class Pairing(NamedTuple):
    """The layers of both sides that belong together, and those that are left over."""

    pairs: tuple[Pair, ...]
    missing: tuple[Leaf, ...]
    extra: tuple[Leaf, ...]

    @property
    def loose(self) -> int:
        """How many layers have no partner, or one that only its shape speaks for."""
        return len(self.missing) + len(self.extra)


def paired(ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> Pairing:
    """The best pairing of the layers, in the order of ours.

    Equal names are believed. Otherwise the names of the file are taken apart in two ways, and the
    way that leaves fewer layers without a partner, and fewer that only their shape speaks for, wins.
    """
    by_name = {leaf.path: leaf for leaf in theirs}
    if all(leaf.path in by_name for leaf in ours if not leaf.training_only):
        return _same_names(ours, by_name)
    tries = [_tried(ours, _ordered(theirs), words) for words in (_WORDS, _FINE_WORDS)]
    return min(tries, key=lambda one: (one.pairing.loose, one.blind)).pairing


def _same_names(ours: Sequence[Leaf], theirs: dict[str, Leaf]) -> Pairing:
    """Layers that bear the same names here and there; shapes are compared later."""
    names = {leaf.path for leaf in ours}
    return Pairing(
        tuple(Pair(leaf, theirs[leaf.path], True) for leaf in ours if leaf.path in theirs),
        tuple(leaf for leaf in ours if leaf.path not in theirs),
        tuple(leaf for path, leaf in theirs.items() if path not in names),
    )


def _ordered(leaves: Sequence[Leaf]) -> list[Leaf]:
    """In the order of the file, unless that is the order of the alphabet."""
    paths = [leaf.path for leaf in leaves]
    # a file sorts tensors: of a layer `a` and its norm `a/BatchNorm`, that puts the norm before the layer
    firsts = [next(tensor.name for tensor in leaf.tensors.values()) for leaf in leaves]
    if paths != sorted(paths) and firsts != sorted(firsts):
        return list(leaves)
    return sorted(leaves, key=lambda leaf: by_number(leaf.path))


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


class _Tried(NamedTuple):
    pairing: Pairing
    blind: int


def _tried(ours: Sequence[Leaf], theirs: Sequence[Leaf], words: re.Pattern[str]) -> _Tried:
    matching = _Matching(_tree(ours, _WORDS), _tree(theirs, words))
    found = matching.partners
    certain = matching.certain
    used = {id(leaf) for leaf in found.values()}
    pairing = Pairing(
        tuple(
            Pair(leaf, found[leaf.path], leaf.path in certain)
            for leaf in ours
            if leaf.path in found
        ),
        tuple(leaf for leaf in ours if leaf.path not in found),
        tuple(leaf for leaf in theirs if id(leaf) not in used),
    )
    return _Tried(pairing, matching.blind)


class _Matching:
    """Pairs the layers of two trees; `partners` are theirs by the path of ours.

    `blind` counts the layers that were paired by nothing but the order of those of their shape.
    """

    def __init__(self, ours: _Tree, theirs: _Tree) -> None:
        self.partners: dict[str, Leaf] = {}
        self.certain: set[str] = set()
        self.blind = 0
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
            self.blind += len(both) if len(both) > 1 else 0
            self._pair([a.leaves[0] for a, _ in both], [b.leaves[0] for _, b in both])

    def _pair(self, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> None:
        often = Counter(leaf.signature for leaf in ours)
        for leaf, other in zip(ours, theirs, strict=True):
            self.partners[leaf.path] = other
            if often[leaf.signature] == 1:
                self.certain.add(leaf.path)


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
