"""`expect:` mappings as terms: exact values, expressions, or bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archgen.diagnostics import Findings
from archgen.ir.graph import Expectation, Term
from archgen.ops.slots import IntSlot, SettingError, Slot, WindowSlot, refusal, shown
from archgen.rules import WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode
from archgen.spec.model import Expect, unknown_key

_KEYS = ("grid", "channels", "params", "macs", "params_training")
_COUNT = IntSlot(minimum=0, maximum=2**53)
_GRID = WindowSlot()
_SCALED = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMG])")
_SCALES = {"K": 10**3, "M": 10**6, "G": 10**9}


def read_expect(
    expect: Expect | None, names: Mapping[str, Slot], findings: Findings
) -> tuple[Expectation, ...]:
    """The lines of an `expect`; one that cannot be read is reported and left out."""
    if expect is None:
        return ()
    lines: list[Expectation] = []
    for key in _KEYS:
        node = getattr(expect, key)
        if node is None:
            continue
        try:
            lines.append(_line(key, node, names, findings))
        except SettingError as error:
            findings.add(error.diagnostic)
    return tuple(lines)


def _line(key: str, node: Node, names: Mapping[str, Slot], findings: Findings) -> Expectation:
    slot = _GRID if key == "grid" else _COUNT
    if not isinstance(node, MappingNode):
        return Expectation(key, node.span, exact=_value(slot, node, names))
    for name, _ in node.entries:
        if name.text not in ("min", "max"):
            findings.add(unknown_key(name, "a bound", ["min", "max"]))
    bounds = {
        name.text: _value(slot, value, names)
        for name, value in node.entries
        if name.text in ("min", "max")
    }
    if key == "grid" or not bounds:
        findings.add(
            WRONG_TYPE.at(node.span, f"`{key}` expects a value or `{{min: ..., max: ...}}`")
        )
    return Expectation(key, node.span, minimum=bounds.get("min"), maximum=bounds.get("max"))


def _value(slot: Slot, node: Node, names: Mapping[str, Slot]) -> Term:
    scaled = _SCALED.fullmatch(shown(node))
    if scaled is None:
        return slot.read(node, names)
    number = float(scaled[1]) * _SCALES[scaled[2]]
    if number != int(number):
        raise refusal(node.span, f"`{shown(node)}` is no whole number")
    return slot.read(ScalarNode(int(number), str(int(number)), node.span), names)
