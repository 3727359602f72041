"""Expressions: the grammar, precedence against Python's own, values, spans and limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from archgen.spec.expression_parser import MAX_LENGTH, parse_expression
from archgen.spec.expressions import Binary, ExpressionError
from tests.compiling import calls, findings

SCOPE = {"a": 7, "b": 3, "c": -2, "zero": 0, "half": 0.5, "word": "relu", "in.channels": 64}


def value_of(text: str) -> object:
    """The value of an expression in the scope of these tests."""
    return parse_expression(text).evaluate(SCOPE)


def error_of(text: str) -> ExpressionError:
    """What is wrong with an expression that cannot be read or has no value."""
    with pytest.raises(ExpressionError) as raised:
        value_of(text)
    return raised.value


def pointed_at(text: str) -> str:
    """The part of a wrong expression that its error points at."""
    error = error_of(text)
    return text[error.start : error.start + error.length]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("a", 7),
        ("in.channels // 4", 16),
        ("a + b * 2", 13),
        ("(a + b) * 2", 20),
        ("a - b - 1", 3),
        ("a // b", 2),
        ("-a // b", -3),
        ("c // b", -1),
        ("c % b", 1),
        ("a / 2", 3.5),
        ("--a", 7),
        ("+a", 7),
        ("-+-a", 7),
        ("a == 7", True),
        ("a != 7", False),
        ("a < b", False),
        ("a >= 7", True),
        ("word == word", True),
        ("not a == 7", False),
        ("not not a", True),
        ("a > 1 and b > 1", True),
        ("a > 9 or b > 9", False),
        ("zero and 1 // zero", False),
        ("a or 1 // zero", True),
        ("1 if a > b else 2", 1),
        ("1 if a < b else 2 if b < 2 else 3", 3),
        ("1 if a > b else 1 // zero", 1),
        ("min(a, b)", 3),
        ("max(a, b, 9)", 9),
        ("ceil_div(a, b)", 3),
        ("ceil_div(6, 3)", 2),
        ("ceil_div(c, b)", 0),
        ("round_to(11, 8)", 8),
        ("round_to(12, 8)", 16),
        ("make_divisible(3, 8)", 8),
        ("make_divisible(20, 8)", 24),
        ("make_divisible(35, 8)", 32),
        ("make_divisible(11, 8)", 16),
        ("min(max(a, 1), 5) * 2", 10),
        ("  a  ", 7),
        ("a*b", 21),
    ],
)
def test_the_grammar(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


WHOLE = st.one_of(st.sampled_from(["a", "b", "c"]), st.integers(0, 30).map(str))
ARITHMETIC = st.sampled_from(["+", "-", "*", "//", "%"])
COMPARING = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EXTREMES = st.sampled_from(
    ["5e-324", "1e-310", "1e308", "2.5", "0.0", "9007199254740992", "3", "a"]
)
CALLS = st.sampled_from(["min", "max", "ceil_div", "round_to", "make_divisible"])


@given(CALLS, EXTREMES, EXTREMES, ARITHMETIC, EXTREMES)
@hypothesis_settings(max_examples=300, deadline=None)
def test_extreme_numbers_give_a_value_within_bounds_or_a_finding(
    function: str, x: str, n: str, sign: str, y: str
) -> None:
    text = f"{function}({x}, {n}) {sign} {y}"
    try:
        value = parse_expression(text).evaluate(SCOPE)
    except ExpressionError:
        value = 0
    assert isinstance(value, int | float)
    assert abs(value) <= 2**53


@pytest.mark.parametrize("text", ["round_to(1, 5e-324)", "make_divisible(2, 1e-310)"])
def test_rounding_to_next_to_nothing_is_a_finding(text: str) -> None:
    assert error_of(text).message == "the value is beyond 2 to the power of 53"


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, ARITHMETIC, inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        st.builds("-{}".format, inner),
        st.builds("min({}, {})".format, inner, inner),
    )


SUMS = st.recursive(WHOLE, _larger, max_leaves=8)
COMPARISONS = st.tuples(SUMS, COMPARING, SUMS).map(" ".join)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        st.builds("not {}".format, inner),
    ),
    max_leaves=4,
)
CHOICES = st.builds("{} if {} else {}".format, SUMS, CONDITIONS, SUMS)


@given(st.one_of(SUMS, CONDITIONS, CHOICES))
@hypothesis_settings(max_examples=200, deadline=None)
def test_precedence_is_that_of_python(text: str) -> None:
    if len(text) > MAX_LENGTH:
        return
    names = {name: SCOPE[name] for name in "abc"}
    try:
        expected = eval(text, {"min": min}, names)  # noqa: S307  # our own text, and only here
    except ZeroDivisionError:
        assert error_of(text).message == "division by zero"
        return
    if abs(expected) < 2**40:
        assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a + * b", "*"),
        ("a + 1 // zero", "zero"),
        ("a // (b - 3)", "(b - 3)"),
        ("a % zero", "zero"),
        ("a / zero", "zero"),
        ("2 * foo(a)", "foo"),
        ("a b", "b"),
        ("2a + 1", "2a"),
        ("a + word", "a + word"),
        ("-word", "-word"),
        ("1 + (word < 3)", "(word < 3)"),
        ("min(a, word)", "min(a, word)"),
        ("1 + ceil_div(a)", "ceil_div(a)"),
        ("ceil_div(a, zero)", "zero"),
        ("a ** b", "*"),
        ("a = 7", "="),
        ("a $ b", "$"),
        ("1 < a < 9", "<"),
        ("a)", ")"),
        ("min()", ")"),
        ("[a]", "["),
        ("a; b", ";"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_an_error_points_at_its_part(text: str, part: str) -> None:
    assert pointed_at(text) == part


@pytest.mark.parametrize("text", ["a +", "", "a if b", "(a", "max(a, b", "not"])
def test_an_expression_that_ends_too_early_points_behind_its_end(text: str) -> None:
    error = error_of(text)
    assert error.start == len(text)


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("${a}", "write the bare name"),
        ("{a}", "write the bare name"),
        ("a = b", "compare with `==`"),
        ("a ^ b", "expressions know"),
        ("sqrt(a)", "there are min, max, ceil_div, round_to, make_divisible"),
        ("a // zero", "guard it with `A if COND else B`"),
    ],
)
def test_an_error_says_what_to_write(text: str, help: str) -> None:
    assert help in error_of(text).help


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.__class__.__mro__()", "open(a)", "lambda: 1"]
)
def test_python_is_not_evaluated(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize("depth", [41, 100, 130])
def test_nesting_is_limited(depth: int) -> None:
    error = error_of("(" * depth + "a" + ")" * depth)
    assert "40" in error.message


def test_forty_brackets_are_fine() -> None:
    assert value_of("(" * 39 + "a" + ")" * 39) == 7


def test_signs_in_a_row_are_limited() -> None:
    assert "40 signs" in error_of("-" * 41 + "a").message
    assert "40 signs" in error_of("not " * 41 + "a").message


def test_a_chain_of_choices_is_limited() -> None:
    with pytest.raises(ExpressionError):
        parse_expression("1 if a else " * 200 + "2")


def test_the_length_is_limited() -> None:
    assert value_of("a" + " " * (MAX_LENGTH - 1)) == 7
    assert f"{MAX_LENGTH} characters" in error_of("a" + " " * MAX_LENGTH).message


def test_a_huge_text_is_refused_quickly() -> None:
    assert calls(lambda: error_of("((((" * 1_000_000)) < 1_000


@pytest.mark.parametrize("text", ["9007199254740992 + 1", "9007199254740992 * 2", "1e300 * 1e300"])
def test_values_are_bounded(text: str) -> None:
    with pytest.raises(ExpressionError, match="beyond 2 to the power of 53"):
        value_of(text)


def test_names_are_told_in_order() -> None:
    expression = parse_expression("b + in.channels * (a if b else 2) - max(c, 1)")
    names = [name.text for name in expression.names()]
    assert names == ["b", "in.channels", "a", "b", "c"]


def test_the_first_true_division_is_found() -> None:
    division = parse_expression("1 + min(a / 2, b / 3)").uses_true_division()
    assert isinstance(division, Binary)
    assert (division.start, division.length) == (8, 5)
    assert parse_expression("a // 2").uses_true_division() is None


SPEC = """
archgen: 1
name: net
input: {{channels: 3, grid: 8}}
params: {{width: {{type: int, default: 8}}}}
network:
  - conv: {{filters: {filters}, kernel: 1, padding: valid}}
"""


@pytest.mark.parametrize(
    ("filters", "code", "part"),
    [
        ("width * widht", "AG202", "widht"),
        ('"width * widht"', "AG202", "widht"),
        ("width + * 2", "AG201", "*"),
        ("width // (width - 8)", "AG204", "(width - 8)"),
        ("width / 2", "AG203", "width / 2"),
        ("2 * foo(width)", "AG201", "foo"),
        ("width % 0", "AG204", "0"),
        ("width - 9", "AG107", "width - 9"),
    ],
)
def test_a_finding_points_into_the_expression(filters: str, code: str, part: str) -> None:
    text = SPEC.format(filters=filters)
    (finding,) = [found for found in findings(text) if found.severity == "error"]
    start, end = finding.span.start, finding.span.end
    assert finding.rule.code == code
    assert text.splitlines()[start.line - 1][start.column - 1 : end.column - 1] == part


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    (finding,) = findings(SPEC.format(filters="widht"))[:1]
    assert finding.help == "did you mean `width`?"


def test_a_true_division_is_told_with_the_whole_one() -> None:
    (finding,) = [f for f in findings(SPEC.format(filters="width / 2")) if f.severity == "error"]
    assert finding.help == "write `width // 2`"


def test_min_and_max_take_one_value_too() -> None:
    assert parse_expression("max(a)").evaluate({"a": 7}) == 7
