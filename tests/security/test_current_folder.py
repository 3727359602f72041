"""Nothing is imported from the current folder, by no command and by no process that one starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import TINY

ARCHGEN = Path(sys.executable).with_name("archgen")
# what Python, archgen and its libraries import: any of these may lie in somebody else's project
NAMES = sorted(
    {
        *(name for name in sys.stdlib_module_names if not name.startswith("_")),
        *("archgen", "click", "graphviz", "networkx", "numpy", "onnx", "PIL", "pydantic"),
        *(
            "pydantic_core",
            "pygls",
            "pygraphviz",
            "rich",
            "safetensors",
            "simplejpeg",
            "sitecustomize",
        ),
        *("sympy", "tensorboard", "torch", "usercustomize", "yaml"),
    }
)
RECIPE = "--recipe recipes/inception_rmsprop --max-steps 1 --batch 4 --device cpu"


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every module that might be imported lies as a file that leaves a mark."""
    folder = tmp_path_factory.mktemp("strange")
    (folder / "net.yaml").write_text(TINY)
    for name in NAMES:
        (folder / f"{name}.py").write_text(
            f"open({str(folder / 'IMPORTED')!r}, 'a').write('{name} ')\n"
        )
    for split, count in (("train", 8), ("test", 4)):
        for index in range(count):
            path = folder / "photos" / split / "ab"[index % 2] / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (index * 9, 90, 20)).save(path)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "doctor",
        "check net.yaml",
        "fmt --diff net.yaml",
        "summary net.yaml",
        "show --resolved net.yaml",
        "build net.yaml",
        "schema",
        "lsp",
        "git-setup --print",
        "diff net.yaml net.yaml --format svg",
        "diff net.yaml net.yaml --format html",
        *(
            f"render net.yaml -o x.{ending}"
            for ending in ("svg", "html", "png", "pdf", "tex", "dot")
        ),
        "profile net.yaml --batch 2",
        f"train net.yaml --data photos --workers 2 --out streamed {RECIPE}",
    ],
)
def test_a_command_imports_nothing_from_the_folder_it_runs_in(command: str, strange: Path) -> None:
    _run(strange, command)


def test_processes_that_share_the_work_import_nothing_from_the_folder(strange: Path) -> None:
    _run(strange, f"train net.yaml --data photos --processes 2 --out together {RECIPE}")
    _run(strange, "eval together --data photos --processes 2")


def _run(folder: Path, command: str) -> None:
    """Runs a command as a person does, and sees that it went well and imported nothing from there."""
    done = subprocess.run(
        [str(ARCHGEN), *command.split()],
        cwd=folder,
        env=_without_dot(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    mark = folder / "IMPORTED"
    assert not mark.exists(), f"imported: {mark.read_text()}"
    assert done.returncode in (0, 1), done.stderr


def _without_dot() -> dict[str, str]:
    """The environment without Graphviz, so that pygraphviz lays out in a process of its own."""
    dot = shutil.which("dot")
    folders = os.environ["PATH"].split(os.pathsep)
    assert dot is None or shutil.which("git") is not None
    kept = [folder for folder in folders if dot is None or not (Path(folder) / "dot").exists()]
    return {**os.environ, "PATH": os.pathsep.join(kept)}
