"""Findings point into blocks: at the step that made a branch so, and at the value it was given."""

from __future__ import annotations

from archgen.diagnostics import Diagnostic
from tests.compiling import codes, findings

UNITS = """\
archgen: 1
name: n
input: {channels: 8, grid: 8}
blocks:
  unit:
    params: {kernel: int, stride: {type: int, default: 1}}
    body:
      - conv: {filters: 8, kernel: kernel, stride: stride, padding: kernel // 2}
      - act: relu
  inverted:
    params: {kernel: int}
    body:
      - residual:
          body:
            - unit: {kernel: kernel}
network:
  - inverted: {kernel: 3}
  - concat:
      left: [{unit: {kernel: 5}}]
      right: []
"""


def test_the_units_fit() -> None:
    assert codes(UNITS) == []


def test_a_body_that_is_a_block_has_the_step_in_it_and_the_value_it_was_given() -> None:
    (found,) = findings(UNITS.replace("- inverted: {kernel: 3}", "- inverted: {kernel: 4}"))
    assert found.rule.code == "AG303"
    assert labels(found) >= {(8, "makes 9x9"), (17, "`kernel` is 4")}


def test_the_default_of_a_param_that_makes_a_body_too_small_is_pointed_at() -> None:
    residual, concat = findings(UNITS.replace("default: 1", "default: 2"))
    assert (residual.rule.code, concat.rule.code) == ("AG303", "AG301")
    for found in (residual, concat):
        assert labels(found) >= {(6, "`stride` is 2"), (8, "makes 4x4")}


def test_the_value_that_a_refused_setting_came_of_is_pointed_at() -> None:
    grouped = UNITS.replace("padding: kernel // 2}", "padding: kernel // 2, groups: kernel}")
    errors = [found for found in findings(grouped) if found.rule.code == "AG305"]
    assert labels(errors[0]) >= {(17, "`kernel` is 3")}


def test_a_residual_that_ends_with_a_gate_is_blamed_on_the_convolution_before_it() -> None:
    found = findings(
        """\
        archgen: 1
        name: n
        input: {channels: 8, grid: 8}
        defaults: {conv: {padding: same}}
        blocks:
          gate:
            body:
              - act: sigmoid
        network:
          - residual:
              body:
                - conv: {filters: 8, kernel: 1}
                - conv: {filters: 4, kernel: 1}
                - gate
        """
    )
    assert [(each.rule.code, each.span.start.line) for each in found] == [("AG303", 13)]


def labels(found: Diagnostic) -> set[tuple[int, str]]:
    """The labels of a finding by their lines."""
    return {(label.span.start.line, label.text) for label in found.labels}


SUMMED = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
network:
  - concat:
      keep: []
      work:
        - conv: {filters: 5, kernel: 1, padding: same}
        - conv: {filters: here.channels, kernel: 3, padding: same}
  - channel_shuffle: 2
"""


def test_what_a_concat_adds_up_is_told_where_each_summand_was_made() -> None:
    (found,) = findings(SUMMED)
    assert found.rule.code == "AG305"
    assert labels(found) == {(5, "makes 9 channels: 4 (keep) + 5 (work)"), (8, "makes 5 channels")}
