"""Two networks compared: own changes, what they do to each part, and what that means for weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from archgen.cost import Cost, Costs
from archgen.diagnostics import Diagnostic
from archgen.diagnostics import Severity as Grade
from archgen.diff.alignment import Pairs, aligned
from archgen.diff.changes import NETWORK, Change, changes
from archgen.diff.dataflow import compute_alike
from archgen.diff.definitions import named
from archgen.diff.parts import Part, State, blocks_of, part_name, parts, state_of
from archgen.ir.graph import Node
from archgen.ir.shaped import ShapedNetwork
from archgen.resolve.printer import block_names

Findings = Sequence[Diagnostic]
SIDES = ("before", "after")
REWIRING = ("from", "place", "order")  # changes after which other values meet
_Pair = tuple[Part | None, Part | None]


class Severity(IntEnum):
    """What a change breaks, the least first.

    cosmetic: nothing that is computed; numerics: the numbers alone; weight-compatible: sizes or costs
    inside, while every tensor of a checkpoint still fits; weight-breaking: tensors are gone, new, or
    of another shape; shape-breaking: the network takes or makes something else.
    """

    EQUAL = 0
    COSMETIC = 1
    NUMERICS = 2
    WEIGHT_COMPATIBLE = 3
    WEIGHT_BREAKING = 4
    SHAPE_BREAKING = 5

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class Row(NamedTuple):
    """A part of the networks on both sides.

    `sign` is `~` where the part itself was changed, `>` where only what it gets or holds is another,
    `+` and `-` for one that is new or gone, `?` where an error hides what has become of it, and empty
    where nothing is different. `kept` counts the tensors of before that are there afterwards, by name
    and shape; `renamed` those that are there under another name of the part.
    """

    sign: str
    before: State | None
    after: State | None
    kept: int
    renamed: int = 0

    @property
    def name(self) -> str:
        """The part's name, the new one first."""
        there = self.after or self.before
        assert there is not None
        return there.name

    @property
    def is_known(self) -> bool:
        """Whether no error hides any of it."""
        return all(state is None or state.is_known for state in (self.before, self.after))


class Difference(NamedTuple):
    """All that is different between two networks.

    `totals` are None for a side with a part that an error hides; `tensors` counts those of before, of
    after, and those kept. `failed` are the errors that only the new side has, `mended` those that
    only the old one had, and `lasting` those of the new side that the old one had too.
    """

    before: ShapedNetwork
    after: ShapedNetwork
    severity: Severity
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]
    totals: tuple[Cost | None, Cost | None]
    tensors: tuple[int, int, int]
    failed: tuple[Diagnostic, ...]
    mended: tuple[Diagnostic, ...]
    lasting: tuple[Diagnostic, ...]

    @property
    def is_known(self) -> bool:
        """Whether no error hides a part of either side."""
        return all(row.is_known for row in self.rows)


def compare(
    before: ShapedNetwork, after: ShapedNetwork, findings: tuple[Findings, Findings] = ((), ())
) -> Difference:
    """What has become of `before` in `after`; `findings` are what a check of each side says.

    Where a side is broken, the class is that of the parts that are known on both.
    """
    own, steps = changes(before.network, after.network)
    costs = Costs(), Costs()
    touched = _touched(own, after)
    rows = tuple(_rows(before, after, steps, costs, touched))
    counts = [
        sum(len(state.tensors) for row in rows if (state := getattr(row, side)) is not None)
        for side in ("before", "after")
    ]
    kept = sum(row.kept for row in rows)
    return Difference(
        before=before,
        after=after,
        severity=_severity(before, after, own, rows),
        changes=own,
        rows=rows,
        totals=(
            _total(before, costs[0], [row.before for row in rows]),
            _total(after, costs[1], [row.after for row in rows]),
        ),
        tensors=(counts[0], counts[1], kept),
        failed=tuple(_errors(findings[1], findings[0], are_there=False)),
        mended=tuple(_errors(findings[0], findings[1], are_there=False)),
        lasting=tuple(_errors(findings[1], findings[0], are_there=True)),
    )


def _total(network: ShapedNetwork, costs: Costs, states: Iterable[State | None]) -> Cost | None:
    known = all(state is None or state.is_known for state in states)
    return costs.network(network).cost if known else None


def _errors(these: Findings, those: Findings, *, are_there: bool) -> Iterator[Diagnostic]:
    """The errors among `these` that are among `those` too, or are not; wherever they stand."""
    known = {(found.rule.code, found.message) for found in those}
    for found in these:
        is_there = (found.rule.code, found.message) in known
        if found.severity is Grade.ERROR and is_there == are_there:
            yield found


def _severity(
    before: ShapedNetwork, after: ShapedNetwork, own: Sequence[Change], rows: Sequence[Row]
) -> Severity:
    if _surfaces_differ(before, after):
        return Severity.SHAPE_BREAKING
    known = [row for row in rows if row.is_known]
    sides = [[state for row in known if (state := getattr(row, side))] for side in SIDES]
    old, new = (sum(len(state.tensors) for state in side) for side in sides)
    if not old == new == sum(row.kept for row in known):
        return Severity.WEIGHT_BREAKING
    layers = [[layer for state in side for layer in state.layers] for side in sides]
    sizes = [[(layer.input, layer.output) for layer in side] for side in layers]
    if sizes[0] != sizes[1]:
        return Severity.WEIGHT_COMPATIBLE
    computes_else = (not one.computes_as(other) for one, other in zip(*layers, strict=True))
    rewired = (c for c in own if not c.is_label and c.what in REWIRING)
    if any(computes_else) or any(rewired) or not compute_alike(before, after):
        return Severity.NUMERICS
    return Severity.COSMETIC if own else Severity.EQUAL


def _surfaces_differ(before: ShapedNetwork, after: ShapedNetwork) -> bool:
    """Whether the networks take or give something else, by name or by place, as far as it is known."""
    if before.network.input != after.network.input:
        return True
    sides = [
        [(False, "", network.output)]
        + [(h.head.training_only, h.head.name, h.graph.output) for h in network.heads]
        for network in (before, after)
    ]
    by_name = [sorted(side, key=lambda output: output[:2]) for side in sides]
    by_place = [sorted(side, key=lambda output: output[0]) for side in sides]
    if [output[:2] for output in by_name[0]] != [output[:2] for output in by_name[1]]:
        return True
    pairs = [*zip(*by_name, strict=True), *zip(*by_place, strict=True)]
    return any(None not in (one[2], other[2]) and one[2] != other[2] for one, other in pairs)


# --- parts --------------------------------------------------------------------------------------


def _rows(
    before: ShapedNetwork,
    after: ShapedNetwork,
    steps: Pairs[Node],
    costs: tuple[Costs, Costs],
    touched: set[str],
) -> Iterator[Row]:
    """The parts of the new network in its order, those that are gone behind the part they followed."""
    for old, new in _in_place(_pairs(before, after, steps), parts(before)):
        one = state_of(old, costs[0]) if old is not None else None
        other = state_of(new, costs[1]) if new is not None else None
        sign = _sign(one, other, touched)
        if one is None or other is None:
            yield Row(sign, one, other, 0)
            continue
        kept = sum(1 for name, shape in one.tensors.items() if other.tensors.get(name) == shape)
        renamed = 0 if one.name == other.name else len(one.own_names() & other.own_names())
        yield Row(sign, one, other, kept, renamed)


def _pairs(before: ShapedNetwork, after: ShapedNetwork, steps: Pairs[Node]) -> Pairs[Part]:
    sides = [{node.node.id: node for node in net.block.graph.nodes} for net in (before, after)]
    pairs: Pairs[Part] = [
        (sides[0][old.id] if old else None, sides[1][new.id] if new else None) for old, new in steps
    ]
    heads = [{head.head.name: head for head in net.heads} for net in (before, after)]
    networks = before.network, after.network
    for one, other in aligned(networks[0].heads, networks[1].heads, named):
        pairs.append((heads[0][one.name] if one else None, heads[1][other.name] if other else None))
    return pairs


def _in_place(pairs: Pairs[Part], before: Sequence[Part]) -> Iterator[_Pair]:
    """The pairs, with what is gone where it stood: behind the part that it followed."""
    kept = {id(old) for old, new in pairs if old is not None and new is not None}
    followed, gone_behind = 0, dict[int, list[Part]]()
    for part in before:
        if id(part) in kept:
            followed = id(part)
        else:
            gone_behind.setdefault(followed, []).append(part)
    yield from ((part, None) for part in gone_behind.get(0, ()))
    for old, new in pairs:
        if new is not None:
            yield old, new
            yield from ((part, None) for part in gone_behind.get(id(old), ()))


def _sign(before: State | None, after: State | None, touched: set[str]) -> str:
    if before is None or after is None:
        return "+" if before is None else "-"
    if after.name in touched or before.name != after.name:
        return "~"
    if before.is_as(after):
        return ""
    return ">" if before.is_known and after.is_known else "?"


def _touched(own: Iterable[Change], network: ShapedNetwork) -> set[str]:
    """The parts of a network that changes are in, those of the blocks they use too."""
    names = block_names(network.network)
    found = {change.part for change in own if change.block == NETWORK}
    blocks = {change.block for change in own if change.block != NETWORK and not change.is_label}
    users = (
        part_name(part)
        for part in parts(network)
        if {names[id(block)] for block in blocks_of(part)} & blocks
    )
    return found.union(users)
