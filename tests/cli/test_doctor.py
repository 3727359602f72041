"""`archgen doctor`: what it finds, what it says is missing, and its status."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch
import yaml

from archgen.cli import installed
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


def _without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    def lacking(name: str) -> str:
        if name in names:
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(installed, "version", lacking)


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is loaded in one test only."""
    if "torch" not in request.node.name:
        monkeypatch.setattr(
            installed, "_device", lambda: installed.Part("train", "device", True, "cpu only")
        )


def test_all_that_is_here_is_found(archgen: Command) -> None:
    result = archgen("doctor", "core", "render", "train")
    assert result.status == 0
    lines = {re.split(" {2,}", line)[2]: line for line in result.out.splitlines()}
    assert lines["python"].startswith("ok  core")
    assert yaml.__version__ in lines["pyyaml"]
    assert "used by PyYAML" in lines["libyaml"]
    assert lines["layout engine"].startswith("ok")


def test_torch_is_asked_for_its_device_in_a_process_of_its_own(archgen: Command) -> None:
    document = json.loads(archgen("doctor", "--format", "json").out)
    found = {part["name"]: part for part in document["parts"]}
    assert found["torch"]["found"] == torch.__version__
    expected = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ("cpu", "mps")
    assert found["device"]["found"].startswith(expected)


def test_what_is_missing_is_named_with_its_extra_and_fails_only_where_it_is_asked_for(
    archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, "networkx", "pygraphviz")
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = archgen("doctor")
    assert result.status == 0
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert "-- render networkx not installed: pip install 'archgen[render]'" in lines
    assert any(line.startswith("-- render layout engine neither `dot` nor") for line in lines)
    assert any(line.startswith("-- git git not installed") for line in lines)
    assert [archgen("doctor", name).status for name in ("core", "render", "git")] == [0, 1, 1]


def test_every_package_of_every_extra_is_listed_with_what_to_install(
    archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {
        name: needs for name, needs in project["optional-dependencies"].items() if name != "dev"
    }
    packages = {re.split("[^a-z0-9]", need)[0] for needs in extras.values() for need in needs}
    packages -= {"archgen"}
    _without(monkeypatch, *packages)
    monkeypatch.setattr("shutil.which", lambda _: None)
    lines = {re.split(" {2,}", line)[2]: line for line in archgen("doctor").out.splitlines()}
    for name in packages - {"pygraphviz"}:  # the layout engine
        assert lines[name].startswith("--")
        assert re.search(rf"pip install 'archgen\[({'|'.join(extras)})\]'", lines[name])


@pytest.mark.parametrize(
    ("feature", "package"),
    [("editor", "pygls"), ("tensorboard", "tensorboard"), ("export", "onnx"), ("keras", "h5py")],
)
def test_an_extra_that_is_asked_for_and_missing_fails(
    feature: str, package: str, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, package)
    assert [archgen("doctor", *names).status for names in ((), (feature,))] == [0, 1]


def test_a_broken_core_fails(archgen: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "pydantic")
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    result = archgen("doctor")
    assert result.status == 1
    assert re.search("^--  core +pydantic", result.out, re.MULTILINE)
    assert "slower" in result.out


def test_a_program_that_hangs_or_fails_is_a_line(
    tmp_path: Path, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in (("git", "sleep 60"), ("dot", "exit 1"), ("fc-match", "printf '\\033[2J'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(installed, "PATIENCE", 0.2)
    result = archgen("doctor", "git")
    assert result.status == 1
    assert "no version" in result.out
    assert "\x1b" not in result.out
