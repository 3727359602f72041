from __future__ import annotations

import subprocess
import sys

import pytest

import archgen.train

HEAVY = {"torch", "numpy", "PIL", "rich", "safetensors"}


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    made = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(made.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "from archgen.train import Recipe, RunFolder, DataError, TrainingError",
        "from archgen.train.recipe import Recipe",
    ],
)
def test_a_recipe_is_read_without_torch(statement: str) -> None:
    loaded = loaded_by(statement)
    assert "pydantic" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("name", archgen.train.__all__)
def test_every_public_name_is_there_and_no_module(name: str) -> None:
    assert callable(getattr(archgen.train, name))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="fitt"):
        archgen.train.fitt  # noqa: B018


BLOCKED = """\
import importlib, pkgutil, sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {extras!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Nowhere())
import archgen.train
for module in pkgutil.walk_packages(archgen.train.__path__, 'archgen.train.'):
    importlib.import_module(module.name)
print('all')
"""
NEVER_NEEDED = {
    *("simplejpeg", "tensorboard", "graphviz", "networkx", "pygraphviz"),  # extras
    *("torchvision", "timm", "lightning", "torchmetrics"),
}


def test_every_module_is_imported_without_extras_and_others_trainers() -> None:
    program = BLOCKED.format(extras=sorted(NEVER_NEEDED))
    made = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (made.stdout, made.stderr) == ("all\n", "")
