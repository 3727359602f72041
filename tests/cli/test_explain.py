"""`archgen explain`: pages of rules, with examples that are checked as they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archgen.cli import explain
from archgen.diagnostics import Rule
from archgen.rules import RULES
from tests.cli.conftest import BROKEN, TINY, Command


@pytest.fixture
def page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page for AG301 and none for other codes."""
    page = folder / "explanations" / "AG301"
    page.mkdir(parents=True)
    (page / "why.md").write_text("Grids must agree.\n")
    (page / "fails.yaml").write_text(BROKEN)
    (page / "passes.yaml").write_text(TINY)
    monkeypatch.setattr(explain, "EXPLANATIONS", folder / "explanations")
    return page


@pytest.mark.usefixtures("page")
def test_a_page_shows_the_real_output_of_its_example(archgen: Command) -> None:
    result = archgen("explain", "AG301")
    assert result.status == 0
    assert result.out.startswith("AG301 grids-differ (error): branches of a join end on ")
    assert "\nGrids must agree.\n" in result.out
    assert "    error[AG301]: branches of a concat end on different grids\n" in result.out
    assert "      --> fails.yaml:15:11\n" in result.out
    assert result.out.index("kernel: 3, stride: 2") < result.out.index("This does not:")


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("word", ["ag301", "grids-differ", "Grids-Differ"])
def test_a_code_is_found_in_any_case_and_by_its_name(archgen: Command, word: str) -> None:
    assert archgen("explain", word).out == archgen("explain", "AG301").out


@pytest.mark.usefixtures("page")
def test_json_holds_the_parts_of_a_page(archgen: Command) -> None:
    document = json.loads(archgen("explain", "AG301", "--format", "json").out)
    assert document["schema"] == 1
    assert document["code"] == "AG301"
    assert document["why"] == "Grids must agree."
    assert "error[AG301]" in document["output"]
    assert (document["fails"], document["passes"]) == (BROKEN.strip("\n"), TINY.strip("\n"))


@pytest.mark.usefixtures("page")
def test_a_rule_without_a_page_shows_its_summary(archgen: Command) -> None:
    result = archgen("explain", "AG302")
    assert result.out == "AG302 channels-differ (error): an addition of different channel counts\n"


def test_an_example_that_is_no_text_shows_its_output_alone(archgen: Command, page: Path) -> None:
    (page / "fails.yaml").write_bytes(b"\xff\xfe")
    result = archgen("explain", "AG301")
    assert result.status == 0
    assert "This fails:" not in result.out
    assert "the file is not UTF-8 text" in result.out


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_code_can_be_explained(archgen: Command, rule: Rule) -> None:
    result = archgen("explain", rule.code)
    assert result.status == 0
    assert result.out.startswith(f"{rule.code} {rule.name} ")


def test_without_a_code_all_are_listed(archgen: Command) -> None:
    lines = archgen("explain").out.splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in RULES]
    document = json.loads(archgen("explain", "--format", "json").out)
    assert [rule["code"] for rule in document["rules"]] == [rule.code for rule in RULES]


@pytest.mark.parametrize(
    ("word", "nearest"), [("AG3O1", "AG301"), ("grid-differ", "grids-differ"), ("what", None)]
)
def test_an_unknown_code_is_told_the_nearest(
    archgen: Command, word: str, nearest: str | None
) -> None:
    result = archgen("explain", word)
    assert result.status == 2
    expected = f"did you mean `{nearest}`?" if nearest else "`archgen explain` lists all codes"
    assert expected in result.err
