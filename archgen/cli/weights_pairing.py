"""The map of a checkpoint: one that was named, one that comes with archgen, or one found by evidence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from archgen.cli.checkpoints import WITH_BACKGROUND, Target, dialect_of
from archgen.cli.training import Unusable
from archgen.cli.weight_maps import nearest_map, shipped_codes, shipped_map, sound_map
from archgen.weights.checkpoint import Checkpoint
from archgen.weights.dialects import DIALECTS, KERAS, TF_SLIM, TORCH, Dialect, their_leaves
from archgen.weights.evidence import Reason
from archgen.weights.leaves import Leaf
from archgen.weights.maps import WeightMap
from archgen.weights.moving import are_equal
from archgen.weights.norms import decided, undecided
from archgen.weights.pairing import Group, Order
from archgen.weights.plan import Named, adjusted, found_map, planned
from archgen.weights.readings import Reading, readings
from archgen.weights.sharing import shared_layers
from archgen.weights.structure import structure_of


class Source(NamedTuple):
    """What a person says of a checkpoint: whose it is, a file with its map, whether to trust its order.

    `norms` says what Keras' norms of three tensors lack.
    """

    code: str = "auto"
    map_file: str | None = None
    is_ordered: bool = False
    norms: str = ""


class Found(NamedTuple):
    """A map, in words where it comes from and what was done to names first, and why each layer is paired."""

    chart: WeightMap
    origin: str
    remarks: tuple[str, ...] = ()
    reasons: Mapping[str, Reason] = {}
    ambiguous: tuple[Group, ...] = ()


def chart_of(target: Target, file: Checkpoint, source: Source) -> Found:
    """The map of a file. Raises SpecError for a map that is not sound, Unusable where `--from` leads nowhere.

    Where none fits, one that comes with archgen tells best what is wrong.
    """
    if source.map_file is not None:
        chart = sound_map(source.map_file, target.leaves)
        names = [leaf.path for leaf in leaves_in(file, chart.dialect)]
        wanted = {line.theirs for line in chart.layers}
        ways = list(readings(names, chart.dialect))
        way = next((way for way in ways if wanted & way.names.keys()), ways[0])
        origin = f"by the map `{source.map_file}`"
        return Found(way.map(chart), origin, tuple(filter(None, [way.told])))
    _demand_source(target, file, source.code)
    dialect = dialect_of(source.code, file)
    theirs = leaves_in(file, dialect)
    ways = list(readings([leaf.path for leaf in theirs], dialect))
    shipped = partial(_by_shipped_map, target, theirs, ways)
    found = shipped(partial(shipped_map, target.title, target.leaves, source.code))
    if found is not None:
        return found
    evident = _by_evidence(target, file, source, theirs, ways)
    if planned(evident.chart, target.leaves, theirs).fits:
        return evident
    found = shipped(partial(nearest_map, target.title, target.leaves, source.code))
    if found is None and source.code not in ("auto", *DIALECTS, *WITH_BACKGROUND):
        raise Unusable(
            f"`--from {source.code}` cannot be followed: the names in `{file.path}` are not those of "
            f"{source.code}'s `{target.title}`; leave it out, and layers are paired by evidence"
        )
    return evident if found is None else found


def settled_norms(target: Target, file: Checkpoint, source: Source) -> tuple[Checkpoint, str]:
    """The file with each tensor of its norms named, and what had to be said for that.

    It is said on the command line or by the map that will be taken. Raises Unreadable where nothing does.
    """
    if not undecided(file):
        return file, ""
    said = source.norms
    if not said and source.map_file is not None:
        said = sound_map(source.map_file, target.leaves).norms
    elif not said:
        dialect = dialect_of(source.code, file)
        names = [leaf.path for leaf in leaves_in(file, dialect)]
        for way in readings(names, dialect):
            shipped = shipped_map(target.title, target.leaves, source.code, way.names.keys())
            if shipped is not None:
                said = shipped[1].norms
                break
    return decided(file, said), said


def _by_shipped_map(
    target: Target,
    theirs: Sequence[Leaf],
    ways: Sequence[Reading],
    look: Callable[[Collection[str]], tuple[str, WeightMap] | None],
) -> Found | None:
    """A map that comes with archgen, as the file needs it, by the first way to read names that has one."""
    for way in ways:
        shipped = look(way.names.keys())
        if shipped is not None:
            chart = adjusted(way.map(shipped[1]), target.leaves, theirs)
            origin = f"by the map `{shipped[0]}`, which comes with archgen"
            return Found(chart, origin, tuple(filter(None, [way.told])))
    return None


def leaves_in(file: Checkpoint, dialect: Dialect) -> tuple[Leaf, ...]:
    """The layers of a file, its names read as those of a dialect."""
    return their_leaves(file.shapes, dialect)


def _by_evidence(
    target: Target,
    file: Checkpoint,
    source: Source,
    theirs: Sequence[Leaf],
    ways: Sequence[Reading],
) -> Found:
    """The map that the layers of a file suggest."""
    dialect = dialect_of(source.code, file)
    named = Named(target.title, "" if source.code == "auto" else source.code, dialect)
    is_slim = source.code == "auto" and dialect is TF_SLIM
    ours = {leaf.path for leaf in target.leaves if not leaf.training_only}
    # our own names below a wrapper are believed; otherwise what all names have in common says nothing
    plain = ways[-1] if ways[-1].prefix else ways[0]
    way = next((way for way in ways if ours <= way.names.keys()), plain)
    read = way.leaves(theirs)
    found = found_map(
        named,
        structure_of(target.network),
        read,
        order=Order(file.has_order, source.is_ordered, is_counted=dialect is KERAS),
        background=source.code in WITH_BACKGROUND or is_slim,
        shared=shared_layers(target.leaves, read, partial(are_equal, file)),
    )
    groups = tuple(
        group._replace(theirs=tuple(map(way.written, group.theirs))) for group in found.ambiguous
    )
    remarks = tuple(filter(None, [way.told]))
    return Found(way.map(found.chart), "paired by evidence", remarks, found.reasons, groups)


def _demand_source(target: Target, file: Checkpoint, code: str) -> None:
    """Raises Unusable where `--from` names an implementation that nothing is known of here."""
    if code == "auto":
        return
    where = f"`--from {code}` cannot be followed"
    is_slashed = any("/" in name for name in file.entries)
    if code in DIALECTS and DIALECTS[code] is not TORCH and not is_slashed:
        raise Unusable(f"{where}: no name in `{file.path}` is written as {code} writes names")
    if code not in DIALECTS and file.dialect is not TORCH:
        raise Unusable(
            f"{where}: `{file.path}` is a file of {file.format}, and {code} writes torch's"
        )
    codes = shipped_codes(target.title, target.leaves)
    if code not in codes and code not in DIALECTS and code not in WITH_BACKGROUND:
        others = ", ".join(f"`--from {other}`" for other in codes)
        raise Unusable(
            f"{where}: no map between `{target.title}` and {code} comes with archgen"
            + (f", there is {others}" if others else "")
            + "; leave it out, and layers are paired by evidence, or name a map with `--map FILE`"
        )
