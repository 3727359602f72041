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
