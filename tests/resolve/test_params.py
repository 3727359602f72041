"""Params of blocks: types, bounds, defaults, variants and requirements."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import findings, network_of

SPEC = """
archgen: 1
name: net
input: {{channels: 3, grid: 8}}
defaults: {{conv: {{padding: same}}}}
blocks:
  unit:
    params: {params}
{more}    allow: [AG405, AG410]
    body:
      - conv: {{filters: {filters}, kernel: 1}}
network:
  - unit: {use}
"""


def spec(params: str, use: str = "{}", filters: str = "4", more: str = "") -> str:
    """A network of one block with these params."""
    return SPEC.format(params=params, use=use, filters=filters, more=more)


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


def channels_of(text: str) -> int:
    shape = network_of(text).output
    assert shape is not None
    return shape.channels


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("int", ["3", "0", "-3", "2 * 4", '"3"'], ["1.5", "true", "[1]", "{a: 1}", "~"]),
        ("float", ["1", "0.5", "-1e-3", "1 / 4"], ["true", "[1]", ".inf", ".nan", "~"]),
        ("bool", ["true", "false", "1 > 2"], ["yes", "1", "treu", "[true]", "~"]),
        ("kernel", ["3", "1x7", "7x1"], ["0", "1.5", "1x0", "1 x 7", "true", "~"]),
        ("[relu, silu]", ["relu", "silu"], ["rleu", "1", "tanh", "~"]),
    ],
)
def test_a_param_takes_values_of_its_type(type_: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert not findings(spec(f"{{p: {type_}}}", f"{{p: {value}}}")), value
    for value in bad:
        text = spec(f"{{p: {type_}}}", f"{{p: {value}}}")
        assert [finding.rule.code[:3] for finding in findings(text)] in (["AG1"], ["AG2"]), value


@pytest.mark.parametrize(
    ("bounds", "value", "is_fine"),
    [
        ("min: 2", "2", True),
        ("min: 2", "1", False),
        ("max: 9", "9", True),
        ("max: 9", "10", False),
        ("min: 2, max: 9", "5", True),
        ("min: -4", "-4", True),
        ("min: 2", "in.channels - 2", False),
    ],
)
def test_bounds_hold(bounds: str, value: str, is_fine: bool) -> None:
    found = findings(spec(f"{{p: {{type: int, {bounds}}}}}", f"{{p: {value}}}"))
    assert [finding.rule.code for finding in found] == ([] if is_fine else ["AG107"])


def test_bounds_hold_for_fractions() -> None:
    params = "{p: {type: float, min: 0.1, max: 0.3}}"
    assert not findings(spec(params, "{p: 0.1}"))
    assert "0.3" in only(spec(params, "{p: 0.31}")).message


def test_bounds_hold_for_a_default() -> None:
    finding = only(spec("{p: {type: int, min: 2, default: 1}}"))
    assert finding.rule.code == "AG107"
    assert finding.message.startswith("`default` must be at least 2")


def test_bounds_that_cross_are_refused() -> None:
    finding = only(spec("{p: {type: int, min: 5, max: 2}}", "{p: 3}"))
    assert finding.rule.code == "AG205"
    assert "`max` is below `min`" in finding.message


@pytest.mark.parametrize("type_", ["bool", "kernel", "[a, b]"])
def test_a_type_without_an_order_has_no_bounds(type_: str) -> None:
    finding = only(spec(f"{{p: {{type: {type_}, min: 1}}}}", "{}"))
    assert finding.rule.code == "AG205"
    assert "no bounds" in finding.message


@pytest.mark.parametrize(
    ("form", "help"),
    [
        ("itn", "did you mean `int`?"),
        ("integer", "there are int, float, bool, kernel, or a list of words"),
        ("3", "write `{type: int, default: 3}`"),
        ("0.5", "write `{type: float, default: 0.5}`"),
        ("[]", "there are int, float, bool, kernel, or a list of words"),
    ],
)
def test_a_type_that_is_none_is_told_with_what_to_write(form: str, help: str) -> None:
    finding = only(spec(f"{{p: {form}}}"))
    assert finding.rule.code == "AG205"
    assert finding.help == help


def test_a_param_without_a_type_is_told_so() -> None:
    assert only(spec("{p: {default: 3}}")).rule.code == "AG205"


def test_a_misspelt_part_of_a_param_is_told_once() -> None:
    finding = only(spec("{p: {type: int, defualt: 3}}", "{p: 1}"))
    assert finding.rule.code == "AG101"
    assert finding.help == "did you mean `default`?"


def test_a_default_is_used_where_nothing_is_given() -> None:
    params = "{p: {type: int, default: 6}}"
    assert channels_of(spec(params, filters="p")) == 6
    assert channels_of(spec(params, "{p: 5}", filters="p")) == 5


def test_a_default_may_use_params_above_it_and_the_input() -> None:
    params = "{a: int, b: {type: int, default: 2 * a + in.channels}}"
    assert channels_of(spec(params, "{a: 4}", filters="b")) == 11


def test_a_default_cannot_use_a_param_below_it() -> None:
    finding = only(spec("{a: {type: int, default: b}, b: int}", "{b: 1}"))
    assert finding.rule.code == "AG202"
    assert "`b`" in finding.message


def test_a_missing_param_is_told_with_an_example() -> None:
    finding = only(spec("{a: int, b: int, c: {type: int, default: 1}}"))
    assert finding.rule.code == "AG106"
    assert finding.message == "`unit` needs `a`, `b`"
    assert finding.help == "write `unit: {a: ..., b: ...}`"


def test_a_misspelt_param_is_told_once() -> None:
    finding = only(spec("{width: int}", "{widht: 3}"))
    assert finding.rule.code == "AG105"
    assert finding.help == "did you mean `width`?"


def test_params_that_are_no_mapping_are_refused() -> None:
    assert only(spec("{width: int}", "[3]")).rule.code == "AG007"
    assert only(spec("{width: int}", "3")).rule.code == "AG007"


VARIANTS = "    variants: {small: {a: 1, b: 2}, large: {a: 8, b: 9}}\n"


def test_a_variant_gives_its_values() -> None:
    params = "{a: int, b: int}"
    assert channels_of(spec(params, "{variant: large}", "a + b", VARIANTS)) == 17


def test_an_argument_goes_before_a_variant() -> None:
    params = "{a: int, b: int}"
    assert channels_of(spec(params, "{variant: large, b: 1}", "a + b", VARIANTS)) == 9


def test_an_unknown_variant_is_told_with_the_nearest() -> None:
    finding = only(spec("{a: int, b: int}", "{variant: lage}", more=VARIANTS))
    assert finding.rule.code == "AG206"
    assert finding.help == "did you mean `large`?"


def test_an_unknown_variant_far_from_all_is_told_with_all() -> None:
    finding = only(spec("{a: int, b: int}", "{variant: figure_7}", more=VARIANTS))
    assert finding.help == "it has small, large"


def test_a_variant_of_a_block_without_any_is_told_so() -> None:
    finding = only(spec("{a: {type: int, default: 1}}", "{variant: large}"))
    assert finding.rule.code == "AG206"
    assert finding.help == "it has no variants"


def test_missing_params_are_told_with_the_variants() -> None:
    finding = only(spec("{a: int, b: int}", more=VARIANTS))
    assert finding.rule.code == "AG106"
    assert finding.help.endswith("or name a variant: small, large")


def test_a_variant_may_leave_a_param_out_and_is_told_where_it_is_used() -> None:
    finding = only(
        spec("{a: int, b: int}", "{variant: half}", more="    variants: {half: {a: 1}}\n")
    )
    assert finding.rule.code == "AG106"
    assert finding.message == "`unit` needs `b`"


def test_a_misspelt_param_of_a_variant_is_told_once() -> None:
    finding = only(spec("{alpha: int}", "{variant: one}", more="    variants: {one: {alhpa: 1}}\n"))
    assert finding.rule.code == "AG105"
    assert finding.help == "did you mean `alpha`?"


def test_a_requirement_that_holds_is_silent() -> None:
    assert not findings(spec("{a: int}", "{a: 4}", more="    require: a % 2 == 0\n"))


def test_a_requirement_that_does_not_hold_tells_the_values() -> None:
    finding = only(spec("{a: int}", "{a: 3}", more="    require: a % 2 == 0\n"))
    assert finding.rule.code == "AG207"
    assert finding.message == "`unit` requires `a % 2 == 0`, and `a` is 3"


def test_each_of_several_requirements_is_told() -> None:
    more = "    require: [a > 9, in.channels > 9, a < 9]\n"
    found = findings(spec("{a: int}", "{a: 3}", more=more))
    assert [finding.rule.code for finding in found] == ["AG207", "AG207"]


def test_a_requirement_that_is_no_condition_is_refused() -> None:
    assert only(spec("{a: int}", "{a: 3}", more="    require: a + 1\n")).rule.code == "AG204"
    assert only(spec("{a: int}", "{a: 3}", more="    require: b > 1\n")).rule.code == "AG202"


def test_a_param_of_a_network_needs_a_default() -> None:
    text = """
    archgen: 1
    name: net
    input: {channels: 3, grid: 8}
    params: {classes: int}
    network:
      - global_avg_pool
      - linear: {features: classes}
    """
    finding = only(text)
    assert finding.rule.code == "AG102"
    assert "needs a default" in finding.message


def test_a_word_is_passed_on_by_a_param() -> None:
    text = spec("{act: [relu, silu]}", "{act: silu}").replace("kernel: 1", "kernel: 1, act: act")
    assert not findings(text)


def test_a_kernel_is_passed_on_by_a_param() -> None:
    text = spec("{k: kernel}", "{k: 1x7}").replace("kernel: 1}", "kernel: k}")
    assert not findings(text)
