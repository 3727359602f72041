"""Findings about values point at where these were written, on every level of blocks."""

from __future__ import annotations

from archgen.diagnostics import Diagnostic
from tests.compiling import codes, findings

LEVELS = """\
archgen: 1
name: n
input: {channels: 8, grid: 8}
blocks:
  unit:
    params: {rate: float, kernel: {type: int, default: 3}, stride: {type: int, default: 1}}
    body:
      - conv: {filters: 8, kernel: kernel, stride: stride, padding: same}
      - dropout: {rate: rate}
  stage:
    params: {rate: float, share: float, kernel: int}
    body:
      - unit: {rate: rate * share, kernel: kernel}
network:
  - stage: {rate: 0.5, share: 0.5, kernel: 5}
"""


def labels(found: Diagnostic) -> list[tuple[int, str]]:
    """The labels of a finding, with the lines they stand on."""
    return [(label.span.start.line, label.text) for label in found.labels]


def test_the_levels_fit() -> None:
    assert codes(LEVELS) == []


def test_a_value_that_blocks_have_computed_is_labelled_on_every_level() -> None:
    (found,) = findings(LEVELS.replace("share: 0.5", "share: 8.0"))
    assert found.rule.code == "AG107"
    assert labels(found) == [(13, "`rate` is 4"), (15, "`rate` is 0.5"), (15, "`share` is 8")]


def test_what_a_block_hands_on_as_it_is_is_labelled_where_it_was_written() -> None:
    (found,) = findings(LEVELS.replace("kernel: 5", "kernel: 4"))
    assert found.rule.code == "AG113"
    assert labels(found) == [(15, "`kernel` is 4")]


def test_a_stride_of_one_that_nobody_wrote_explains_nothing() -> None:
    (found,) = findings(LEVELS.replace("kernel: 5", "kernel: 10"))
    assert "`stride` is 1" not in dict(labels(found)).values()
    (strided,) = findings(LEVELS.replace("default: 1}", "default: 2}"))
    assert strided.rule.code == "AG113"
    assert labels(strided) == [(15, "`kernel` is 5"), (6, "`stride` is 2")]


SPLIT = """\
archgen: 1
name: n
input: {channels: 3, grid: 8}
network:
  - conv: {filters: 16, kernel: 3, padding: same}
  - split: {keep: 8, work: 8}
  - concat:
      keep: []
      work: []
"""


def test_a_split_that_does_not_add_up_tells_what_made_its_input() -> None:
    assert "AG307" not in codes(SPLIT)
    (found,) = [f for f in findings(SPLIT.replace("16", "17")) if f.rule.code == "AG307"]
    assert labels(found) == [(5, "makes 17 channels")]


DEFAULTS = """\
archgen: 1
name: n
input: {channels: 3, grid: 33}
defaults:
  conv: {padding: same}
  max_pool: {kernel: 3, stride: 2, padding: valid}
network:
  - concat:
      pool:
        - max_pool: {}
      near:
        - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
      far:
        - conv: {filters: 8, kernel: 1}
        - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
"""


def test_a_stride_of_the_defaults_that_shrinks_a_branch_is_labelled() -> None:
    assert codes(DEFAULTS) == []
    wider = DEFAULTS.replace("max_pool: {kernel: 3, stride: 2", "max_pool: {kernel: 3, stride: 4")
    (found,) = findings(wider)
    assert found.rule.code == "AG301"
    assert (6, "the stride of steps that have none") in labels(found)


def test_a_stride_of_the_defaults_that_leaves_too_little_is_labelled() -> None:
    steps = "network:\n  - max_pool: {}\n  - conv: {filters: 8, kernel: 17, padding: valid}\n"
    text = DEFAULTS[: DEFAULTS.index("network:")] + steps
    (found,) = findings(text)
    assert found.rule.code == "AG304"
    assert (6, "the stride of steps that have none") in labels(found)
