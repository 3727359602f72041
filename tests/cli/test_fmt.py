"""`archgen fmt`: which files it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Command

Writer = Callable[..., Path]

UGLY = TINY.replace("{filters: 8, kernel: 1}", "{filters: 8,   kernel: 1}  # the stem")


def test_a_file_is_written_in_its_normal_form(archgen: Command, spec: Writer) -> None:
    path = spec(UGLY)
    assert archgen("fmt", str(path)) == (0, "formatted tiny.yaml\n", "1 file formatted\n")
    assert "  - conv: {filters: 8, kernel: 1}  # the stem\n" in path.read_text()
    assert archgen("fmt", str(path)) == (0, "", "1 file as it should be\n")


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_nothing_is_written_where_one_only_asks(
    archgen: Command, spec: Writer, option: str
) -> None:
    path = spec(UGLY)
    result = archgen("fmt", option, str(path))
    assert result.status == 1
    shown = (
        "would format tiny.yaml" if option == "--check" else "+  - conv: {filters: 8, kernel: 1}"
    )
    assert shown in result.out
    assert result.err == "1 file would be formatted\n"
    assert path.read_text() == UGLY


def test_standard_input_goes_to_standard_output(
    archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
    result = archgen("fmt", "-")
    assert result.status == 0
    assert "  - conv: {filters: 8, kernel: 1}  # the stem\n" in result.out
    assert result.err == ""


def test_a_broken_file_is_told_and_left_alone_and_the_others_are_written(
    archgen: Command, spec: Writer
) -> None:
    spec(UGLY, "a.yaml")
    broken = spec("archgen: 1\nnetwork: [\n", "b.yaml")
    result = archgen("fmt", ".")
    assert result.status == 1
    assert result.out == "formatted a.yaml\n"
    assert "error[AG002]" in result.err
    assert "1 file formatted, 1 file left alone" in result.err
    assert broken.read_text() == "archgen: 1\nnetwork: [\n"


def test_a_spec_that_is_wrong_is_formatted_all_the_same(archgen: Command, spec: Writer) -> None:
    path = spec(UGLY.replace("filters: 8", "filtres: 8"))
    assert archgen("fmt", str(path)).status == 0
    assert "{filtres: 8, kernel: 1}" in path.read_text()


def test_a_file_of_somebody_else_is_left_alone(archgen: Command, folder: Path) -> None:
    path = folder / "compose.yaml"
    path.write_text("services:   {web: {}}\n")
    result = archgen("fmt", "compose.yaml")
    assert result.status == 1
    assert "this is neither a spec nor a recipe" in result.err
    assert path.read_text() == "services:   {web: {}}\n"


def test_a_file_that_cannot_be_written_stays(archgen: Command, spec: Writer) -> None:
    path = spec(UGLY)
    path.chmod(0o444)
    result = archgen("fmt", str(path))
    assert result.status == 2
    assert "is read-only" in result.err
    assert path.read_text() == UGLY


def test_a_recipe_is_formatted(archgen: Command, spec: Writer) -> None:
    path = spec("recipe:\n    batch:   8\nname: r\narchgen: 1\n", "r.yaml")
    assert archgen("fmt", str(path)).status == 0
    assert path.read_text() == "archgen: 1\nname: r\nrecipe:\n  batch: 8\n"


def test_a_file_that_is_not_there_is_told(archgen: Command) -> None:
    result = archgen("fmt", "nowhere.yaml")
    assert result.status == 2
    assert "there is no such file" in result.err
