"""What does not fit: who is blamed, with which derivation, and how the walk goes on."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from archgen.infer import budget
from archgen.pipeline import check
from archgen.spec.files import read_spec
from tests.compiling import SPECS, calls, codes, findings

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 35}
defaults: {conv: {padding: same}, max_pool: {padding: valid}}
"""


FEW = 20_000  # calls


def net(steps: str, more: str = "") -> str:
    """A network of these steps."""
    return f"{HEAD}{more}network:\n{steps}"


def only(text: str) -> Diagnostic:
    (finding,) = findings(text)
    return finding


def words(finding: Diagnostic) -> str:
    """Everything that a finding says."""
    labels = [label.text for label in finding.labels]
    return "\n".join([finding.message, finding.caption, *labels, *finding.notes, finding.help])


def as_printed(name: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec of this project as its sources print it."""
    return check(read_spec(SPECS / f"{name}.yaml"), as_printed=True).diagnostics


THREE = """
  - concat:
      pool:
        - max_pool: {kernel: 3, stride: 2}
      odd:
        - conv: {filters: 8, kernel: 1}
        - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
      even:
        - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
"""


def test_the_odd_branch_of_three_is_blamed() -> None:
    finding = only(net(THREE))
    assert finding.rule.code == "AG301"
    assert finding.span.start == (11, 7)
    assert finding.caption.startswith("18x18")


def test_every_branch_is_shown_with_its_derivation() -> None:
    finding = only(net(THREE))
    assert finding.caption.startswith("18x18   35 -> 35 -> ")
    assert finding.caption.endswith("// 2 + 1")
    shown = [label for label in finding.labels if label.text.startswith("17x17   35 -> ")]
    assert [label.span.start.line for label in shown] == [9, 14]
    assert all("(35 - 3) // 2 + 1" in label.text for label in shown)


def test_the_step_that_made_the_odd_grid_is_pointed_at() -> None:
    culprit = only(net(THREE)).labels[-1]
    assert culprit.text == "makes 18x18 here"
    assert culprit.span.start == (13, 61)


def test_a_repair_is_proposed() -> None:
    assert "padding" in only(net(THREE)).help


TWO = """
  - concat:
      one:
        - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
      two:
        - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
"""


def test_of_two_branches_both_are_shown_and_none_is_blamed() -> None:
    finding = only(net(TWO))
    everything = words(finding)
    assert finding.rule.code == "AG301"
    for part in ("18x18   35 -> ", "17x17   35 -> ", "makes 18x18", "makes 17x17"):
        assert part in everything
    assert "here" not in [label.text.rpartition(" ")[2] for label in finding.labels]


def test_two_against_two_blame_nobody() -> None:
    more = "      three:\n        - max_pool: {kernel: 3, stride: 2}\n      four:\n"
    more += "        - max_pool: {kernel: 3, stride: 2, padding: 1}\n"
    finding = only(net(TWO + more))
    grids = [label.text.partition(" ")[0] for label in finding.labels if "35 ->" in label.text]
    assert sorted([*grids, finding.caption.partition(" ")[0]]) == ["17x17"] * 2 + ["18x18"] * 2


def test_a_sum_of_different_channels_blames_the_odd_one() -> None:
    steps = "  - add:\n" + "".join(
        f"      b{n}:\n        - conv: {{filters: {n}, kernel: 1}}\n" for n in (8, 9)
    )
    steps += "      more:\n        - conv: {filters: 8, kernel: 3}\n"
    finding = only(net(steps))
    assert finding.rule.code == "AG302"
    assert finding.span.start.line == 10
    assert finding.caption == "9 channels"
    assert any(label.text == "makes 9 channels here" for label in finding.labels)


BLOCKS = """blocks:
  stem:
    body:
      - concat:
          left: [{conv: {filters: 16, kernel: 1}}]
          right: [{conv: {filters: 16, kernel: 3}}]
  unit:
    params: {width: int}
    body:
      - residual:
          body:
            - conv: {filters: 8, kernel: 1}
            - conv: {filters: width, kernel: 1}
"""


def test_a_residual_mismatch_tells_where_its_channels_come_from() -> None:
    finding = only(net("  - stem: {}\n  - unit: {width: 30}\n", BLOCKS))
    everything = words(finding)
    assert finding.rule.code == "AG303"
    assert finding.message == "a residual adds 30 channels to 32"
    assert "makes 32 channels: 16 (left) + 16 (right)" in everything
    assert "network[1] unit {width: 30}" in everything
    assert "`width: 32` on `unit`" in finding.help
    assert finding.span.start == (18, 31)


def test_a_residual_of_different_grids_points_at_the_step() -> None:
    steps = """
  - residual:
      body:
        - conv: {filters: 3, kernel: 3, padding: valid}
        - conv: {filters: 3, kernel: 1}
"""
    finding = only(net(steps))
    assert finding.rule.code == "AG303"
    assert "33x33" in finding.message
    assert finding.span.start.line == 10


def test_repeats_of_one_mistake_collapse() -> None:
    text = net("  - stem: {}\n  - unit: {width: 30}\n    repeat: 5\n", BLOCKS)
    finding = only(text)
    assert "also in repeats 1..4" in finding.notes


def test_uses_with_one_mistake_each_in_the_same_place_collapse() -> None:
    uses = "  - stem: {}\n" + "  - unit: {width: 30}\n" * 3
    assert codes(net(uses, BLOCKS)) == ["AG303"]


@pytest.mark.parametrize(
    "cause",
    [
        "cnov: {filters: 8, kernel: 1}",
        "conv: {filtres: 8, kernel: 1}",
        "conv: {filters: width, kernel: 1}",
        "conv: {filters: 8, kernel: 99, padding: valid}",
        "conv: {kernel: 1}",
        "global_avg_pool\n  - global_avg_pool",
    ],
)
def test_what_follows_from_an_unknown_is_silent(cause: str) -> None:
    steps = f"  - {cause}\n" + THREE + "  - conv: {filters: 1, kernel: 500, padding: valid}\n"
    assert len(findings(net(steps))) == 1


def test_an_expect_of_an_unknown_step_lets_the_walk_go_on() -> None:
    steps = (
        "  - conv: {filtres: 8, kernel: 1}\n    expect: {grid: 17, channels: 8}\n"
        "  - conv: {filters: 9, kernel: 18, padding: valid}\n"
    )
    found = findings(net(steps))
    assert [finding.rule.code for finding in found] == ["AG105", "AG304"]
    assert "17x17" in found[1].message


def test_an_expect_without_channels_does_not() -> None:
    steps = (
        "  - conv: {filtres: 8, kernel: 1}\n    expect: {grid: 17}\n"
        "  - conv: {filters: 9, kernel: 18, padding: valid}\n"
    )
    assert codes(net(steps)) == ["AG105"]


def test_a_clear_majority_lets_the_walk_go_on() -> None:
    steps = THREE + "  - conv: {filters: 9, kernel: 18, padding: valid}\n"
    assert codes(net(steps)) == ["AG301", "AG304"]


def test_a_residual_goes_on_with_its_shortcut() -> None:
    steps = (
        "  - residual:\n      body:\n        - conv: {filters: 4, kernel: 1}\n"
        "  - conv: {filters: 9, kernel: 36, padding: valid}\n"
    )
    assert codes(net(steps)) == ["AG303", "AG304"]


def test_two_independent_mistakes_are_told_in_one_run() -> None:
    steps = "  - stem: {}\n  - unit: {width: 30}\n" + THREE
    found = findings(net(steps, BLOCKS))
    assert [finding.rule.code for finding in found] == ["AG303", "AG301"]


def test_mistakes_of_several_stages_are_told_in_one_run() -> None:
    steps = """
  - concat:
      a: [{conv: {filtres: 8, kernel: 1}}]
      b: [{conv: {filters: 8 +, kernel: 1}}]
      c: [{conv: {filters: 8, kernel: 99, padding: valid}}]
"""
    assert codes(net(steps)) == ["AG105", "AG201", "AG304"]


def test_a_finding_in_a_block_tells_how_it_was_reached() -> None:
    blocks = BLOCKS + "  outer:\n    body:\n      - unit: {width: 30}\n"
    finding = only(net("  - stem: {}\n  - outer: {}\n", blocks))
    everything = words(finding)
    assert "network[1] outer > unit {width: 30}, in.grid = 35, in.channels = 32" in everything


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("inception_resnet_v2", ("1154", "1152")),
        ("inception_resnet_v2", ("2048", "2144")),
        ("inception_v4", ("69x69", "35x35")),
    ],
)
def test_as_printed_the_numbers_of_the_paper_do_not_fit(
    name: str, numbers: tuple[str, str]
) -> None:
    printed, needed = numbers
    fitting = [found for found in as_printed(name) if printed in words(found)]
    assert fitting
    assert any(needed in words(found) for found in fitting)
    assert all("as printed: " in words(found) for found in fitting)


def test_as_printed_a_residual_mismatch_is_one_finding_for_all_its_repeats() -> None:
    mismatches = [f for f in as_printed("inception_resnet_v2") if f.rule.code == "AG303"]
    messages = [finding.message for finding in mismatches]
    assert messages == [
        "a residual adds 1154 channels to 1152",
        "a residual adds 2048 channels to 2144",
    ]


def test_the_same_specs_as_written_are_sound() -> None:
    for name in ("inception_resnet_v2", "inception_v4"):
        assert not check(read_spec(SPECS / f"{name}.yaml")).diagnostics


@pytest.mark.parametrize("count", ["1000000000", "10 * 100000000", "1000001"])
def test_a_vast_repeat_hits_the_named_limit_quickly(count: str) -> None:
    text = net(f"  - conv: {{filters: 8, kernel: 1}}\n    repeat: {count}\n")
    assert calls(lambda: findings(text)) < FEW
    (finding,) = findings(text)
    assert finding.rule.code == "AG005"
    assert "1,000,000 steps, repeats counted" in finding.message


def test_repeats_within_repeats_hit_the_named_limit_quickly() -> None:
    blocks = "blocks:\n  b0:\n    body: [{conv: {filters: 3, kernel: 1}}]\n" + "".join(
        f"  b{n}:\n    body: [{{b{n - 1}: {{}}, repeat: 100}}]\n" for n in range(1, 12)
    )
    text = net("  - b11: {}\n", blocks)
    assert calls(lambda: findings(text)) < FEW
    assert codes(text) == ["AG005"]


def test_steps_that_all_differ_hit_the_named_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_DIFFERENT", 1_000)
    step = "  - conv: {{filters: 1 + i % 7, kernel: 1}}\n    repeat: {}\n"
    assert not findings(net(step.format(900)))
    (found,) = findings(net(step.format(1_001)))
    assert found.rule.code == "AG005"
    assert found.message == "the network has more than 1,000 different steps"


def test_a_long_repeat_of_equal_steps_is_quick() -> None:
    text = net("  - conv: {filters: 3, kernel: 1}\n    repeat: 900000\n")
    assert calls(lambda: findings(text)) < FEW
    assert not findings(text)


def test_a_default_padding_that_shrinks_a_branch_is_pointed_at() -> None:
    (found,) = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 3, grid: 8}
        defaults:
          conv: {padding: 0}
        network:
          - concat:
              one: [{conv: {filters: 8, kernel: 1}}]
              three: [{conv: {filters: 8, kernel: 3}}]
        """
    )
    assert found.rule.code == "AG301"
    assert (5, "the padding of steps that have none") in labels(found)


def test_a_vast_repeat_names_the_argument_that_says_how_often() -> None:
    (found,) = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 3, grid: 8}
        blocks:
          stage:
            params: {n: int}
            body:
              - norm: batch
                repeat: n - 1
        network:
          - stage: {n: 99999999}
        """
    )
    assert found.rule.code == "AG005"
    assert (11, "`n` is 99999999") in labels(found)


def test_a_join_of_one_value_is_told_at_its_from() -> None:
    (found,) = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 3, grid: 8}
        network:
          - norm: batch
            id: stem
          - add: {}
            from: [stem, ]
        """
    )
    assert (found.rule.code, found.span.start.line) == ("AG407", 8)


def test_the_steps_that_shrank_a_grid_are_all_pointed_at() -> None:
    (found,) = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 3, grid: 64}
        network:
          - max_pool: {kernel: 2, stride: 20, padding: valid}
          - max_pool: {kernel: 2, stride: 2, padding: valid}
          - conv: {filters: 32, kernel: 5, padding: valid}
        """
    )
    assert found.rule.code == "AG304"
    assert labels(found) >= {(5, "makes 4x4"), (6, "makes 2x2")}


def test_what_a_later_repeat_cannot_take_points_at_the_repeat() -> None:
    found = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 3, grid: 8}
        network:
          - max_pool: {kernel: 3, stride: 2, padding: valid}
            repeat: 4
        """
    )
    (error,) = (each for each in found if each.severity == "error")
    assert error.rule.code == "AG304"
    assert (6, "repeat 2 takes 3 x 1 x 1") in labels(error)


def labels(found: Diagnostic) -> set[tuple[int, str]]:
    """The labels of a finding by their lines."""
    return {(label.span.start.line, label.text) for label in found.labels}
