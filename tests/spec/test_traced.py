"""Traced numbers: the same values as plain ones, and formulas that give the values of other inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from archgen.spec.expression_parser import parse_expression
from archgen.spec.expressions import ExpressionError
from archgen.spec.traced import Traced, TracedFloat, constant, formula_of, is_traced, retrace

if TYPE_CHECKING:
    from collections.abc import Mapping

N, M = Traced.symbol(384, "n"), Traced.symbol(96, "m")


def printed(value: object) -> str:
    """The formula of a number as Python."""
    return str(formula_of(value))


def computed(formula: str, values: Mapping[str, int]) -> object:
    """What Python makes of a formula."""
    functions = {"min": min, "max": max}
    return eval(formula, functions, dict(values))  # noqa: S307  # a formula of our own


LEAVES = st.one_of(st.sampled_from(["n", "m", "k"]), st.integers(0, 9).map(str))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "//", "%"])
    comparing = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        st.builds("({} {} {})".format, inner, signs, inner),
        st.builds("(-{})".format, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("ceil_div({}, {})".format, inner, st.integers(1, 5)),
        st.builds("({} if {} {} {} else {})".format, inner, inner, comparing, inner, inner),
        st.builds("({} if not {} {} {} else {})".format, inner, inner, comparing, inner, inner),
        st.builds(
            "({} if {} < {} and {} > 1 or {} else {})".format,
            inner,
            inner,
            inner,
            inner,
            inner,
            inner,
        ),
    )


EXPRESSIONS = st.recursive(LEAVES, _larger, max_leaves=7)
INPUTS = st.fixed_dictionaries({name: st.integers(1, 40) for name in "nmk"})


@given(EXPRESSIONS, INPUTS, INPUTS)
@hypothesis_settings(max_examples=300, deadline=None)
def test_a_formula_gives_the_values_of_other_inputs(
    text: str, first: dict[str, int], other: dict[str, int]
) -> None:
    assume(len(text) < 400)
    expression = parse_expression(text)
    try:
        value = expression.evaluate({name: Traced.symbol(v, name) for name, v in first.items()})
        expected, now = expression.evaluate(other), expression.evaluate(first)
    except ExpressionError:
        return
    assert value == now
    formula = printed(value)
    assert computed(formula, other) == expected
    assert computed(formula, first) == now


@given(EXPRESSIONS, INPUTS)
@hypothesis_settings(max_examples=100, deadline=None)
def test_a_number_with_names_is_traced_and_one_without_is_plain(
    text: str, inputs: dict[str, int]
) -> None:
    assume(len(text) < 400)
    expression = parse_expression(text)
    try:
        value = expression.evaluate({name: Traced.symbol(v, name) for name, v in inputs.items()})
    except ExpressionError:
        return
    if not any(True for _ in expression.names()):
        assert not is_traced(value)
    if is_traced(value):
        assert any(True for _ in formula_of(value).atoms())


@pytest.mark.parametrize(
    ("value", "formula"),
    [
        (N, "n"),
        (N + 0, "n"),
        (N * 1, "n"),
        (N // 1, "n"),
        (N + N, "2 * n"),
        (2 * N + 32, "2 * n + 32"),
        (32 + N * 2, "2 * n + 32"),
        (N + M + N, "2 * n + m"),
        (N - 1, "n - 1"),
        (1 - N, "1 - n"),
        (-N, "-n"),
        (-N - 1, "-n - 1"),
        (M - N, "m - n"),
        (-N + M, "m - n"),
        (3 * (N + M), "3 * n + 3 * m"),
        (N * M, "n * m"),
        ((N + 1) * M, "(n + 1) * m"),
        (N // 2, "n // 2"),
        ((N + 1) // 2, "(n + 1) // 2"),
        (100 // N, "100 // n"),
        (2 * (N // 2), "2 * (n // 2)"),
        ((N * 2) // 2, "n"),
        ((N * 6 + 4) // 2, "3 * n + 2"),
        ((N * 6 + 3) // 2, "(6 * n + 3) // 2"),
        ((N * -4) // -2, "2 * n"),
        (N % 8, "n % 8"),
        (100 % N, "100 % n"),
        (N // (M // 2), "n // (m // 2)"),
    ],
)
def test_a_formula_has_its_normal_form(value: int, formula: str) -> None:
    assert printed(value) == formula
    assert computed(formula, {"n": 384, "m": 96}) == value


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("1 + ceil_div(8, n)", "1 - (-8 // n)"),
        ("1 + (ceil_div(8, n) if m > 3 else 8)", "(-(-8 // n) if m > 3 else 8) + 1"),
        ("m + (-8) // n", "m + -8 // n"),
        ("m + ceil_div(m, n) // n", "m + -(-m // n) // n"),
        ("m - 2 * (n // 3)", "m - 2 * (n // 3)"),
    ],
)
def test_a_minus_of_the_first_operand_alone_is_not_one_of_the_summand(
    text: str, formula: str
) -> None:
    values = {"n": 3, "m": 5}
    names = {name: Traced.symbol(value, name) for name, value in values.items()}
    expression = parse_expression(text)
    assert printed(expression.evaluate(names)) == formula
    assert computed(formula, values) == expression.evaluate(values)


def test_what_cancels_is_a_plain_number() -> None:
    difference = N - N + 3
    assert difference == 3
    assert not is_traced(difference)
    assert not is_traced(N * 0)


def test_equal_formulas_are_equal() -> None:
    assert formula_of(N + N + 1) == formula_of(1 + 2 * N)
    assert formula_of(N) != formula_of(M)


def test_a_traced_number_is_an_int() -> None:
    assert isinstance(N, int)
    assert N == 384
    assert hash(N) == hash(384)


def test_a_symbol_is_replaced_within_operations() -> None:
    formula = formula_of((N + 1) // 2 + N).replace("n", formula_of(M * 2))
    assert str(formula) in ("(2 * m + 1) // 2 + 2 * m", "2 * m + (2 * m + 1) // 2")
    assert computed(str(formula), {"m": 5}) == 15


def test_a_traced_float_is_carried() -> None:
    half = TracedFloat.of(0.5, formula_of(Traced.symbol(1, "scale")))
    assert half == 0.5
    assert printed(half) == "scale"
    assert printed(retrace("*", 1.0, half, 2)) == "scale * 2"


def test_a_result_without_traced_operands_is_not_traced() -> None:
    assert not is_traced(retrace("min", 3, 3, 4))


def test_negative_constants_and_words_print_as_python() -> None:
    assert str(constant(-3)) == "-3"
    assert str(constant("relu")) == "'relu'"


def test_no_formula_is_made_of_anything_else() -> None:
    with pytest.raises(TypeError, match="no formula"):
        formula_of([1])


def test_formulas_that_are_written_alike_are_one() -> None:
    assert formula_of(Traced.symbol(3, "n") // 2) is formula_of(Traced.symbol(3, "n") // 2)
    assert formula_of(1) is not formula_of(1.0)


def test_a_formula_that_uses_its_parts_over_and_over_costs_its_distinct_parts() -> None:
    def doubled(size: float, times: int) -> float:
        for _ in range(times):
            size = retrace("max", size, size, size)
        return size

    whole = doubled(Traced.symbol(3, "n"), 200)
    assert formula_of(whole).length == 2**200
    assert len(list(formula_of(whole).atoms())) == 201
    moved = formula_of(whole).replace("n", formula_of(Traced.symbol(3, "m")))
    assert moved is formula_of(doubled(Traced.symbol(3, "m"), 200))
