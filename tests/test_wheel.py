"""The wheel: built, installed in a fresh environment, and used outside the clone."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.compiling import ROOT


class Environment:
    """A fresh virtual environment, and the folder in which its commands run."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "env", with_pip=True)
        self._bin = folder / "env" / "bin"
        self.work = folder / "work"
        self.work.mkdir()

    def pip_install(self, *what: str) -> None:
        """Installs with the versions this project is tested with."""
        constraints = str(ROOT / "tools" / "constraints.txt")
        done = self.run("pip", "install", "--quiet", "--constraint", constraints, *what)
        assert done.returncode == 0, done.stderr

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the environment."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            [self._bin / program, *arguments],
            cwd=self.work,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("archgen-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A fresh environment with the wheel and what it cannot do without."""
    made = Environment(tmp_path_factory.mktemp("fresh"))
    made.pip_install(str(wheel))
    return made


def test_check_and_build_need_no_torch(environment: Environment) -> None:
    checked = environment.run("archgen", "check", "inception_v4", "inception_resnet_v2")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    built = environment.run("archgen", "build", "inception_v4", "-o", "inception_v4.py")
    assert built.returncode == 0, built.stderr
    golden = (ROOT / "tests" / "golden" / "inception_v4.py").read_text()
    assert (environment.work / "inception_v4.py").read_text() == golden


def test_the_manual_page_comes_with_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("share/man/man1/archgen.1")]
        assert archive.read(name) == (ROOT / "docs" / "archgen.1").read_bytes()


def test_what_pages_are_made_of_is_in_the_wheel(wheel: Path) -> None:
    names = {path.name for path in (ROOT / "archgen" / "render").iterdir()}
    assert {"explorer.css", "explorer.js", "reload.js"} <= names
    with zipfile.ZipFile(wheel) as held:
        inside = set(held.namelist())
    assert {f"archgen/render/{name}" for name in names if name != "__pycache__"} <= inside


def test_training_without_torch_says_what_to_install(environment: Environment) -> None:
    refused = environment.run("archgen", "train", "inception_resnet_mini")
    assert refused.returncode == 2
    assert "pip install 'archgen[train]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_training_and_evaluation_outside_the_clone(environment: Environment, wheel: Path) -> None:
    environment.pip_install(f"archgen[train] @ {wheel.as_uri()}")
    arguments = ("inception_resnet_mini", "--max-steps", "3", "--out", "run")
    trained = environment.run("archgen", "train", *arguments)
    assert trained.returncode == 0, trained.stderr
    assert "top-1" in trained.stdout
    names = {path.name for path in (environment.work / "run").iterdir()}
    assert {"spec.yaml", "recipe.yaml", "metrics.jsonl", "model.safetensors"} <= names
    measured = environment.run("archgen", "eval", "run", "--format", "json")
    assert measured.returncode == 0, measured.stderr
    assert '"count": 2000' in measured.stdout
