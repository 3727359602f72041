"""Params set from outside: of the network, of a block by its use, and variants."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic, Findings, Position, Span
from archgen.infer import infer
from archgen.ir.shape import Shape
from archgen.overrides import Override, apply_overrides
from archgen.spec.document import parse
from tests.compiling import compiled

SPEC = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same, kernel: 1}}
params: {classes: {type: int, default: 10, min: 2}, act: {type: [relu, silu], default: relu}}
blocks:
  unit:
    params: {width: int}
    variants: {small: {width: 4}, large: {width: 64}}
    body:
      - conv: {filters: width, act: relu}
  pair:
    params: {last: int}
    body:
      - unit: {width: 5}
        id: inner
      - unit: {width: last}
        id: outer
network:
  - unit: {variant: small}
    id: first
  - pair: {last: 7}
  - concat:
      left: [{unit: {width: 8}, id: leaf}]
      right: []
  - unit: {width: 9}
    id: last
  - conv: {filters: classes, act: act}
    id: head
"""
PLACE = Span("--set", Position(1, 1), Position(1, 2))


def overridden(**values: str) -> tuple[dict[str, object], Shape | None, list[Diagnostic]]:
    """The values of the network's own params, its output, and what is wrong."""
    return set_all({name.replace("__", "."): value for name, value in values.items()})


def set_all(
    values: dict[str, str], read: str = ""
) -> tuple[dict[str, object], Shape | None, list[Diagnostic]]:
    """The same with targets as they are; `read` moves the network's output to that step."""
    text = SPEC if not read else SPEC + f"  - conv: {{filters: here.channels}}\n    from: {read}\n"
    resolved = compiled(text).resolved
    assert resolved is not None
    assert resolved.network is not None
    found = Findings()
    overrides = []
    for target, value in values.items():
        node = parse(value, "--set", found)
        assert node is not None
        overrides.append(Override(target, node, PLACE))
    network, arguments = apply_overrides(resolved.network, tuple(overrides), found)
    shaped = None if found.has_errors else infer(network, found, arguments)
    return arguments, shaped.output if shaped else None, found.diagnostics


def channels_of(values: dict[str, str], read: str) -> int:
    _, shape, found = set_all(values, read)
    assert not found
    assert shape is not None
    return shape.channels


def only(target: str, value: str) -> Diagnostic:
    _, _, (finding,) = set_all({target: value})
    return finding


def test_a_param_of_the_network_is_set() -> None:
    arguments, shape, found = overridden(classes="100", act="silu")
    assert arguments == {"classes": 100, "act": "silu"}
    assert shape is not None
    assert shape.channels == 100
    assert not found


def test_nothing_set_changes_nothing() -> None:
    arguments, shape, _ = overridden()
    assert not arguments
    assert shape is not None
    assert shape.channels == 10


@pytest.mark.parametrize(
    ("target", "value", "read", "channels"),
    [
        ("last.width", "11", "last", 11),
        ("first.width", "11", "first", 11),
        ("pair.last", "11", "pair", 11),
        ("pair.outer.width", "11", "pair", 11),
        ("outer.width", "11", "pair", 11),
        ("left.leaf.width", "11", "concat", 18),
        ("first.variant", "large", "first", 64),
        ("last.variant", "large", "last", 64),
    ],
)
def test_a_param_of_a_block_is_set_at_its_use(
    target: str, value: str, read: str, channels: int
) -> None:
    assert channels_of({target: value}, read) == channels


def test_one_use_alone_is_changed() -> None:
    assert channels_of({"last.width": "11"}, "first") == 4


def test_a_later_value_goes_before_an_earlier_one() -> None:
    assert channels_of({"first.variant": "large", "first.width": "12"}, "first") == 12


def test_several_uses_are_named() -> None:
    finding = only("unit.width", "3")
    assert finding.rule.code == "AG115"
    for name in ("`first`", "`last`"):
        assert name in finding.message
    assert finding.help == "name one of them, as in `first.width`"


@pytest.mark.parametrize(
    ("target", "help"),
    [
        ("clases", "did you mean `classes`?"),
        ("lsat.width", "did you mean `last.width`?"),
        ("last.widht", "did you mean `width`?"),
        ("parr.last", "did you mean `pair.last`?"),
    ],
)
def test_a_target_that_names_nothing_is_told_with_the_nearest(target: str, help: str) -> None:
    finding = only(target, "3")
    assert finding.rule.code == "AG115"
    assert finding.help == help
    assert finding.span == PLACE


def test_a_param_of_a_block_without_its_owner_is_told_with_the_uses() -> None:
    finding = only("width", "3")
    assert finding.rule.code == "AG115"
    assert "`first.width`" in finding.help
    assert "`last.width`" in finding.help


def test_an_unknown_variant_is_told_with_the_nearest() -> None:
    finding = only("first.variant", "lage")
    assert finding.rule.code == "AG115"
    assert finding.help == "did you mean `large`?"


def test_a_variant_of_a_block_without_any_is_told_so() -> None:
    assert only("pair.variant", "large").help == "it has none"


@pytest.mark.parametrize(
    ("target", "value", "message"),
    [
        ("classes", "1", "`classes` must be at least 2"),
        ("classes", "ten", "`ten` is not in scope"),
        ("classes", "1.5", "`classes` must be a whole number"),
        ("act", "rleu", "`rleu` is none of the words"),
        ("last.width", "0.5", "`width` must be a whole number"),
        ("last.width", "[1]", "`width` must be a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_told(target: str, value: str, message: str) -> None:
    assert only(target, value).message.startswith(message)


def test_every_wrong_target_is_told() -> None:
    _, shape, found = set_all({"clases": "3", "lsat.width": "3", "classes": "5"})
    assert shape is None
    assert [finding.rule.code for finding in found] == ["AG115", "AG115"]


@pytest.mark.parametrize(
    "target", ["", ".", "..", "a.", ".width", "first..width", "first.", "in.channels"]
)
def test_an_odd_target_is_told_and_raises_nothing(target: str) -> None:
    assert only(target, "3").rule.code == "AG115"
