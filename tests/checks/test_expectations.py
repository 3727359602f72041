"""`expect:` lines: exact values, expressions and bounds, of steps, blocks and networks."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import codes, findings

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same}}
"""
# 4 * 3 * 9 + 4 params, 4 * 3 * 9 * 64 MACs
PARAMS, MACS = 112, 6912


def net(expect: str) -> str:
    """A network of one convolution that expects this."""
    return f"{HEAD}network:\n  - conv: {{filters: 4, kernel: 3}}\nexpect: {expect}\n"


def step(expect: str) -> str:
    """A network whose one step expects this."""
    return f"{HEAD}network:\n  - conv: {{filters: 4, kernel: 3}}\n    expect: {expect}\n"


def block(expect: str, use: str = "{width: 4}") -> str:
    """A network of one block that expects this."""
    return (
        f"{HEAD}blocks:\n  unit:\n    params: {{width: int}}\n    body:\n"
        f"      - conv: {{filters: width, kernel: 3}}\n    expect: {expect}\n"
        f"network:\n  - unit: {use}\n"
    )


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


@pytest.mark.parametrize("build", [net, step, block])
@pytest.mark.parametrize(
    "expect",
    [
        "{grid: 8, channels: 4}",
        "{grid: 8x8}",
        f"{{params: {PARAMS}, macs: {MACS}}}",
        "{params: 4 * 3 * 9 + 4}",
        "{channels: in.channels + 1}",
        "{params: {max: 112}}",
        "{params: {min: 112}}",
        "{params: {min: 100, max: 0.2K}}",
        "{macs: {max: 45M}}",
        "{macs: {max: 1.5G}}",
        "{channels: {min: 3, max: 5}}",
        "{}",
    ],
)
def test_what_holds_is_silent(build: object, expect: str) -> None:
    assert callable(build)
    assert not codes(build(expect))


@pytest.mark.parametrize("build", [net, step, block])
@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{channels: 5}", "`channels` should be 5, and is 4"),
        ("{grid: 9}", "`grid` should be 9x9, and is 8x8"),
        ("{grid: 8x9}", "`grid` should be 8x9, and is 8x8"),
        ("{params: 113}", "`params` should be 113, and is 112"),
        ("{macs: 45M}", "`macs` should be 45,000,000, and is 6912"),
        ("{channels: in.channels}", "`channels` should be 3, and is 4"),
    ],
)
def test_an_exact_value_that_does_not_hold_is_told_with_both(
    build: object, expect: str, message: str
) -> None:
    assert callable(build)
    finding = only(build(expect))
    assert finding.rule.code == "AG501"
    assert finding.message == message
    assert finding.help.rpartition(", or ")[2].startswith("write `")


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{params: {max: 111}}", "`params` should be at most 111, and is 112"),
        ("{params: {min: 113}}", "`params` should be at least 113, and is 112"),
        ("{params: {min: 45M}}", "`params` should be at least 45,000,000, and is 112"),
        ("{macs: {max: 6.9K}}", "`macs` should be at most 6,900, and is 6,912"),
        ("{macs: {max: 10 * 10}}", "`macs` should be at most 100, and is 6,912"),
        ("{params: {min: 113, max: 200}}", "`params` should be at least 113, and is 112"),
    ],
)
def test_a_bound_that_does_not_hold_is_a_budget(expect: str, message: str) -> None:
    finding = only(net(expect))
    assert finding.rule.code == "AG502"
    assert finding.message == message


def test_each_line_is_told() -> None:
    assert codes(net("{grid: 9, channels: 5}")) == ["AG501", "AG501"]
    assert codes(net("{params: {max: 1}, macs: {min: 1M}}")) == ["AG502", "AG502"]


def test_a_finding_points_at_the_line() -> None:
    finding = only(net("{grid: 8, channels: 5}"))
    assert finding.span.start == (8, 29)


def test_a_finding_of_a_block_tells_its_params_and_shapes() -> None:
    finding = only(block("{channels: 5}"))
    assert finding.notes[0].startswith("`unit` {width: 4} takes ")


def test_an_expectation_of_a_block_may_use_its_params() -> None:
    assert not codes(block("{channels: width}"))
    assert codes(block("{channels: 2 * width}")) == ["AG501"]


def test_a_use_that_breaks_an_expectation_is_told_among_those_that_do_not() -> None:
    text = block("{channels: 4}") + "  - unit: {width: 5}\n    id: other\n"
    finding = only(text)
    assert "{width: 5}" in finding.notes[0]


def test_params_in_training_are_those_of_a_network() -> None:
    assert not codes(net("{params_training: 112}"))
    assert codes(net("{params_training: 1}")) == ["AG501"]
    assert codes(step("{params_training: 112}")) == ["AG101"]


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        ("{chanels: 4}", "AG101"),
        ("{params: {maximum: 4}}", "AG101"),
        ("{params: {}}", "AG007"),
        ("{grid: {max: 9}}", "AG007"),
        ("{params: 1.2345K}", "AG107"),
        ("{params: 45Q}", "AG201"),
        ("{channels: chanels}", "AG202"),
        ("[4]", "AG007"),
        ("4", "AG007"),
    ],
)
def test_an_expectation_that_cannot_be_read_is_told_once(expect: str, code: str) -> None:
    assert only(net(expect)).rule.code == code


def test_an_expectation_of_what_is_unknown_is_silent() -> None:
    text = net("{channels: 5}").replace("kernel: 3", "kernel: 99, padding: valid")
    assert codes(text) == ["AG304"]


def test_a_repeat_expects_of_all_its_instances() -> None:
    text = f"{HEAD}network:\n  - conv: {{filters: 3, kernel: 1}}\n    repeat: 5\n"
    assert not codes(f"{text}    expect: {{params: 60, grid: 8}}\n")
    assert codes(f"{text}    expect: {{params: 12}}\n") == ["AG501"]


def test_the_step_that_makes_something_else_is_pointed_at() -> None:
    (label,) = only(step("{channels: 5}")).labels
    assert (label.span.start.line, label.text) == (7, "takes 3 x 8 x 8 and makes 4 x 8 x 8")
    assert not only(step("{params: 5}")).labels


ROW = f"""{HEAD}network:
  - conv: {{filters: 4, kernel: 1}}
    expect: {{grid: 8, channels: 4}}
  - max_pool: {{kernel: 2, stride: 2, padding: valid}}
    expect: {{grid: 4}}
  - conv: {{filters: 2 * here.channels, kernel: 3}}
    expect: {{grid: 4, channels: 8, macs: 4608}}
  - max_pool: {{kernel: 2, stride: 2, padding: valid}}
    expect: {{grid: 2, channels: 8}}
expect: {{params: 312, macs: 5376}}
"""


POOL = "kernel: 2, stride: 2, padding: valid}\n    expect: {grid: 4}"


def wrong_lines(text: str) -> list[int]:
    """Where the errors are."""
    return [found.span.start.line for found in findings(text) if found.severity == "error"]


def test_a_row_that_holds_is_silent() -> None:
    assert not codes(ROW)


@pytest.mark.parametrize(
    ("written", "instead", "lines"),
    [
        # what a step makes is wrong, and all that follows from it
        ("{filters: 4,", "{filters: 5,", [8]),
        (POOL, POOL.replace("2, ", "4, "), [10]),
        # what is stated is wrong, and all else holds
        ("{grid: 8, channels: 4}", "{grid: 8, channels: 5}", [8]),
        ("{grid: 4}", "{grid: 5}", [10]),
        # two slips, of which the second is one whatever becomes of the first
        ("{filters: 4,", "{filters: 5, stride: 1x2,", [8, 8]),
        ("{grid: 2, channels: 8}", "{grid: 3, channels: 9}", [14, 14]),
    ],
)
def test_what_follows_from_a_stated_shape_that_does_not_hold_is_silent(
    written: str, instead: str, lines: list[int]
) -> None:
    assert ROW.count(written) == 1
    assert wrong_lines(ROW.replace(written, instead)) == lines


def test_two_independent_slips_are_two_findings() -> None:
    both = ROW.replace("{filters: 4,", "{filters: 5,").replace("2 * here", "3 * here")
    assert wrong_lines(both) == [8, 12]


def test_a_sum_is_told_where_all_shapes_are_as_stated() -> None:
    assert "`macs` should be 5377" in only(ROW.replace("5376", "5377")).message
    wrong = ROW.replace("{filters: 4,", "{filters: 5,").replace("312", "313")
    assert only(wrong).span.start.line == 8


def test_a_stated_shape_of_a_block_holds_for_what_follows() -> None:
    text = block("{channels: 5}") + "    expect: {channels: 4}\n"
    assert wrong_lines(text) == [11]
    inner = text.replace("{filters: width,", "{filters: 5,").replace(
        "{channels: 5}", "{channels: 4}"
    )
    assert wrong_lines(inner) == [11]


SHRINKING = f"""{HEAD}blocks:
  down:
    params: {{width: int}}
    body:
      - max_pool: {{kernel: 2, stride: 2, padding: valid}}
      - conv: {{filters: width, kernel: 3}}
  pair:
    body:
      - down: {{width: 8}}
      - act: relu
network:
  - pair: {{}}
    expect: {{grid: 4, channels: 8}}
"""


def test_a_block_that_makes_something_else_has_the_step_inside_that_does() -> None:
    assert not codes(SHRINKING)
    wide = only(SHRINKING.replace("stride: 2", "stride: 3"))
    assert [(label.span.start.line, label.text) for label in wide.labels] == [
        (17, "takes 3 x 8 x 8 and makes 8 x 3 x 3"),
        (10, "makes 3x3"),
    ]
    many = only(SHRINKING.replace("width: 8", "width: 9"))
    assert (11, "makes 9 channels") in [(x.span.start.line, x.text) for x in many.labels]


def test_a_block_that_leaves_a_grid_as_it_is_shows_where_its_steps_begin() -> None:
    pool = "      - max_pool: {kernel: 2, stride: 2, padding: valid}\n"
    finding = only(SHRINKING.replace(pool, ""))
    assert (13, "nothing in `pair` changes the grid") in [
        (label.span.start.line, label.text) for label in finding.labels
    ]
