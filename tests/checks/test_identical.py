"""Branches that are written alike are told; what merely has equal numbers is not."""

from __future__ import annotations

import pytest

from tests.compiling import codes

HEAD = """archgen: 1
name: net
input: {channels: 4, grid: 8}
defaults: {conv: {padding: same, kernel: 1}}
"""


def join(op: str, *branches: str, tail: str = "") -> str:
    """A network of one join with these branches."""
    lines = "".join(
        f"      {name}: {steps}\n" for name, steps in zip("abc", branches, strict=False)
    )
    return f"{HEAD}network:\n  - {op}:\n{lines}{tail}"


CONV = "[{conv: {filters: 4}}]"


@pytest.mark.parametrize("op", ["concat", "add", "multiply"])
def test_two_branches_that_are_written_alike_are_told(op: str) -> None:
    assert codes(join(op, CONV, CONV)) == ["AG409"]
    assert codes(join(op, CONV, "[]", CONV)) == ["AG409"]
    assert codes(join(op, CONV, CONV, CONV)) == ["AG409", "AG409"]


def test_a_residual_whose_shortcut_is_its_body_is_told() -> None:
    parts = f"      shortcut: {CONV}\n      body: {CONV}\n"
    assert codes(f"{HEAD}network:\n  - residual:\n{parts}") == ["AG409"]


@pytest.mark.parametrize(
    "other",
    [
        "[]",
        "[{conv: {filters: 2 * 2}}]",
        "[{conv: {filters: 4, bias: false}}]",
        "[{conv: {filters: 4}}, {act: relu}]",
        "[{conv: {filters: 4}, repeat: 2}]",
        "[{conv: {filters: 4}, when: in.channels > 3}]",
        "[{concat: {x: [{conv: {filters: 2}}], y: [{conv: {filters: 2, bias: false}}]}}]",
    ],
)
def test_any_difference_in_the_text_makes_branches_different(other: str) -> None:
    assert not codes(join("concat", CONV, other))


def test_names_of_steps_make_no_difference() -> None:
    assert codes(join("concat", CONV, "[{conv: {filters: 4}, id: other}]")) == ["AG409"]


def test_params_that_are_equal_in_this_network_make_no_finding() -> None:
    text = (
        HEAD + "blocks:\n  two:\n    params: {a: int, b: int}\n    body:\n      - concat:\n"
        "          x: [{conv: {filters: a}}]\n          y: [{conv: {filters: b}}]\n"
        "network:\n  - two: {a: 4, b: 4}\n"
    )
    assert not codes(text)
    assert codes(text.replace("filters: b", "filters: a").replace("b: int", "b: int")) == [
        "AG405",
        "AG409",
    ]


def test_alike_branches_can_be_allowed_beside_the_join() -> None:
    assert not codes(join("concat", CONV, CONV, tail="    allow: [AG409]\n"))
