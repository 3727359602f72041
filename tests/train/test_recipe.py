from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from archgen.train import recipe as recipe_module
from archgen.train.recipe import SGD, AdamW, Constant, Recipe

SPECS = Path(__file__).parents[2] / "specs"
MINIMAL: dict[str, Any] = {"optimizer": {"name": "sgd", "lr": 0.1}, "batch": 8, "steps": 5}


def test_a_minimal_recipe_fills_in_the_rest() -> None:
    recipe = Recipe.model_validate(MINIMAL)
    assert recipe.optimizer == SGD(name="sgd", lr=0.1, momentum=0.9)
    assert recipe.schedule == Constant(name="constant")
    assert not recipe.augment.flip
    assert recipe.eval_every is None


def test_the_name_of_an_optimizer_decides_its_fields() -> None:
    adamw = {"name": "adamw", "lr": 1, "beta2": 0.99}
    assert Recipe.model_validate({**MINIMAL, "optimizer": adamw}).optimizer == AdamW(
        name="adamw", lr=1.0, beta2=0.99
    )
    with pytest.raises(ValidationError, match="beta2"):
        Recipe.model_validate({**MINIMAL, "optimizer": {**adamw, "name": "sgd"}})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"leraning_rate": 0.1}, "leraning_rate"),
        ({"batch": 0}, "batch"),
        ({"batch": "64"}, "batch"),
        ({"batch": True}, "batch"),
        ({"steps": 2.5}, "steps"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"optimizer": {"name": "lion", "lr": 0.1}}, "lion"),
        ({"optimizer": {"name": "sgd", "lr": -0.1}}, "lr"),
        ({"optimizer": {"name": "sgd", "lr": float("inf")}}, "lr"),
        ({"optimizer": {"name": "sgd", "lr": float("nan")}}, "lr"),
        ({"schedule": {"name": "cosine", "factor": 0.5}}, "factor"),
        ({"augment": {"crop_padding": -1}}, "crop_padding"),
        ({"augment": {"flip": 1}}, "flip"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"accumulate": 0}, "accumulate"),
        ({"lr_for_batch": 0}, "lr_for_batch"),
        ({"precision": "bf61"}, "precision"),
        ({"compile": "yes"}, "compile"),
        ({"ema": {"decay": 1.0}}, "decay"),
        ({"compile": True, "activation_checkpointing": True}, "do not go together"),
        ({"ema": {"deccay": 0.9}}, "deccay"),
        ({"schedule": {"name": "two_phase", "low_lr": 0.1, "low_steps": 5}}, "then"),
        ({"steps": None}, "either `steps` or `epochs`"),
        ({"epochs": 3}, "not both"),
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Recipe.model_validate({**MINIMAL, **change})


def test_a_recipe_cannot_be_changed_afterwards() -> None:
    recipe = Recipe.model_validate(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        recipe.batch = 9  # type: ignore[misc]  # which mypy knows


def test_every_field_of_every_part_says_what_it_means() -> None:
    parts = [
        part
        for part in vars(recipe_module).values()
        if isinstance(part, type) and issubclass(part, BaseModel) and part is not BaseModel
    ]
    silent = [
        f"{part.__name__}.{name}"
        for part in parts
        for name, field in part.model_fields.items()
        if name != "name" and not field.description
    ]
    assert len(parts) >= 8
    assert not silent


def test_the_quick_recipe_is_a_recipe_of_fixed_length() -> None:
    document = yaml.safe_load((SPECS / "recipes" / "quick.yaml").read_text())
    assert next(iter(document)) == "archgen"
    assert Recipe.model_validate(document["recipe"]).steps
