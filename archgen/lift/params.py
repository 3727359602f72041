"""Params of a block in the making: what differs between its uses, named in the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from archgen.lift.branches import distinct
from archgen.lift.flat import Value
from archgen.lift.names import is_free, snake_case
from archgen.lift.relations import Row, expressed, ratio
from archgen.lift.steps import Branch, Expression, Step
from archgen.lift.writing import Param
from archgen.resolve.names import PARAM_NAMES

WIDTHS = ("filters", "features")
WIDTH, COUNT = "width", "count"  # what numbers are of: channels, and how often a step is repeated
_SETTINGS = ("kernel", "stride", "dilation", "groups", "bias", "act", "scale", "rate", "factor")

_PLAIN_PLACE = re.compile("(.{0,2}|conv|fc|linear|layer|block|pointwise|proj)[0-9]*(_[0-9]+)?")
_STAND_IN = re.compile(r"\bP([0-9]+)\b")
_STILL = ("stride", "dilation", "groups")  # a use that says nothing does nothing of these


@dataclass
class Difference:
    """A setting that uses of a block have in different ways.

    `wish` is the setting's name, `place` what its step or branch is called, `order` where it stands in
    the body, `is_end` whether that is its end, `default` that of the setting, `kind` what its values are
    of. `row` has its value in each use, None where a use lacks the step.
    """

    wish: str
    place: str
    row: Row
    type: str | tuple[str, ...]
    default: Value = None
    order: tuple[int, ...] = ()
    is_end: bool = False
    kind: str = ""

    def settled_default(self) -> Value:
        """What a use need not say: what most say, for settings that have a default at all."""
        present = [value for value in self.row if value is not None]
        if self.default is None and len(present) == len(self.row):
            return None
        if self.wish in _STILL and self.default in present:
            return self.default
        return Counter(present).most_common(1)[0][0]


@dataclass
class Params:
    """The params of one block, by stand-ins until all are known; `received` are its input's channels."""

    received: Row
    found: list[Difference] = field(default_factory=list)
    products: dict[str, Row] = field(default_factory=dict)

    def rows(self, *kinds: str) -> Mapping[str, Row]:
        """The values of every param by its stand-in; of some kinds, if any are named."""
        return {
            f"P{number}": difference.row
            for number, difference in enumerate(self.found)
            if not kinds or difference.kind in kinds
        }

    def expressing(self, difference: Difference, here: Row) -> Expression:
        """An expression for every value of a difference, where need be over a new param.

        `here` are the channels that the step receives. Numbers are related only to those of their kind:
        that a block is repeated as often as it has channels divided by 16 is chance.
        """
        row, params = difference.row, self.rows(difference.kind)
        if difference.kind != WIDTH:
            return expressed(row, params) or self.add(difference)
        channels = {"in.channels": self.received, "here.channels": here}
        names = {"in.channels": self.received, **params, **self.products, **channels}
        return expressed(row, names, {**params, **channels}) or self.add(difference)

    def widening(self, difference: Difference) -> None:
        """Makes a param for a width that a step which some uses lack has where it is.

        Where it is a few times the block's input, the param is how many times that is.
        """
        names = {"in.channels": self.received, **self.rows(WIDTH)}
        if expressed(difference.row, names, names) is not None:
            return
        times = ratio(difference.row, self.received)
        if times is None:
            self.add(difference)
        else:
            text = self.add(
                replace(difference, wish="expansion", place="", row=times, kind="expansion")
            )
            self.products[f"{text} * in.channels"] = difference.row

    def add(self, difference: Difference) -> Expression:
        """A new param; the text that stands for it."""
        self.found.append(difference)
        return Expression(f"P{len(self.found) - 1}")

    def known_as(self, wish: str, row: Row) -> Expression | None:
        """The param that a setting of this name has elsewhere, if it gives every value of the row."""
        known = {
            f"P{number}": difference.row
            for number, difference in enumerate(self.found)
            if difference.wish == wish
        }
        return expressed(row, known)

    def named(self, steps: tuple[Step, ...]) -> tuple[tuple[Param, ...], tuple[Step, ...]]:
        """The params by their names, those with a default last, and the steps with them."""
        self.found = [
            replace(difference, place="") if len(_places(steps, f"P{number}")) > 1 else difference
            for number, difference in enumerate(self.found)
        ]
        names = role_names(self.found)
        params = [
            Param(name, difference.type, difference.settled_default(), difference.kind)
            for name, difference in zip(names, self.found, strict=True)
        ]
        ordered = sorted(params, key=lambda param: param.default is not None)
        return tuple(ordered), _renamed(steps, names)

    def arguments(self, params: Sequence[Param], use: int) -> Mapping[str, Value]:
        """What one use gives to the params."""
        rows = dict(zip(role_names(self.found), (d.row for d in self.found), strict=True))
        given = {param.name: rows[param.name][use] for param in params}
        defaults = {param.name: param.default for param in params}
        return {name: defaults[name] if value is None else value for name, value in given.items()}


def type_of(row: Row) -> str | tuple[str, ...]:
    """The type of a param that takes these values."""
    values = [value for value in row if value is not None]
    if all(isinstance(value, bool) for value in values):
        return "bool"
    if all(isinstance(value, int) for value in values):
        return "int"
    if all(isinstance(value, int | float) for value in values):
        return "float"
    return tuple(dict.fromkeys(str(value) for value in values))


def _places(steps: tuple[Step, ...], stand_in: str, branch: str = "") -> set[str]:
    """The branches of a concat in which a width is that of a param."""
    found = set()
    for step in steps:
        if any(step.settings.get(name) == stand_in for name in WIDTHS):
            found.add(branch)
        for name, inner in step.branches:
            found |= _places(inner, stand_in, name if step.op == "concat" else branch)
    return found


def role_names(found: Sequence[Difference]) -> tuple[str, ...]:
    """A name for each difference: its setting's, and by its place or role where several have that."""
    counts = Counter(difference.wish for difference in found)
    wishes = [
        difference.wish if _is_alone(difference, counts) else _by_role(difference, found)
        for difference in found
    ]
    return distinct([f"{wish}_1" if wish in PARAM_NAMES else wish for wish in wishes])


def _is_alone(difference: Difference, counts: Mapping[str, int]) -> bool:
    """Whether the setting's name says enough: no other has it, and no width but the block's own is meant."""
    is_inner = difference.wish in WIDTHS and not difference.is_end
    return counts[difference.wish] == 1 and not is_inner


def _by_role(difference: Difference, found: Sequence[Difference]) -> str:
    """`branch2` and before it `branch2_reduce`; of widths in a row the last, `filters`, and `inner` ones."""
    same = [other for other in found if other.wish == difference.wish]
    name = "squeeze" if difference.place == "gate" else snake_case(difference.place)
    if is_free(name) and name not in PARAM_NAMES and not _PLAIN_PLACE.fullmatch(name):
        beside = [other for other in same if other.place == difference.place]
        is_before = len(beside) == 2 and beside[0] is difference
        if difference.wish in _SETTINGS:
            return f"{name}_{difference.wish}"
        return f"{name}_reduce" if is_before and difference.wish in WIDTHS else name
    last = max(same, key=lambda other: other.order)
    if difference.wish not in WIDTHS or difference is last or len(same) == 1:
        return difference.wish
    return "expanded" if _is_wider(difference.row, last.row) else "inner"


def _is_wider(row: Row, other: Row) -> bool:
    """Whether most values of a row are above those of the other."""
    pairs = [
        (one, another)
        for one, another in zip(row, other, strict=True)
        if isinstance(one, int) and isinstance(another, int)
    ]
    return 2 * sum(one > another for one, another in pairs) > len(pairs)


def _renamed(steps: tuple[Step, ...], names: Sequence[str]) -> tuple[Step, ...]:
    """The steps with names for stand-ins."""

    def text(value: str) -> str:
        return _STAND_IN.sub(lambda found: names[int(found[1])], value)

    def value_of(value: Value) -> Value:
        if isinstance(value, dict):
            return {name: value_of(part) for name, part in value.items()}
        return Expression(text(value)) if isinstance(value, Expression) else value

    return tuple(
        replace(
            step,
            settings={name: value_of(value) for name, value in step.settings.items()},
            repeat=text(step.repeat) if isinstance(step.repeat, str) else step.repeat,
            when=text(step.when),
            branches=tuple(Branch(b.name, _renamed(b.steps, names)) for b in step.branches),
        )
        for step in steps
    )
