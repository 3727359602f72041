"""What nothing uses is told, once, and can be allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen.pipeline import check
from archgen.spec.files import read_spec
from tests.compiling import codes, findings

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same, kernel: 1}}
"""
UNIT = """blocks:
  unit:
    params: {width: int, spare: {type: int, default: 1}}
    body:
      - conv: {filters: width}
"""
ONE = "network:\n  - conv: {filters: 4}\n"


def test_a_block_that_no_step_names_is_told() -> None:
    found = findings(HEAD + UNIT.replace(", spare: {type: int, default: 1}", "") + ONE)
    (finding,) = found
    assert finding.rule.code == "AG404"
    assert finding.message == "the block `unit` is never used"
    assert finding.span.start == (7, 3)
    assert finding.severity == "warning"


def test_a_block_that_only_an_unused_block_names_is_told() -> None:
    blocks = "blocks:\n  a:\n    body: [b]\n  b:\n    body: [{conv: {filters: 3}}]\n"
    assert codes(HEAD + blocks + ONE) == ["AG404", "AG404"]


def test_a_block_that_a_used_block_names_is_used() -> None:
    blocks = "blocks:\n  a:\n    body: [b]\n  b:\n    body: [{conv: {filters: 3}}]\n"
    assert not codes(HEAD + blocks + "network:\n  - a: {}\n")


def test_a_block_that_a_head_names_is_used() -> None:
    blocks = "blocks:\n  a:\n    body: [{conv: {filters: 3}}]\n"
    heads = "outputs:\n  aux: {from: conv, body: [a]}\n"
    assert not codes(HEAD + blocks + ONE + heads)


def test_a_param_that_no_expression_names_is_told() -> None:
    (finding,) = findings(HEAD + UNIT + "network:\n  - unit: {width: 4}\n")
    assert finding.rule.code == "AG405"
    assert finding.message == "the param `spare` of `unit` is never used"
    assert finding.span.start == (8, 26)


def test_a_param_of_the_network_that_no_expression_names_is_told() -> None:
    params = "params: {classes: {type: int, default: 10}}\n"
    assert codes(HEAD + params + ONE) == ["AG405"]


def test_a_param_is_used_by_a_default_a_requirement_or_an_expectation() -> None:
    text = (
        HEAD
        + "params:\n  a: {type: int, default: 4}\n  b: {type: int, default: a}\n"
        + "  c: {type: int, default: 4}\n  d: {type: int, default: 1}\n"
        + "require: b > 1\n"
        + "network:\n  - conv: {filters: 4}\n    repeat: d\n"
        + "expect: {channels: c}\n"
    )
    assert not codes(text)


def test_a_param_is_used_by_a_condition_and_by_a_part_of_a_list() -> None:
    text = (
        HEAD
        + "params: {on: {type: bool, default: true}, pad: {type: int, default: 1}}\n"
        + "network:\n  - conv: {filters: 4, padding: [pad, 0]}\n    when: on\n"
    )
    assert [code for code in codes(text) if code == "AG405"] == []


def test_a_step_that_nothing_reads_is_told() -> None:
    text = HEAD + "network:\n  - conv: {filters: 4}\n  - conv: {filters: 5}\n    from: in\n"
    (finding,) = findings(text)
    assert finding.rule.code == "AG403"
    assert finding.message == "nothing reads the output of `conv`"
    assert finding.span.start == (7, 5)


def test_a_step_that_an_output_reads_is_read() -> None:
    text = HEAD + "network:\n  - conv: {filters: 4}\n  - conv: {filters: 5}\n    from: in\n"
    assert not codes(text + "outputs: {tap: {from: conv}}\n")


def test_a_step_that_nothing_reads_within_a_branch_is_told() -> None:
    steps = (
        "network:\n  - concat:\n      a:\n        - conv: {filters: 4}\n"
        "        - conv: {filters: 5}\n          from: in\n      b: []\n"
    )
    assert codes(HEAD + steps) == ["AG403"]


def test_a_warning_can_be_allowed_by_the_step_the_block_or_the_file() -> None:
    dead = "network:\n  - conv: {filters: 4}\n    allow: AG403\n"
    assert not codes(HEAD + dead + "  - conv: {filters: 5}\n    from: in\n")
    assert not codes(HEAD + UNIT + "    allow: [AG405, AG404]\n" + ONE)
    assert not codes(HEAD + "allow: [AG404, AG405]\n" + UNIT + ONE)


def test_what_is_no_warning_cannot_be_allowed() -> None:
    (finding,) = findings(HEAD + "allow: AG301\n" + ONE)
    assert finding.rule.code == "AG107"
    assert finding.help.startswith("there are AG308, ")


@pytest.mark.parametrize(
    ("written", "meant"), [("AG304x", None), ("AG3O8", "AG308"), ("stride-drops-rows", "AG308")]
)
def test_a_slip_in_an_allow_is_told_the_nearest_warning(written: str, meant: str | None) -> None:
    (finding,) = findings(HEAD + f"allow: {written}\n" + ONE)
    assert finding.message == f"`{written}` is no warning that a spec can allow"
    if meant is not None:
        assert finding.help == f"did you mean `{meant}`?"


LIBRARY = """
archgen: 1
blocks:
  unit:
    body:
      - conv: {filters: 4, padding: same, kernel: 1}
"""


@pytest.mark.parametrize(
    ("use", "network", "expected"),
    [
        ("use: {lib: lib.yaml}\n", "network: [{conv: {filters: 4}}]\n", ["AG408"]),
        ("use: {lib: lib.yaml}\n", "network: [lib.unit]\n", []),
        ("use: {lib: lib.yaml, b: ./lib.yaml}\n", "network: [lib.unit]\n", ["AG408"]),
        ("use: {lib: lib.yaml}\nallow: AG408\n", "network: [{conv: {filters: 4}}]\n", []),
        ("use: {lib: lib.yaml}\n", "network: [libb.unit]\n", ["AG103"]),
    ],
)
def test_a_library_that_nothing_is_taken_from_is_told(
    tmp_path: Path, use: str, network: str, expected: list[str]
) -> None:
    (tmp_path / "lib.yaml").write_text(LIBRARY)
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + use + network)
    assert [finding.rule.code for finding in check(read_spec(path)).diagnostics] == expected


def test_a_library_whose_defaults_are_taken_over_is_used(tmp_path: Path) -> None:
    (tmp_path / "lib.yaml").write_text(LIBRARY + "defaults: {conv: {padding: same, kernel: 1}}\n")
    path = tmp_path / "net.yaml"
    own = HEAD.replace("{conv: {padding: same, kernel: 1}}", "lib")
    path.write_text(own + "use: {lib: lib.yaml}\n" + ONE)
    assert not check(read_spec(path)).diagnostics


def test_where_something_cannot_be_read_nothing_is_claimed() -> None:
    assert "AG404" not in codes(HEAD + UNIT + "network:\n  - untt: {width: 4}\n")
    broken = UNIT.replace("filters: width", "filtres: width")
    assert codes(HEAD + broken + "network:\n  - unit: {width: 4}\n") == ["AG105"]


def test_blocks_of_a_library_are_there_for_others() -> None:
    assert (
        codes(
            "archgen: 1\n"
            + UNIT.replace("filters: width", "filters: width + spare, padding: same, kernel: 1")
        )
        == []
    )
