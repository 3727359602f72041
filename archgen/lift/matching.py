"""A recording in terms of the op table: each call of torch as the steps that do what it did.

What has no place in the table is not left out: all such calls are told at once, each with its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias, cast

from archgen.lift.arithmetic import ARITHMETIC
from archgen.lift.flat import INPUT, Call, FlatNetwork
from archgen.lift.layers import LAYERS
from archgen.lift.recording import READING, Event, Extents, Made, Recording, Weight
from archgen.lift.values import Lie, Lost, Site, Unmatched, Value
from archgen.lift.views import VIEWS, channel_slice, split

Rule: TypeAlias = "Callable[[Site], Value | Weight | tuple[Value, ...]]"
RULES = cast("Mapping[str, Rule]", {**LAYERS, **ARITHMETIC, **VIEWS})


class Problem(NamedTuple):
    """A call that no step can stand for: what it is, the module it is in, and its line."""

    message: str
    path: str
    place: str


class OutsideTheTable(Exception):
    """The network does what no op of the table does."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} calls are outside the op table")
        self.problems = tuple(problems)


def matched(
    recording: Recording, starts: Mapping[str, float], name: str, source: str
) -> FlatNetwork:
    """The recording as a flat network; `starts` are weights of one number. Raises OutsideTheTable."""
    return _Matcher(recording, starts).network(name, source)


class _Matcher:
    """Goes through the events; `_values` holds what is known of each value by its number."""

    def __init__(self, recording: Recording, starts: Mapping[str, float]) -> None:
        self._recording = recording
        self._starts = starts
        first = recording.shapes[0]
        self._values: dict[int, Value | Weight] = {0: Value(INPUT, first[1:], first)}
        self._calls: list[Call] = []
        self._counts: Counter[str] = Counter()
        self._problems: list[Problem] = []
        self._owners: dict[str, Call] = {}
        self._cuts = dict(_cuts(recording))
        self._parts: dict[tuple[int, tuple[int, int]], Value] = {}

    def network(self, name: str, source: str) -> FlatNetwork:
        for event in self._recording.events:
            self._match(event)
        outputs = tuple(self._output(number) for number in self._recording.outputs)
        if self._problems:
            raise OutsideTheTable(self._problems)
        channels, height, width = self._recording.shapes[0][1:]
        calls = _read(self._calls, outputs)
        return FlatNetwork(name, source, (channels, height, width), calls, outputs)

    def _match(self, event: Event) -> None:
        shapes = self._recording.shapes
        sides = tuple(shapes[number] for number in event.results)
        site = Site(event, sides, self._values, self._starts, self._add(event), self._name)
        try:
            made = self._made(event, site)
        except Unmatched as problem:
            self._problem(f"{problem} is outside the op table", event)
            self._values.update(_likely(event.results, sides))
        except Lost:
            pass
        else:
            results = made if type(made) is tuple else (made,)
            self._values.update(
                zip(event.results, cast("tuple[Value | Weight, ...]", results), strict=True)
            )

    def _made(self, event: Event, site: Site) -> Value | Weight | tuple[Value, ...]:
        rule = RULES.get(event.function)
        if event.function in READING:
            raise Unmatched(f"to go by the values of a tensor (`{event.function}`)")
        if rule is None:
            raise Unmatched(f"`{event.function}`")
        cut = _cut(event, self._recording)
        if cut is None or cut[0] not in self._cuts:
            return rule(site)
        if cut not in self._parts:
            self._split(site, cut[0])
        return self._parts[cut]

    def _split(self, site: Site, number: int) -> None:
        """The step that gives all the parts which are cut out of one value."""
        edges = self._cuts[number]
        pairs = list(pairwise(edges))
        parts = split(site, site.plain(Made(number)), tuple(stop - start for start, stop in pairs))
        self._parts.update({(number, pair): part for pair, part in zip(pairs, parts, strict=True)})

    def _add(self, event: Event) -> Callable[[Call], None]:
        def add(call: Call) -> None:
            self._calls.append(call)
            for _, weight in call.tensors:
                if self._owners.setdefault(weight, call) is not call:
                    self._problem(
                        f"the weight `{weight}` is used a second time, and steps share none", event
                    )

        return add

    def _name(self, op: str) -> str:
        self._counts[op] += 1
        return f"{op}_{self._counts[op]}"

    def _problem(self, message: str, event: Event) -> None:
        path = ".".join(scope.name for scope in event.scopes)
        self._problems.append(Problem(message, path, event.place))

    def _output(self, number: int) -> str:
        value = self._values.get(number)
        if value is None:
            return ""  # what it comes of was told
        sides = "x".join(map(str, self._recording.shapes[number]))
        message = ""
        if not isinstance(value, Value) or value.lie is not Lie.PLAIN:
            message = f"an output of {sides} with its channels elsewhere than second"
        elif "." in value.name:
            message = f"an output of {sides} that is a part of the channels of a value"
        if message:
            self._problems.append(Problem(f"{message} is outside the op table", "", ""))
        return value.name if isinstance(value, Value) else ""


def _likely(numbers: Sequence[int], shapes: Sequence[Extents]) -> Iterator[tuple[int, Value]]:
    """What is gone on with behind a call without a place, so that further ones are found too."""
    for number, sides in zip(numbers, shapes, strict=True):
        if len(sides) in (2, 4):
            yield number, Value("?", sides[1:], sides)


def _cut(event: Event, recording: Recording) -> tuple[int, tuple[int, int]] | None:
    """The value and the channels of `x[:, first:last]`, unless it is all of them."""
    if event.function != "getitem" or not isinstance(event.args[0], Made):
        return None
    number, index = event.args[0].number, event.args[1]
    sides = recording.shapes[number]
    found = channel_slice(index if isinstance(index, tuple) else (index,), sides)
    return None if found is None or found == (0, sides[1]) else (number, found)


def _cuts(recording: Recording) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Values of which parts are cut out that do not overlap, each with the edges of all parts."""
    found: dict[int, set[tuple[int, int]]] = {}
    for event in recording.events:
        cut = _cut(event, recording)
        if cut is not None:
            found.setdefault(cut[0], set()).add(cut[1])
    for number, pairs in found.items():
        edges = sorted({0, recording.shapes[number][1], *(edge for pair in pairs for edge in pair)})
        if pairs <= set(pairwise(edges)):
            yield number, tuple(edges)


def _read(calls: Sequence[Call], outputs: Sequence[str]) -> tuple[Call, ...]:
    """The calls that something comes of."""
    wanted = {name.partition(".")[0] for name in outputs}
    kept = []
    for call in reversed(calls):
        if call.name in wanted:
            kept.append(call)
            wanted.update(name.partition(".")[0] for name in call.inputs)
    return tuple(reversed(kept))
