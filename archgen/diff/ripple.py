"""What follows from changes in parts that nobody changed: layers with other channels, and why."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from archgen.diff.changes import NETWORK, Change
from archgen.diff.compare import Difference, Row
from archgen.diff.parts import blocks_of, part_name, parts
from archgen.ir.op import Tensors
from archgen.layers import Layer
from archgen.resolve.printer import block_names


class Widened(NamedTuple):
    """Layers of a part whose weights are others only because they take, or make, other channels.

    `cause` says what was changed, empty where that is not sure; `params` is what it adds.
    """

    part: str
    layers: tuple[str, ...]
    before: int
    after: int
    is_made: bool
    params: int
    cause: str


def ripple(difference: Difference) -> Iterator[Widened]:
    """The layers of each part that is another only by what goes in, by their channels."""
    causes = _Causes(difference)
    for number, row in enumerate(difference.rows):
        if row.sign != ">" or row.before is None or row.after is None:
            continue
        old = {layer.path: layer for layer in row.before.layers if layer.tensors}
        found: dict[tuple[int, int, bool], list[tuple[Layer, Layer]]] = {}
        for layer in row.after.layers:
            was = old.get(layer.path)
            if was is not None and was.tensors != layer.tensors:
                found.setdefault(_channels(was, layer), []).append((was, layer))
        for (one, other, is_made), pairs in found.items():
            paths = tuple(layer.path for _, layer in pairs)
            added = sum(_params(new.tensors) - _params(was.tensors) for was, new in pairs)
            cause = causes.of(number, (one, other))
            yield Widened(row.name, paths, one, other, is_made, added, cause)


def _channels(before: Layer, after: Layer) -> tuple[int, int, bool]:
    """The channels that differ: those that come in, or else those that go out."""
    ends = [(before.input, after.input), (before.output, after.output)]
    counts = [
        (int(one.channels), int(other.channels))
        if one is not None and other is not None
        else (0, 0)
        for one, other in ends
    ]
    is_made = counts[0][0] == counts[0][1]
    return (*counts[is_made], is_made)


def _params(tensors: Tensors) -> int:
    """What of the tensors is learned."""
    return sum(prod(shape) for name, shape in tensors.items() if "running_" not in name)


class _Causes:
    """Which change is behind other channels, as far as their numbers tell."""

    def __init__(self, difference: Difference) -> None:
        self._difference = difference
        names = block_names(difference.after.network)
        self._blocks = {
            part_name(part): {names[id(block)] for block in blocks_of(part)}
            for part in parts(difference.after)
        }
        real = (change for change in difference.changes if not change.is_label)
        self._in_part: dict[str, list[Change]] = {}
        self._in_block: dict[str, list[Change]] = {}
        for change in real:
            place = self._in_part if change.block == NETWORK else self._in_block
            place.setdefault(change.part or change.block, []).append(change)

    def of(self, number: int, channels: tuple[int, int]) -> str:
        """The nearest part before a row that was changed and makes these other channels."""
        for row in reversed(self._difference.rows[:number]):
            if row.sign in ("~", "+") and _makes(row, channels):
                return self._named(row)
        sides = self._difference.before, self._difference.after
        inputs = tuple(int(side.network.input.channels) for side in sides)
        return "the input" if inputs == channels else ""

    def _named(self, row: Row) -> str:
        """The part, and what was changed of it where that is one thing."""
        inside = (self._in_block.get(block, []) for block in self._blocks[row.name])
        own = [*self._in_part.get(row.name, []), *(c for changes in inside for c in changes)]
        if len(own) != 1 or own[0].sign != "~":
            return row.name
        (change,) = own
        step = change.step if change.part else f"{row.name} {change.step}"
        return f"{step} {change.what} {change.before} -> {change.after}"


def _makes(row: Row, channels: tuple[int, int]) -> bool:
    """Whether the output of a part went from one to the other; of a new part only the other counts."""
    states = row.before, row.after
    made = [int(state.output.channels) if state and state.output else None for state in states]
    return made[1] == channels[1] and made[0] in (None, channels[0])
