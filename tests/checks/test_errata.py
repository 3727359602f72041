"""Errata and alternatives are claims, and claims are compiled."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import codes, compiled, findings

SPEC = """
archgen: 1
name: net
input: {{channels: 3, grid: 8}}
defaults: {{conv: {{padding: same}}}}
network:
  - conv: {{filters: 16, kernel: 1}}
  - residual:
      body:
        - conv: {{filters: 16, kernel: 3, stride: 1}}
          errata: {errata}
"""


def spec(errata: str) -> str:
    """A network with an erratum on the last convolution of a residual."""
    return SPEC.format(errata=errata)


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


def test_a_contradiction_that_fails_is_silent() -> None:
    assert not codes(spec("{field: filters, printed: 18, why: the sum says so}"))


def test_a_contradiction_that_cannot_have_a_value_is_silent() -> None:
    assert not codes(spec("{field: kernel, printed: 4, why: an even kernel, kind: contradiction}"))


def test_a_contradiction_that_compiles_is_refused() -> None:
    finding = only(spec("{field: kernel, printed: 1, why: it looks wrong}"))
    assert finding.rule.code == "AG601"
    assert "`kernel: 1` compiles" in finding.message
    assert "kind: reading" in finding.help


def test_a_contradiction_that_prints_what_is_used_is_refused() -> None:
    assert only(spec("{field: filters, printed: 16, why: none}")).rule.code == "AG601"


SOURCE = "source: {paper: another}"


def test_a_reading_that_compiles_is_silent() -> None:
    errata = f"{{field: kernel, printed: 1, why: w, kind: reading, {SOURCE}}}"
    assert not codes(spec(errata))


def test_a_reading_that_fails_is_refused() -> None:
    finding = only(spec(f"{{field: filters, printed: 18, why: w, kind: reading, {SOURCE}}}"))
    assert finding.rule.code == "AG602"
    assert "a residual adds 18 channels to 16" in finding.message


def test_a_reading_needs_a_source() -> None:
    finding = only(spec("{field: kernel, printed: 1, why: w, kind: reading}"))
    assert finding.rule.code == "AG604"


@pytest.mark.parametrize("field", ["fitlers", "from", "when", "id"])
def test_an_erratum_of_no_setting_is_refused(field: str) -> None:
    finding = only(spec(f"{{field: {field}, printed: 18, why: w}}"))
    assert finding.rule.code == "AG603"
    assert f"`{field}`" in finding.message


def test_a_kind_that_is_none_is_refused() -> None:
    finding = only(spec("{field: filters, printed: 18, why: w, kind: reeding}"))
    assert finding.rule.code == "AG603"
    assert "`reeding` is no kind" in finding.message


@pytest.mark.parametrize("missing", ["field", "printed", "why"])
def test_an_erratum_needs_its_keys(missing: str) -> None:
    parts = {"field": "filters", "printed": "18", "why": "w"}
    errata = ", ".join(f"{key}: {value}" for key, value in parts.items() if key != missing)
    finding = only(spec(f"{{{errata}}}"))
    assert finding.rule.code == "AG102"
    assert f"`{missing}`" in finding.message


def test_a_misspelt_key_of_an_erratum_is_told_once() -> None:
    finding = only(spec("{field: filters, pritned: 18, why: w}"))
    assert finding.rule.code == "AG101"
    assert finding.help == "did you mean `printed`?"


def test_a_printed_value_that_cannot_be_read_is_told() -> None:
    assert codes(spec("{field: filters, printed: widht, why: w}")) == ["AG202"]


def test_several_errata_are_a_list() -> None:
    errata = "[{field: filters, printed: 18, why: w}, {field: kernel, printed: 1, why: w}]"
    finding = only(spec(errata))
    assert finding.rule.code == "AG601"


def test_an_erratum_without_a_value_means_that_nothing_is_printed() -> None:
    assert codes(spec("{field: stride, printed: null, why: the default does as well}")) == ["AG601"]
    strided = spec("{field: stride, printed: null, why: one is a row too many}")
    shortcut = (
        "      shortcut: [{conv: {filters: 16, kernel: 3, stride: 2, padding: valid}}]\n      body:"
    )
    strided = strided.replace("      body:", shortcut)
    strided = strided.replace("kernel: 3, stride: 1", "kernel: 3, stride: 2, padding: valid")
    assert not [finding for finding in findings(strided) if finding.severity == "error"]


def test_a_repeat_may_be_an_erratum() -> None:
    text = """
    archgen: 1
    name: net
    input: {channels: 3, grid: 10}
    network:
      - max_pool: {kernel: 3, stride: 1, padding: valid}
        repeat: 4
        errata: {field: repeat, printed: 5, why: nothing would be left}
    """
    assert not codes(text)
    assert codes(text.replace("printed: 5", "printed: 3")) == ["AG601"]


def test_a_network_that_is_wrong_itself_says_nothing_of_errata() -> None:
    text = spec("{field: kernel, printed: 1, why: w}").replace(
        "filters: 16, kernel: 3", "filters: 15, kernel: 3"
    )
    assert codes(text) == ["AG303"]


def test_an_erratum_whose_step_is_gone_is_told_beside_what_that_breaks() -> None:
    step = "        - conv: {filters: 16, kernel: 3, stride: 1}\n"
    gone = spec("{field: kernel, printed: 4, why: an even kernel}").replace(
        step, "        - conv: {filters: 20, kernel: 3}\n        - act: relu\n"
    )
    assert codes(gone) == ["AG303", "AG603"]


def test_as_printed_a_finding_tells_what_is_printed_and_why() -> None:
    text = spec("{field: filters, printed: 18, why: the sum says so}")
    (finding,) = compiled(text, as_printed=True).diagnostics
    assert finding.rule.code == "AG303"
    assert "as printed: `filters: 18` on line 10; the sum says so" in finding.notes


def test_as_printed_a_spec_without_errata_is_as_written() -> None:
    text = spec("[]")
    assert not compiled(text, as_printed=True).diagnostics


ALTERNATIVES = """
archgen: 1
name: net
input: {{channels: 3, grid: 8}}
defaults: {{conv: {{padding: same}}}}
params: {{width: {{type: int, default: 4}}, depth: {{type: int, default: 1}}}}
blocks:
  unit:
    params: {{filters: int}}
    variants: {{wide: {{filters: 4}}, narrow: {{filters: 2}}}}
    body:
      - residual: {{body: [{{conv: {{filters: filters, kernel: 1}}}}]}}
network:
  - conv: {{filters: width, kernel: 1}}
    repeat: depth
  - unit: {{variant: wide}}
alternatives:
  other: {alternative}
"""


def alternative(text: str) -> str:
    """A network with one alternative."""
    return ALTERNATIVES.format(alternative=text)


def test_an_alternative_that_compiles_is_silent() -> None:
    assert not codes(alternative("{why: deeper, set: {depth: 2}, expect: {channels: 4}}"))


def test_an_alternative_may_set_several() -> None:
    setting = "{width: 2, unit.variant: narrow}"
    assert not codes(alternative(f"{{why: narrower, set: {setting}, expect: {{channels: 2}}}}"))


def test_an_alternative_that_does_not_compile_is_refused() -> None:
    finding = only(alternative("{why: w, set: {width: 5}}"))
    assert finding.rule.code == "AG605"
    assert "a residual adds 4 channels to 5" in finding.message


def test_an_alternative_must_meet_its_expectation() -> None:
    finding = only(alternative("{why: w, set: {depth: 2}, expect: {params: 1}}"))
    assert finding.rule.code == "AG605"
    assert "`params` should be 1" in finding.message


def test_an_alternative_leaves_the_expectation_of_the_network_aside() -> None:
    text = alternative("{why: w, set: {depth: 2}}") + "expect: {params: 36}\n"
    assert not codes(text)


def test_an_alternative_that_sets_no_param_is_told_with_the_nearest() -> None:
    finding = only(alternative("{why: w, set: {widht: 5}}"))
    assert finding.rule.code == "AG115"
    assert finding.help == "did you mean `width`?"


def test_an_alternative_whose_value_has_the_wrong_type_is_refused() -> None:
    finding = only(alternative("{why: w, set: {width: wide}}"))
    assert finding.rule.code == "AG202"


@pytest.mark.parametrize("text", ["{set: {depth: 2}}", "{why: w}"])
def test_an_alternative_needs_its_keys(text: str) -> None:
    assert only(alternative(text)).rule.code == "AG102"


def test_what_must_be_given_cannot_be_said_to_be_left_out() -> None:
    finding = only(spec("{field: filters, printed: null, why: w}"))
    assert finding.message == "`filters` must be given, and `printed: null` leaves it out"
    block = """
        archgen: 1
        name: net
        source: {paper: p}
        input: {channels: 3, grid: 8}
        blocks:
          unit:
            params: {filters: int}
            body: [{conv: {filters: filters, kernel: 1, padding: valid}}]
        network:
          - unit: {filters: 4}
            errata: {field: filters, printed: null, why: w}
        """
    assert only(block).message == finding.message


def test_a_contradiction_that_leaves_the_grid_alone_is_proved_too() -> None:
    assert (
        codes(
            """
            archgen: 1
            name: net
            input: {channels: 3, grid: 35}
            network:
              - concat:
                  a:
                    - conv: {filters: 3, kernel: 1, stride: 2, padding: valid}
                      errata: {field: stride, printed: null, why: the pool beside it strides}
                  b: [{max_pool: {kernel: 2, stride: 2, padding: valid, ceil: true}}]
            """
        )
        == []
    )


def test_an_alternative_that_fails_points_where_its_values_are() -> None:
    text = """
    archgen: 1
    name: net
    input: {channels: 3, grid: 8}
    blocks:
      unit:
        params: {n: int}
        variants:
          small: {n: 8}
          none: {n: -8}
        body:
          - conv: {filters: n, kernel: 1, padding: 0}
    network:
      - unit: {variant: small}
    alternatives:
      other: {why: it might be, set: {unit.variant: none}}
    """
    finding = only(text)
    assert finding.rule.code == "AG605"
    assert 10 in [label.span.start.line for label in finding.labels]
