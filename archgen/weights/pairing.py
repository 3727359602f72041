"""Which layer of a checkpoint is which layer of a network: a guess by structure, then the test of each pair.

A guess pairs every layer with one of its shape. Any two pairs of one shape are then compared with the same
pairs crossed over: what `evidence` says for them decides, and pairs that it speaks against are exchanged.
Where it says nothing, the layers are ambiguous: which is which is not known.

Norms go with the layer that they are called after, where that is so of all norms of their size.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from archgen.weights.candidates import candidates
from archgen.weights.evidence import Evidence, Reason, Verdict, nearer
from archgen.weights.leaves import COUNT, Extents, Leaf, Signature, by_number
from archgen.weights.order import possible_in_order
from archgen.weights.readings import COUNTED
from archgen.weights.structure import Structure
from archgen.weights.words import goes_down, norms_beside

MAX_ROUNDS = 20  # of exchanging pairs until no evidence is against them
MAX_LEFT_OVER = 64  # of one shape, beyond which none of them is ruled out
OF_THEIRS = "\0"  # before a name of theirs where names of both sides stand together
STRENGTH = list(Reason)  # strongest first
ROLE_ORDER = ("weight", "bias", "running_mean", "running_var", COUNT)


class Pair(NamedTuple):
    """One layer twice, ours and theirs, and the weakest of the reasons that the pair rests on."""

    ours: Leaf
    theirs: Leaf
    reason: Reason


class Group(NamedTuple):
    """The names of layers of one shape, ours and theirs, of which nothing says which is which."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    shape: Extents


class Pairing(NamedTuple):
    """The layers of both sides that belong together, and those that are left over.

    The pairs of the `ambiguous` groups are a guess.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[Leaf, ...]
    extra: tuple[Leaf, ...]
    ambiguous: tuple[Group, ...] = ()


class Order(NamedTuple):
    """Whether the format of a file keeps an order; and whether a person vouches for it.

    It `is_counted` where layers bear numbers in the order in which they were made, as those of Keras do.
    """

    is_kept: bool = True
    is_trusted: bool = False
    is_counted: bool = False


AS_LISTED = Order()


def paired(structure: Structure, theirs: Sequence[Leaf], order: Order = AS_LISTED) -> Pairing:
    """The pairing of the layers, in the order of ours. Equal names are believed."""
    by_name = {leaf.path: leaf for leaf in theirs}
    ours = structure.root.leaves
    if all(leaf.path in by_name for leaf in ours if not leaf.training_only):
        pairs = [
            Pair(leaf, by_name[leaf.path], Reason.NAME) for leaf in ours if leaf.path in by_name
        ]
        return _pairing(ours, theirs, pairs, ())
    by_numbers = sorted(theirs, key=lambda leaf: by_number(leaf.path))
    is_listed = order.is_kept and not order.is_counted and _has_order(theirs)
    is_ordered = is_listed or (order.is_kept and order.is_counted and _are_counted(theirs))
    listed = theirs if is_listed else by_numbers
    possible = possible_in_order(structure.root, listed) if is_ordered else {}
    is_sure = not goes_down([leaf.path for leaf in listed])
    evidence = Evidence(structure, theirs, possible, is_order_sure=is_sure)
    units = _Units(_needed(ours, theirs), listed)
    best: _Tested | None = None
    for guess in candidates(units.ours, units.theirs):
        tested = _Tested(guess, units, evidence, is_trusted=order.is_trusted)
        if best is None or tested.rank < best.rank:
            best = tested
        if not best.doubts and len(best.partners) == len(units.ours):
            break
    assert best is not None
    return _pairing(ours, theirs, units.pairs(best), best.groups())


def _pairing(
    ours: Sequence[Leaf], theirs: Sequence[Leaf], pairs: Iterable[Pair], groups: Iterable[Group]
) -> Pairing:
    found = {pair.ours.path: pair for pair in pairs}
    used = {pair.theirs.path for pair in found.values()}
    return Pairing(
        tuple(found[leaf.path] for leaf in ours if leaf.path in found),
        tuple(leaf for leaf in ours if leaf.path not in found),
        tuple(leaf for leaf in theirs if leaf.path not in used),
        tuple(groups),
    )


def _needed(ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> list[Leaf]:
    """Ours without the heads that only training has, where the file does not have all that they hold."""
    there = Counter(leaf.signature for leaf in theirs)
    if Counter(leaf.signature for leaf in ours) <= there:
        return list(ours)
    return [leaf for leaf in ours if not leaf.training_only]


def _has_order(leaves: Sequence[Leaf]) -> bool:
    """Whether a file lists layers as a module defines them, as far as that can be seen.

    It does not where the order is that of the alphabet or of the numbers in its names, or where the
    tensors of one layer are in disorder.
    """
    paths = [leaf.path for leaf in leaves]
    # a file sorts tensors: of a layer `a` and its norm `a/BatchNorm`, that puts the norm before the layer
    firsts = [next(tensor.name for tensor in leaf.tensors.values()) for leaf in leaves]
    if paths in (sorted(paths), sorted(paths, key=by_number)) or firsts == sorted(firsts):
        return False
    return all(map(_is_as_defined, leaves))


def _are_counted(leaves: Sequence[Leaf]) -> bool:
    """Whether every layer bears the name that Keras gave it: its class, and a number from the second on."""
    return all(COUNTED.fullmatch(leaf.path) for leaf in leaves)


def _is_as_defined(leaf: Leaf) -> bool:
    """Whether the tensors of a layer are listed as torch's modules do; in a shuffled file they are not."""
    roles = [ROLE_ORDER.index(role) for role in leaf.tensors if role in ROLE_ORDER]
    return roles == sorted(roles)


class _Units:
    """The layers of both sides, norms joined to the layers that they are called after.

    They are joined where all norms of their size are, on both sides, and to layers of the same shapes: a norm
    may stand before the layer of its number, as in pre-activation blocks, and then the counts differ.
    """

    def __init__(self, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> None:
        self._leaves = {leaf.path: leaf for leaf in ours}, {leaf.path: leaf for leaf in theirs}
        norms = _own_norms(ours), norms_beside(theirs)
        sizes = [
            _joined_sizes(side, beside) for side, beside in zip((ours, theirs), norms, strict=True)
        ]
        joined = {size for size, found in sizes[0].items() if sizes[1].get(size) == found}
        self._norms = [
            {path: norm for path, norm in beside.items() if norm.signature in joined}
            for beside in norms
        ]
        self.ours, self.theirs = (
            [_unit(leaf, beside.get(leaf.path)) for leaf in side if leaf.path not in hidden]
            for side, beside in zip((ours, theirs), self._norms, strict=True)
            for hidden in [{norm.path for norm in beside.values()}]
        )

    def alike(self, paired: Iterable[str]) -> list[list[str]]:
        """The paths of ours that have a partner, by shape."""
        known = set(paired)
        groups: dict[Signature, list[str]] = defaultdict(list)
        for leaf in self.ours:
            if leaf.path in known:
                groups[leaf.signature].append(leaf.path)
        return list(groups.values())

    def is_of_norms(self, paths: Sequence[str]) -> bool:
        """Whether layers of ours of one shape are norms."""
        return self._leaves[0][paths[0]].is_norm

    def pairs(self, tested: _Tested) -> Iterable[Pair]:
        """The pairs of a candidate, with those of the norms beside them."""
        ours, theirs = self._leaves
        for path, other in tested.partners.items():
            yield Pair(ours[path], theirs[other], tested.reasons[path])
            if path in self._norms[0]:
                yield Pair(self._norms[0][path], self._norms[1][other], Reason.NORM)


def _own_norms(ours: Sequence[Leaf]) -> dict[str, Leaf]:
    """The norms of our layers, by the path of the layer."""
    paths = {leaf.path for leaf in ours}
    owners = ((leaf.path.removesuffix(".norm"), leaf) for leaf in ours if leaf.is_norm)
    return {owner: leaf for owner, leaf in owners if owner != leaf.path and owner in paths}


def _joined_sizes(
    leaves: Sequence[Leaf], norms: Mapping[str, Leaf]
) -> dict[Signature, Counter[Signature]]:
    """For each size of norms, the shapes of the layers that they belong to; without those that are alone."""
    alone = {leaf.path for leaf in leaves if leaf.is_norm} - {leaf.path for leaf in norms.values()}
    free = {leaf.signature for leaf in leaves if leaf.path in alone}
    found: dict[Signature, Counter[Signature]] = defaultdict(Counter)
    for leaf in leaves:
        norm = norms.get(leaf.path)
        if norm is not None and norm.signature not in free:
            found[norm.signature][leaf.signature] += 1
    return found


def _unit(leaf: Leaf, norm: Leaf | None) -> Leaf:
    """The layer with the statistics of its norm among its tensors, so that its shape says what it is."""
    if norm is None:
        return leaf
    return leaf._replace(tensors={**leaf.tensors, "norm": norm.tensors["running_mean"]})


class _Tested:
    """A guess, improved as long as evidence is against it, with the pairs of pairs that are in `doubt`."""

    def __init__(
        self, guess: dict[str, str], units: _Units, evidence: Evidence, *, is_trusted: bool
    ) -> None:
        self.partners = guess
        self.reasons = dict.fromkeys(guess, Reason.SHAPE)
        self.doubts: list[tuple[str, str]] = []
        self._units = units
        self._evidence = evidence
        # norms last: what speaks for them is the layers that they belong to
        for paths in sorted(units.alike(guess), key=units.is_of_norms):
            self._judge(self._improved(paths), is_trusted=is_trusted)
        if not is_trusted:
            self._judge_left_over()

    @property
    def rank(self) -> tuple[int, int]:
        """The lower, the better: first that layers have partners, then that they are certain."""
        return -len(self.partners), len(self.doubts)

    def _verdict(self, one: str, other: str) -> Verdict:
        partners = self.partners
        theirs = (partners[one], partners[other])
        layers = [partners.get(path.removesuffix(".norm")) for path in (one, other)]
        if layers[0] is not None and layers[1] is not None and layers != list(theirs):
            near = nearer(theirs, (layers[0], layers[1]))
            if near:
                return Verdict(near, Reason.NORM)
        return self._evidence.verdict((one, other), theirs)

    def _improved(self, paths: Sequence[str]) -> list[tuple[str, str, Verdict]]:
        """Exchanges pairs that evidence is against; gives what it says of all in the end."""
        partners = self.partners
        verdicts: list[tuple[str, str, Verdict]] = []
        for _ in range(MAX_ROUNDS):
            verdicts = [(*two, self._verdict(*two)) for two in combinations(paths, 2)]
            against = [two for *two, verdict in verdicts if verdict.sign < 0]
            if not against:
                break
            for one, other in against:
                if self._verdict(one, other).sign < 0:
                    partners[one], partners[other] = partners[other], partners[one]
        return verdicts

    def _judge(self, verdicts: Iterable[tuple[str, str, Verdict]], *, is_trusted: bool) -> None:
        """Notes what speaks for each pair against each other of its shape."""
        for one, other, verdict in verdicts:
            reason = verdict.reason
            if verdict.sign != 1:
                if not (is_trusted and verdict.sign == 0):
                    self.doubts.append((one, other))
                reason = Reason.TRUSTED
            for path in (one, other):
                self.reasons[path] = max(self.reasons[path], reason, key=STRENGTH.index)

    def _judge_left_over(self) -> None:
        """Finds what speaks for each pair against those of its shape that have no partner."""
        used = set(self.partners.values())
        left: dict[Signature, list[str]] = defaultdict(list)
        over: dict[Signature, list[str]] = defaultdict(list)
        for leaf in self._units.ours:
            if leaf.path not in self.partners:
                left[leaf.signature].append(leaf.path)
        for leaf in self._units.theirs:
            if leaf.path not in used:
                over[leaf.signature].append(leaf.path)
        shapes = {leaf.path: leaf.signature for leaf in self._units.ours}
        for path, partner in self.partners.items():
            shape = shapes[path]
            are_many = len(over[shape]) > MAX_LEFT_OVER
            self.doubts += (
                (path, other)
                for other in left[shape]
                if not self._evidence.chooses((path, other), partner)
            )
            self.doubts += (
                (path, f"{OF_THEIRS}{other}")
                for other in over[shape][:MAX_LEFT_OVER]
                if are_many or not self._evidence.prefers(path, (partner, other))
            )

    def groups(self) -> list[Group]:
        """The layers that are in doubt, those together that could be each other."""
        units = self._units
        groups = []
        for paths in _connected(self.doubts):
            alike = [leaf for leaf in units.ours if leaf.path in paths]
            ours = tuple(leaf.path for leaf in alike)
            taken = {self.partners[path] for path in ours if path in self.partners}
            taken |= {path.removeprefix(OF_THEIRS) for path in paths if path.startswith(OF_THEIRS)}
            theirs = tuple(leaf.path for leaf in units.theirs if leaf.path in taken)
            groups.append(Group(ours, theirs, next(iter(alike[0].tensors.values())).shape))
        return groups


def _connected(edges: Iterable[tuple[str, str]]) -> list[set[str]]:
    """The names that edges connect, those together that lead to each other."""
    groups: dict[str, set[str]] = {}
    for one, other in edges:
        joined = groups.get(one, {one}) | groups.get(other, {other})
        groups.update(dict.fromkeys(joined, joined))
    return list({id(group): group for group in groups.values()}.values())
