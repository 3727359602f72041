"""Steps: what `from` can name, blocks within blocks, and what a step may hold."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import codes, findings, network_of

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same, kernel: 1}}
"""


def net(steps: str, blocks: str = "") -> str:
    """A network of these steps."""
    return f"{HEAD}{blocks}network:\n{steps}"


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


def channels_of(text: str) -> int:
    shape = network_of(text).output
    assert shape is not None
    return shape.channels


TWO = "  - conv: {filters: 4}\n    id: one\n  - conv: {filters: 5}\n    id: two\n"


def test_from_names_a_step_above() -> None:
    text = net(TWO + "  - concat: {}\n    from: [one, two, in]\n")
    assert channels_of(text) == 4 + 5 + 3


def test_from_names_a_step_by_its_default_name() -> None:
    text = net("  - conv: {filters: 4}\n" * 2 + "  - concat: {}\n    from: [conv, conv_2]\n")
    assert channels_of(text) == 8


def test_a_branch_may_read_a_step_around_its_join() -> None:
    steps = (
        "  - concat:\n      a:\n        - conv: {filters: 6}\n          from: one\n      b: []\n"
    )
    assert channels_of(net(TWO + steps)) == 6 + 5


def test_an_unknown_reference_is_told_with_the_nearest() -> None:
    finding = only(net(TWO + "  - concat: {}\n    from: [one, tow]\n"))
    assert finding.rule.code == "AG401"
    assert finding.help == "did you mean `two`?"
    assert finding.span.start == (12, 17)


def test_a_reference_like_no_other_is_told_with_all_in_sight() -> None:
    finding = only(net(TWO + "  - concat: {}\n    from: [one, zebra]\n"))
    assert finding.help == "in sight here: in, one, two"


def test_each_unknown_reference_is_told() -> None:
    assert codes(net(TWO + "  - concat: {}\n    from: [eno, zebra]\n")) == ["AG401"] * 2


def test_a_step_below_is_not_in_sight() -> None:
    text = net("  - conv: {filters: 4}\n    from: later\n  - conv: {filters: 4}\n    id: later\n")
    assert only(text).rule.code == "AG401"


def test_a_step_within_another_branch_is_not_in_sight() -> None:
    steps = (
        "  - concat:\n      a:\n        - conv: {filters: 6}\n          id: hidden\n"
        "      b:\n        - conv: {filters: 6}\n          from: hidden\n"
    )
    assert only(net(steps)).rule.code == "AG401"


def test_a_step_that_reads_itself_is_an_unknown_reference() -> None:
    text = net("  - conv: {filters: 4}\n    id: me\n    from: me\n")
    assert only(text).rule.code == "AG401"


INSTANCES = "  - conv: {filters: 4 + i}\n    id: many\n    repeat: 3\n"


@pytest.mark.parametrize(("number", "channels"), [(0, 4), (1, 5), (2, 6)])
def test_from_names_an_instance_of_a_repeat(number: int, channels: int) -> None:
    text = net(INSTANCES + f"  - concat: {{}}\n    from: [many.{number}, many]\n")
    assert channels_of(text) == channels + 6


def test_an_instance_behind_the_last_is_told_with_the_last() -> None:
    finding = only(net(INSTANCES + "  - concat: {}\n    from: [many.3, many]\n"))
    assert finding.rule.code == "AG401"
    assert "stands 3 times, counted from 0" in finding.message
    assert "`many.2`" in finding.help


def test_an_instance_that_no_one_joins_is_still_checked() -> None:
    finding = only(net(INSTANCES + "  - conv: {filters: 4}\n    from: many.7\n"))
    assert finding.rule.code == "AG401"


def test_an_instance_of_a_step_that_is_not_repeated_is_unknown() -> None:
    assert only(net(TWO + "  - conv: {filters: 4}\n    from: one.0\n")).rule.code == "AG401"


PORTS = """blocks:
  unit:
    body:
      - conv: {filters: 4}
        id: early
      - conv: {filters: 9}
    outputs: {tap: early}
"""


def test_from_names_an_output_of_a_block() -> None:
    text = net("  - unit: {}\n  - concat: {}\n    from: [unit.tap, unit]\n", PORTS)
    assert channels_of(text) == 13


def test_an_unknown_output_of_a_block_is_told_with_the_nearest() -> None:
    finding = only(net("  - unit: {}\n  - concat: {}\n    from: [unit.tip, unit]\n", PORTS))
    assert finding.rule.code == "AG401"
    assert finding.help == "did you mean `unit.tap`?"


def test_an_output_that_names_no_step_is_refused() -> None:
    text = net("  - unit: {}\n", PORTS.replace("tap: early", "tap: erly"))
    assert only(text).help == "did you mean `early`?"


def block(name: str, inner: str) -> str:
    return f"  {name}:\n    body:\n      - {inner}: {{}}\n"


def test_a_block_that_contains_itself_is_told_as_a_cycle() -> None:
    finding = only(net("  - a: {}\n", "blocks:\n" + block("a", "a")))
    assert finding.rule.code == "AG402"
    assert finding.message == "the block `a` contains itself: a -> a"


def test_a_recursion_prints_its_cycle() -> None:
    blocks = "blocks:\n" + block("a", "b") + block("b", "c") + block("c", "a")
    finding = only(net("  - a: {}\n", blocks))
    assert finding.rule.code == "AG402"
    assert finding.message.endswith("a -> b -> c -> a")


def test_a_cycle_does_not_name_the_way_to_it() -> None:
    blocks = "blocks:\n" + block("start", "b") + block("b", "c") + block("c", "b")
    assert only(net("  - start: {}\n", blocks)).message.endswith(": b -> c -> b")


def test_two_cycles_are_two_findings() -> None:
    blocks = "blocks:\n" + "".join(block(name, name) for name in ("a", "b"))
    assert codes(net("  - a: {}\n  - b: {}\n", blocks)) == ["AG402", "AG402"]


def test_deep_blocks_hit_a_limit() -> None:
    blocks = "blocks:\n" + "".join(block(f"b{n}", f"b{n + 1}") for n in range(100))
    blocks += "  b100:\n    body:\n      - conv: {filters: 3}\n"
    assert "AG005" in codes(net("  - b0: {}\n", blocks))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{conv: {filters: 4}, act: relu}", "`conv` and `act`"),
        ("{type: conv, filters: 4}", "`type` and `filters`"),
        ("{repeat: 3}", "needs an op or a block"),
        ("{}", "needs an op or a block"),
    ],
)
def test_a_step_has_exactly_one_op(step: str, words: str) -> None:
    finding = only(net(f"  - {step}\n"))
    assert finding.rule.code == "AG104"
    assert words in finding.message


def test_a_misspelt_key_of_a_step_is_told_once() -> None:
    finding = only(net("  - conv: {filters: 4}\n    repaet: 3\n"))
    assert finding.rule.code == "AG101"
    assert finding.help == "did you mean `repeat`?"


@pytest.mark.parametrize(
    ("op", "help"),
    [
        ("cnov", "did you mean `conv`?"),
        ("max_pol", "did you mean `max_pool`?"),
        ("maxpool", "write `max_pool: {kernel: ..., stride: ...}`"),
        ("relu", "write `act: relu`"),
        ("batch", "write `norm: batch`"),
    ],
)
def test_an_unknown_op_is_told_with_what_is_meant(op: str, help: str) -> None:
    finding = only(net(f"  - {op}: {{}}\n"))
    assert finding.rule.code == "AG103"
    assert finding.help == help


def test_an_unknown_op_is_told_with_the_nearest_block() -> None:
    finding = only(net("  - unti: {}\n", PORTS))
    assert finding.help == "did you mean `unit`?"


@pytest.mark.parametrize(
    "join", ["concat: {a: [], b: []}", "residual: {body: []}", "add: {a: [], b: []}"]
)
def test_a_join_cannot_be_repeated(join: str) -> None:
    finding = only(net(f"  - {join}\n    repeat: 2\n"))
    assert finding.rule.code == "AG112"
    assert "put it into a block" in finding.help


@pytest.mark.parametrize("join", ["concat", "add", "multiply"])
def test_a_join_of_nothing_is_refused(join: str) -> None:
    assert only(net(f"  - {join}: {{}}\n")).rule.code == "AG407"


def test_an_op_takes_one_input() -> None:
    finding = only(net(TWO + "  - conv: {filters: 3}\n    from: [one, two]\n"))
    assert finding.rule.code == "AG407"
    assert "`from` names 2" in finding.message


def test_a_residual_needs_a_body() -> None:
    finding = only(net("  - residual: {shortcut: []}\n"))
    assert finding.rule.code == "AG106"
    assert "`body`" in finding.message


def test_a_misspelt_part_of_a_residual_is_told_once() -> None:
    finding = only(net("  - residual: {bdoy: []}\n"))
    assert finding.rule.code == "AG105"
    assert finding.help == "did you mean `body`?"


@pytest.mark.parametrize("steps", ["{conv: {filters: 3}}", "conv", "3", "~"])
def test_a_body_is_a_list_of_steps(steps: str) -> None:
    finding = only(net(f"  - residual: {{body: {steps}}}\n"))
    assert finding.rule.code == "AG007"
    assert "list of steps" in finding.message


@pytest.mark.parametrize("step", ["[conv]", "~", "[]"])
def test_a_step_that_is_none_is_refused(step: str) -> None:
    assert only(net(f"  - {step}\n")).rule.code == "AG007"


def test_a_repeat_of_nothing_passes_its_input_on() -> None:
    assert channels_of(net("  - conv: {filters: 9}\n    repeat: 0\n")) == 3


@pytest.mark.parametrize("repeat", ["-1", "1.5", "yes", "[2]", "n"])
def test_a_repeat_is_a_whole_number(repeat: str) -> None:
    assert len(findings(net(f"  - conv: {{filters: 9}}\n    repeat: {repeat}\n"))) == 1


def test_the_index_of_a_repeat_is_unknown_outside_of_one() -> None:
    finding = only(net("  - conv: {filters: 4 + i}\n"))
    assert finding.rule.code == "AG202"
    assert "repeat:" in finding.help


def test_a_step_whose_condition_is_false_passes_its_input_on() -> None:
    assert channels_of(net("  - conv: {filters: 9}\n    when: here.channels > 3\n")) == 3
    assert channels_of(net("  - conv: {filters: 9}\n    when: here.channels == 3\n")) == 9
