"""From a map to tensors: where each tensor of ours comes from, and what does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from archgen.weights.dialects import KERAS, Dialect
from archgen.weights.evidence import Reason
from archgen.weights.leaves import (
    COUNT,
    Extents,
    Layout,
    Leaf,
    Stored,
    shown_sides,
    words_of,
)
from archgen.weights.maps import BETA, COUNT_WORD, GAMMA, LayerLine, WeightMap
from archgen.weights.pairing import AS_LISTED, Group, Order, Pair, Pairing, paired
from archgen.weights.structure import Structure

MAX_LEFT = 8  # layers of another shape; with more of them, it is another network

Origin: TypeAlias = "Stored | float"


class Misfit(NamedTuple):
    """A tensor of ours and one of theirs in its place, of another shape."""

    ours: Stored
    theirs: Stored


class Named(NamedTuple):
    """What a map is between: a network, another implementation, and how that calls its tensors."""

    network: str
    code: str
    dialect: Dialect


@dataclass
class Plan:
    """Where every tensor of ours comes from: a tensor of theirs, or one number for all of it.

    `absent` are tensors of outputs that only training has; they keep their first values. `ignored` are those
    of a file that a map says are no part of the network, `copies` those that are to be others once more, each
    with the first. What is `missing`, `extra` and `misfits` stands in the way.
    """

    origins: dict[str, Origin] = field(default_factory=dict)
    absent: list[Stored] = field(default_factory=list)
    ignored: list[Stored] = field(default_factory=list)
    copies: list[tuple[Stored, Stored]] = field(default_factory=list)
    missing: list[Stored] = field(default_factory=list)
    extra: list[Stored] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)

    @property
    def is_far(self) -> bool:
        """Whether most of the network's numbers are missing: it must be another one."""
        found = sum(o.size for o in self.origins.values() if isinstance(o, Stored))
        return sum(tensor.size for tensor in self.missing) > found

    @property
    def turned(self) -> tuple[str, ...]:
        """Our layers whose inputs are a grid that theirs flatten in another order."""
        found = ((name, origin) for name, origin in self.origins.items())
        return tuple(
            name.rpartition(".")[0] for name, o in found if isinstance(o, Stored) and o.grid
        )

    @property
    def fits(self) -> bool:
        """Whether every tensor of both sides has its place."""
        return not (self.missing or self.extra or self.misfits)


class FoundMap(NamedTuple):
    """A map, why each of our layers is paired so, and the layers of which nothing says which is which."""

    chart: WeightMap
    reasons: Mapping[str, Reason]
    ambiguous: tuple[Group, ...]


def found_map(
    named: Named,
    structure: Structure,
    theirs: Sequence[Leaf],
    *,
    order: Order = AS_LISTED,
    background: bool = False,
    shared: Sequence[tuple[str, str]] = (),
) -> FoundMap:
    """The map that the layers of both sides suggest; layers of other shapes are in it by their place.

    With `background`, a linear layer of theirs may have one class more than ours, its first. `shared` are
    layers of theirs that are there once more, each with the first.
    """
    ours = structure.root.leaves
    again = dict(shared)
    once = [leaf for leaf in theirs if leaf.path not in again]
    adapted = _adapted(ours, once, background=background)
    pairing = paired(structure, adapted, order)
    pairs = (*pairing.pairs, *(_left_over(pairing) if len(pairing.missing) <= MAX_LEFT else ()))
    extra = {leaf.path for leaf in adapted if _first(leaf) > 0}
    lines = tuple(LayerLine(pair.ours.path, pair.theirs.path) for pair in pairs)
    shortened = tuple(pair.ours.path for pair in pairs if pair.theirs.path in extra)
    factors = _factors(pairs)
    chart = WeightMap(
        *named,
        lines,
        _without(pairs, named.dialect),
        shortened,
        factors=factors,
        shared=tuple(shared),
    )
    reasons = {pair.ours.path: pair.reason for pair in pairs}
    return FoundMap(chart, reasons, pairing.ambiguous)


def adjusted(chart: WeightMap, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> WeightMap:
    """A map that was written for other files, as this one needs it.

    Heads that only training has may be absent, and norms lack gamma or count; a background class may have
    been left out before, and layers that are shared stand there once.
    """
    here, there = ({leaf.path: leaf for leaf in side} for side in (ours, theirs))
    lines = tuple(
        line for line in chart.layers if line.theirs in there or not here[line.ours].training_only
    )
    pairs = [
        Pair(here[line.ours], there[line.theirs], Reason.NAME)
        for line in lines
        if line.theirs in there
    ]
    wider = {pair.ours.path for pair in pairs if _outputs(pair.theirs) == _outputs(pair.ours) + 1}
    background = tuple(layer for layer in chart.background if layer in wider)
    return chart._replace(
        layers=lines,
        without=_without(pairs, chart.dialect),
        background=background,
        factors=_factors(pairs),
        shared=tuple((again, first) for again, first in chart.shared if again in there),
    )


def _outputs(leaf: Leaf) -> int:
    weight = leaf.tensors.get("weight")
    return 0 if weight is None else weight.shape[0]


def _adapted(ours: Sequence[Leaf], theirs: Sequence[Leaf], *, background: bool) -> list[Leaf]:
    """Their layers, those that stand for a linear layer of ours in its shape."""
    shapes = {leaf.signature for leaf in ours}
    linear = {leaf.tensors["weight"].shape for leaf in ours if leaf.is_linear}
    return [
        leaf if leaf.signature in shapes else _as_linear(leaf, linear, background=background)
        for leaf in theirs
    ]


def _as_linear(leaf: Leaf, linear: set[Extents], *, background: bool) -> Leaf:
    """A layer as the linear one that it stands for: a 1x1 convolution, or one with a background."""
    candidates = [leaf, flat(leaf)]
    if background:
        candidates += [without_background(leaf), without_background(flat(leaf))]
    for candidate in candidates:
        weight = candidate.tensors.get("weight")
        if weight is not None and weight.shape in linear:
            return candidate
    return leaf


def _first(leaf: Leaf) -> int:
    weight = leaf.tensors.get("weight")
    return 0 if weight is None else weight.first


def without_background(leaf: Leaf) -> Leaf:
    """The layer without its first output."""
    tensors = {
        role: tensor._replace(shape=(tensor.shape[0] - 1, *tensor.shape[1:]), first=1)
        for role, tensor in leaf.tensors.items()
        if tensor.shape and tensor.shape[0] > 1
    }
    return leaf._replace(tensors=tensors)


def flat(leaf: Leaf) -> Leaf:
    """A 1x1 convolution as a linear layer; any other layer as it is."""
    weight = leaf.tensors.get("weight")
    if weight is None or len(weight.shape) != 4 or weight.shape[2:] != (1, 1):
        return leaf
    layout = Layout.POINT if weight.layout is Layout.HWIO else Layout.FLAT
    return leaf._replace(
        tensors={**leaf.tensors, "weight": weight._replace(shape=weight.shape[:2], layout=layout)}
    )


def _of_grid(leaf: Leaf, grid: Extents) -> Leaf:
    """A linear layer of a flattened grid; theirs flatten it as they lay grids out, channels last."""
    weight = leaf.tensors.get("weight")
    if not grid or weight is None or weight.layout is not Layout.IO:
        return leaf
    return leaf._replace(tensors={**leaf.tensors, "weight": weight._replace(grid=grid)})


def _left_over(pairing: Pairing) -> Iterator[Pair]:
    """What is left on both sides and differs in one number, in order, so that it can be told so.

    Layers that only training needs may be absent, and take no partner of another shape.
    """
    extra = list(pairing.extra)
    for leaf in pairing.missing:
        like = (
            [] if leaf.training_only else [other for other in extra if _differ_in_one(leaf, other)]
        )
        if like:
            extra.remove(like[0])
            yield Pair(leaf, like[0], Reason.REST)


def _differ_in_one(leaf: Leaf, other: Leaf) -> bool:
    """Whether two layers are of a kind, and their weights of one shape but for one number."""
    ours, theirs = leaf.tensors.get("weight"), other.tensors.get("weight")
    if ours is None or theirs is None or leaf.is_norm != other.is_norm:
        return False
    if len(ours.shape) != len(theirs.shape) or len(ours.shape) == 1:
        return False
    return sum(a != b for a, b in zip(ours.shape, theirs.shape, strict=True)) == 1


def _without(pairs: Sequence[Pair], dialect: Dialect) -> tuple[str, ...]:
    """What no norm of theirs has, though ours do; of Keras' norms, which say so each, what one has not."""
    norms = [pair for pair in pairs if pair.ours.is_norm]
    words = {GAMMA: "weight", COUNT_WORD: COUNT}
    if dialect is KERAS:
        words = {GAMMA: "weight", BETA: "bias", COUNT_WORD: COUNT}
    enough = any if dialect is KERAS else all
    return tuple(
        word
        for word, role in words.items()
        for lacking in [[p for p in norms if role in p.ours.tensors]]
        if lacking and enough(role not in pair.theirs.tensors for pair in lacking)
    )


def _factors(pairs: Iterable[Pair]) -> tuple[tuple[str, str], ...]:
    """The last words of tensors of theirs that belong to no layer, with their sides."""
    alone = (pair.theirs for pair in pairs if pair.theirs.stands_alone)
    found = {words_of(leaf.path)[-1]: shown_sides(leaf.tensors["weight"].sides) for leaf in alone}
    return tuple(found.items())


# ------------------------------------------------------------------------------- a map and a file


def planned(chart: WeightMap, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> Plan:
    """What a map says of each tensor of a network and of a file, all of them accounted for."""
    return _Planner(chart, ours, theirs).plan()


class _Planner:
    def __init__(self, chart: WeightMap, ours: Sequence[Leaf], theirs: Sequence[Leaf]) -> None:
        self._chart = chart
        self._ours = ours
        self._theirs = {leaf.path: leaf for leaf in theirs}
        self._partners = {line.ours: line.theirs for line in chart.layers}
        self._parts = _parts(chart, {leaf.path: leaf for leaf in ours})
        self._factors = {name for name, _ in chart.factors}
        self._used: set[str] = set()
        self._plan = Plan()

    def plan(self) -> Plan:
        for leaf in self._ours:
            other = self._counterpart(leaf)
            if other is not None:
                self._layer(leaf, other)
            elif leaf.training_only:
                self._plan.absent += leaf.tensors.values()
            else:
                self._plan.missing += leaf.tensors.values()
        for again, first in self._chart.shared:
            self._copy(self._theirs.get(again), self._theirs.get(first))
        ignored = set(self._chart.ignore)
        for tensor in (t for leaf in self._theirs.values() for t in leaf.tensors.values()):
            if tensor.name not in self._used:
                where = self._plan.ignored if tensor.name in ignored else self._plan.extra
                where.append(tensor)
        return self._plan

    def _copy(self, again: Leaf | None, first: Leaf | None) -> None:
        """Sets the tensors of a layer beside those that they are to be once more."""
        if again is None or first is None:
            return
        for role, tensor in again.tensors.items():
            other = first.tensors.get(role)
            if other is not None and other.shape == tensor.shape:
                self._used.add(tensor.name)
                self._plan.copies.append((tensor, other))

    def _counterpart(self, leaf: Leaf) -> Leaf | None:
        """Their layer as it is to become ours."""
        if leaf.path in self._parts:
            theirs, first = self._parts[leaf.path]
            whole = self._theirs.get(theirs)
            return None if whole is None else _rows(whole, first, leaf)
        other = self._theirs.get(self._partners.get(leaf.path, ""))
        if other is None or (other.stands_alone and words_of(other.path)[-1] not in self._factors):
            return None
        if leaf.is_linear:
            other = _of_grid(flat(other), leaf.grid)
        return without_background(other) if leaf.path in self._chart.background else other

    def _layer(self, ours: Leaf, theirs: Leaf) -> None:
        plan = self._plan
        for role, tensor in ours.tensors.items():
            other = theirs.tensors.get(role)
            if other is not None:
                self._used.add(other.name)
                plan.origins[tensor.name] = other
                if other.shape != tensor.shape:
                    plan.misfits.append(Misfit(tensor, other))
            elif role == COUNT and COUNT_WORD in self._chart.without:
                plan.origins[tensor.name] = 0.0
            elif role == "weight" and ours.is_norm and GAMMA in self._chart.without:
                plan.origins[tensor.name] = 1.0
            elif role == "bias" and ours.is_norm and BETA in self._chart.without:
                plan.origins[tensor.name] = 0.0
            else:
                plan.missing.append(tensor)


def _parts(chart: WeightMap, ours: Mapping[str, Leaf]) -> dict[str, tuple[str, int]]:
    """The layers of ours that are rows of one of theirs: its name and the first of the rows."""
    parts: dict[str, tuple[str, int]] = {}
    for theirs, names in chart.split:
        first = 0
        for name in names:
            parts[name] = (theirs, first)
            leaf = ours.get(name)
            first += leaf.tensors["weight"].shape[0] if leaf and "weight" in leaf.tensors else 0
    return parts


def _rows(whole: Leaf, first: int, part: Leaf) -> Leaf:
    """The rows of a layer that are `part`; none beyond its end."""
    count = part.tensors["weight"].shape[0]
    return whole._replace(
        tensors={
            role: tensor._replace(
                shape=(max(0, min(count, tensor.shape[0] - first)), *tensor.shape[1:]), first=first
            )
            if tensor.shape
            else tensor
            for role, tensor in whole.tensors.items()
        }
    )
