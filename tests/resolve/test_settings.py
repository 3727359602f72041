"""Settings of ops: one message for each slip, with what is meant, and defaults."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import findings, network_of

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
"""


def step(text: str, defaults: str = "{}") -> str:
    """A network of one step."""
    return f"{HEAD}defaults: {defaults}\nnetwork:\n  - {text}\n"


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("filtres: 4, kernel: 3, padding: same", "filters"),
        ("filter: 4, kernel: 3, padding: same", "filters"),
        ("filters: 4, kernal: 3, padding: same", "kernel"),
        ("filters: 4, kernel: 3, paddng: same", "padding"),
        ("filters: 4, kernel: 3, padding: same, stirde: 1", "stride"),
        ("filters: 4, kernel: 3, padding: same, dilatoin: 1", "dilation"),
        ("filters: 4, kernel: 3, padding: same, group: 1", "groups"),
        ("Filters: 4, kernel: 3, padding: same", "filters"),
        ("out_channels: 4, kernel: 3, padding: same", "filters"),
        ("filters: 4, kernel_size: 3, padding: same", "kernel"),
        ("filters: 4, kernel: 3, pad: 1", "padding"),
        ("filters: 4, kernel: 3, padding: same, strides: 1", "stride"),
        ("filters: 4, kernel: 3, padding: same, activation: relu", "act"),
        ("filters: 4, kernel: 3, padding: same, normalization: batch", "norm"),
    ],
)
def test_a_misspelt_setting_is_told_once_with_what_is_meant(written: str, meant: str) -> None:
    finding = only(step(f"conv: {{{written}}}"))
    assert finding.rule.code == "AG105"
    assert finding.help == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("dropout: {p: 0.5}", "rate"),
        ("max_pool: {kernel: 2, stride: 2, padding: valid, ceil_mode: true}", "ceil"),
    ],
)
def test_words_of_other_frameworks_are_understood(text: str, meant: str) -> None:
    finding = only(step(text))
    assert finding.rule.code == "AG105"
    assert finding.help == f"did you mean `{meant}`?"


@pytest.mark.parametrize("word", ["units", "out_features"])
def test_a_linear_layer_has_features(word: str) -> None:
    finding = only(step(f"global_avg_pool\n  - linear: {{{word}: 4}}"))
    assert finding.help == "did you mean `features`?"


@pytest.mark.parametrize("word", ["in_channels", "input_channels", "in_features"])
def test_input_channels_are_told_to_be_inferred(word: str) -> None:
    finding = only(step(f"conv: {{{word}: 3, filters: 4, kernel: 3, padding: same}}"))
    assert finding.rule.code == "AG105"
    assert finding.help == "remove it: input channels are inferred everywhere"


def test_a_setting_like_no_other_is_told_with_all() -> None:
    finding = only(step("conv: {filters: 4, kernel: 3, padding: same, zebra: 1}"))
    assert "it takes act, bias, dilation, filters" in finding.help


def test_a_missing_space_in_a_flow_mapping_is_seen() -> None:
    finding = only(step("conv: {filters:4096, kernel: 3, padding: same}"))
    assert finding.help == "put a space behind the colon: `filters: 4096`"


def test_each_of_several_slips_is_told_once() -> None:
    found = findings(step("conv: {filtres: 4, kernal: 3, padding: same}"))
    assert [finding.rule.code for finding in found] == ["AG105", "AG105"]


def test_each_missing_setting_is_told() -> None:
    found = findings(step("conv: {padding: same}"))
    assert [finding.rule.code for finding in found] == ["AG106", "AG106"]
    assert {finding.message.split("`")[3] for finding in found} == {"filters", "kernel"}


def test_a_slip_far_down_does_not_hide_one_above() -> None:
    text = step("conv: {filtres: 4, kernel: 3, padding: same}\n  - linear: {featuers: 3}")
    assert [finding.rule.code for finding in findings(text)] == ["AG105", "AG105"]


@pytest.mark.parametrize(
    "text", ["conv: 3", "conv: [3]", "max_pool: 3", "residual: 3", "concat: 3"]
)
def test_settings_that_are_no_mapping_are_refused(text: str) -> None:
    assert only(step(text)).rule.code == "AG007"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("conv: {filters: 4, kernel: 3, padding: same, bias: yes}", "AG107"),
        ("conv: {filters: 4, kernel: 3, padding: same, bias: 1}", "AG107"),
        ("conv: {filters: 4.5, kernel: 3, padding: same}", "AG107"),
        ("conv: {filters: ~, kernel: 3, padding: same}", "AG107"),
        ("conv: {filters: [4], kernel: 3, padding: same}", "AG107"),
        ("conv: {filters: 4, kernel: 3, padding: same, act: rellu}", "AG107"),
        ("conv: {filters: 4, kernel: 3, padding: same, norm: bacth}", "AG107"),
        ("dropout: {rate: 1.5}", "AG107"),
        ("dropout: {rate: -0.1}", "AG107"),
        ("dropout: {rate: .nan}", "AG107"),
        ("conv: {filters: 99999999999, kernel: 3, padding: same}", "AG107"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_once(text: str, code: str) -> None:
    assert only(step(text)).rule.code == code


def test_a_finding_names_the_setting() -> None:
    finding = only(step("conv: {filters: 0, kernel: 3, padding: same}"))
    assert finding.message == "`filters` must be at least 1, not `0`"


DEFAULTS = "{conv: {padding: same, kernel: 3, bias: false}}"


def channels_and_params(text: str) -> tuple[int, int]:
    network = network_of(text)
    shape = network.output
    (node,) = network.block.graph.nodes
    assert shape is not None
    assert node.op is not None
    assert node.input is not None
    return shape.channels, node.op.params(node.input)


def test_defaults_fill_what_a_step_leaves_out() -> None:
    assert channels_and_params(step("conv: {filters: 4}", DEFAULTS)) == (4, 4 * 3 * 9)


def test_a_step_goes_before_the_defaults() -> None:
    text = step("conv: {filters: 4, kernel: 1, bias: true}", DEFAULTS)
    assert channels_and_params(text) == (4, 4 * 3 + 4)


def test_defaults_of_an_unknown_op_are_told_with_the_nearest() -> None:
    finding = only(step("flatten", "{cnov: {padding: same}}"))
    assert finding.rule.code == "AG116"
    assert finding.help == "did you mean `conv`?"


def test_an_unknown_setting_in_the_defaults_is_told_once() -> None:
    text = step("conv: {filters: 4, kernel: 1}", "{conv: {padding: same, bais: false}}")
    finding = only(text)
    assert finding.rule.code == "AG105"
    assert finding.help == "did you mean `bias`?"


@pytest.mark.parametrize("defaults", ["[conv]", "{conv: same}", "{conv: [same]}"])
def test_defaults_that_are_no_mapping_are_refused(defaults: str) -> None:
    assert only(step("flatten", defaults)).rule.code == "AG007"


def test_defaults_of_an_unknown_library_are_refused() -> None:
    assert only(step("flatten", "stems")).rule.code == "AG406"


def test_an_unknown_name_in_the_defaults_is_refused() -> None:
    text = step("conv: {kernel: 1, padding: same}", "{conv: {filters: width}}")
    assert only(text).rule.code == "AG202"


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ("split", "AG106", "`split` needs the channels of each part, by name"),
        ("split: [1, 2]", "AG107", "`split` must be two parts or more, not `[1, 2]`"),
        ("split: {a: 3, b: here.channels - 3}", "AG107", "`b` must be at least 1"),
        ("split: {a: 3, b: 1.5}", "AG107", "`b` must be a whole number"),
    ],
)
def test_a_split_is_told_of_by_its_own_words(written: str, code: str, message: str) -> None:
    whole = step(f"{written}\n  - concat: {{a: [], b: []}}")
    found = next(f for f in findings(whole) if f.rule.code == code)
    assert found.message.startswith(message)


@pytest.mark.parametrize("op", ["split: {a: 1, b: 2}", "norm: batch", "act: relu"])
def test_what_an_op_is_as_a_whole_has_no_defaults(op: str) -> None:
    finding = only(step("flatten", f"{{{op}}}"))
    assert (finding.rule.code, finding.help) == ("AG116", "remove it")


@pytest.mark.parametrize(
    "written",
    [
        "scale: {factor: 1e39}",
        "scale: {factor: -1e300}",
        "act: {leaky_relu: {slope: 1e200}}",
        "norm: {batch: {eps: 1e-310}}",
        "norm: {layer: {eps: 5e-324 * 2}}",
    ],
)
def test_a_number_that_floats_of_32_bits_lack_is_refused(written: str) -> None:
    finding = only(step(written))
    assert finding.rule.code == "AG107"
    assert "32-bit floats" in finding.message
