"""`expect:` mappings as terms: exact values, expressions, or bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from archgen.diagnostics import Findings, Predicate
from archgen.ir.graph import Expectation, Term
from archgen.ops.slots import IntSlot, SettingError, Slot, WindowSlot, refusal, shown
from archgen.rules import UNKNOWN_KEY, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode
from archgen.spec.mappings import unknown_key
from archgen.spec.model import Expect

_KEYS = ("grid", "channels", "params", "macs", "params_training")
_COUNT = IntSlot(minimum=0, maximum=2**53)
_GRID = WindowSlot()
_SCALED = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([KMG])")
_SCALES = {"K": 10**3, "M": 10**6, "G": 10**9}


def read_expect(
    expect: Expect | None,
    names: Mapping[str, Slot],
    findings: Findings,
    *,
    of_network: bool = False,
) -> tuple[Expectation, ...]:
    """The lines of an `expect`; one that cannot be read is reported and left out."""
    if expect is None:
        return ()
    lines: list[Expectation] = []
    for key in _KEYS:
        node = getattr(expect, key)
        if node is None:
            continue
        if key == "params_training" and not of_network:
            message = "`params_training` is a number of a whole network"
            help = "write it in the `expect:` of the file"
            findings.add(UNKNOWN_KEY.at(node.span, message, help=help))
            continue
        try:
            lines.append(_line(key, node, names))
        except SettingError as error:
            findings.add(error.diagnostic.naming(key))
    return tuple(lines)


def _line(key: str, node: Node, names: Mapping[str, Slot]) -> Expectation:
    slot = _GRID if key == "grid" else _COUNT
    if not isinstance(node, MappingNode):
        return Expectation(key, node.span, exact=_value(slot, node, names))
    if key == "grid":
        message = Predicate(f"must be a whole number or HxW, not `{shown(node)}`")
        raise SettingError(WRONG_TYPE.at(node.span, message, help="write `35` or `17x35`"))
    for name, _ in node.entries:
        if name.text not in ("min", "max"):
            raise SettingError(unknown_key(name, "a bound", ["min", "max"]))
    if not node.entries:
        message = Predicate("must be a number or bounds, not `{}`")
        raise SettingError(WRONG_TYPE.at(node.span, message, help="write `{max: 45M}`"))
    bounds = {name.text: _value(slot, value, names) for name, value in node.entries}
    return Expectation(key, node.span, minimum=bounds.get("min"), maximum=bounds.get("max"))


def _value(slot: Slot, node: Node, names: Mapping[str, Slot]) -> Term:
    scaled = _SCALED.fullmatch(shown(node))
    if scaled is None:
        return slot.read(node, names)
    number = Fraction(scaled[1]) * _SCALES[scaled[2]]
    if number.denominator != 1:
        message = Predicate(f"must be a whole number, and `{shown(node)}` is {float(number)}")
        raise refusal(node.span, message, help="write fewer digits behind the point")
    return slot.read(ScalarNode(int(number), str(int(number)), node.span), names)
