"""How paths and names lead to specs, and what a spec is called wherever it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen import catalog
from archgen.catalog import find, project_name, shipped_specs
from archgen.diagnostics import SpecError
from tests.compiling import NETWORKS, SPECS


def test_every_spec_of_the_project_has_a_name() -> None:
    names = shipped_specs()
    assert set(NETWORKS) <= set(names)
    assert {"blocks/reduction_a", "recipes/quick"} <= set(names)


def test_a_name_is_shown_as_a_path_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SPECS.parent)
    assert find("inception_v4") == Path("specs/inception_v4.yaml")
    monkeypatch.chdir(SPECS / "blocks")
    assert find("inception_v4") == SPECS / "inception_v4.yaml"


def test_what_exists_here_comes_before_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inception_v4").touch()
    assert find("inception_v4") == Path("inception_v4")


def test_a_path_that_is_not_there_is_left_to_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("nets/mine.yaml") == Path("nets/mine.yaml")


@pytest.mark.parametrize(
    ("target", "help"),
    [
        ("inception_v5", "did you mean `inception_v"),
        ("inception_v4.yaml", "did you mean `inception_v4`, which comes with archgen?"),
        ("specs/inception_v4.yaml", "did you mean `inception_v4`, which comes with archgen?"),
        ("blocks/reduction_b", "did you mean `blocks/reduction_a`"),
        ("something else", "write a path, or one of alexnet, "),
        ("", "write a path, or one of"),
        ("a\0b", "write a path, or one of"),
        ("x" * 5000, "write a path, or one of"),
    ],
)
def test_a_name_that_nothing_has_is_told_the_nearest(
    target: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as raised:
        find(target)
    (finding,) = raised.value.diagnostics
    assert finding.rule.code == "AG001"
    assert finding.help.startswith(help)


def test_a_spec_is_called_by_its_place_in_its_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "nets" / "mine.yaml"
    path.parent.mkdir()
    path.touch()
    assert project_name(path) == "nets/mine.yaml"
    assert project_name(SPECS / "inception_v4.yaml") == "specs/inception_v4.yaml"


def test_a_spec_in_an_installed_package_is_called_as_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "archgen"
    (package / "specs").mkdir(parents=True)
    (package / "specs" / "mine.yaml").touch()
    monkeypatch.setattr(catalog, "__file__", str(package / "catalog.py"))
    shipped_specs.cache_clear()
    try:
        assert shipped_specs() == {"mine": package / "specs" / "mine.yaml"}
        assert project_name(package / "specs" / "mine.yaml") == "specs/mine.yaml"
    finally:
        shipped_specs.cache_clear()
