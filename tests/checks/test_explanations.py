"""The examples of `archgen explain` are specs, so they are checked as such.

`tools/update_goldens.py` writes what they should say.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archgen.cli.checking import example_report
from archgen.cli.explain import EXPLANATIONS
from archgen.rules import RULES

GOLDENS = Path(__file__).parent / "goldens"
WITHOUT_EXAMPLE = (
    *(rule.code for rule in RULES if "AG710" <= rule.code < "AG730"),  # of checkpoints, no texts
    "AG901",  # found in recipes, and the examples are networks
)
CODES = sorted(rule.code for rule in RULES)
SHOWN = [code for code in CODES if code not in WITHOUT_EXAMPLE]


def _report(code: str, example: str) -> str:
    return "\n".join(example_report(EXPLANATIONS / code / example)) + "\n"


def _codes(report: str) -> list[str]:
    return re.findall(r"^(?:error|warning)\[(AG\d{3})\]: ", report, re.MULTILINE)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_rule_has_its_folder_and_every_folder_its_rule() -> None:
    assert sorted(_names(EXPLANATIONS)) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_the_rule_means_and_what_to_do(code: str) -> None:
    text = (EXPLANATIONS / code / "why.md").read_text(encoding="utf-8")
    assert len(text.strip().split("\n\n")) == 2
    assert not re.search("^#", text, re.MULTILINE)


@pytest.mark.parametrize("code", WITHOUT_EXAMPLE)
def test_only_what_a_network_cannot_show_goes_without_an_example(code: str) -> None:
    assert _names(EXPLANATIONS / code) == {"why.md"}


@pytest.mark.parametrize("code", SHOWN)
def test_the_failing_example_yields_its_code_and_no_other(code: str) -> None:
    assert _codes(_report(code, "fails.yaml")) == [code]


@pytest.mark.parametrize("code", SHOWN)
def test_the_failing_example_reads_as_recorded(code: str) -> None:
    expected = (GOLDENS / f"{code}.txt").read_text(encoding="utf-8")
    assert _report(code, "fails.yaml") == expected


@pytest.mark.parametrize("code", SHOWN)
def test_the_mended_example_yields_nothing(code: str) -> None:
    report = _report(code, "passes.yaml")
    assert not _codes(report), report


def test_there_is_no_record_without_an_example() -> None:
    assert sorted(_names(GOLDENS)) == [f"{code}.txt" for code in SHOWN]
