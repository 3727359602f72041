"""Numbers at and beyond the ends of what options and recipes take: refused at the start, or they work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from archgen.train import Recipe
from tests.cli.conftest import Command

RECIPE = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, lr: 0.1}\n  batch: 8\n  steps: 1\n"
HUGE = str(10**40)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, str(2**63)) for option in ("--seed", "--epochs", "--max-steps", "--batch")),
        *((option, HUGE) for option in ("--seed", "--batch", "--workers", "--checkpoint-every")),
        *((option, "-1") for option in ("--seed", "--batch", "--epochs", "--workers")),
        *((option, "0") for option in ("--batch", "--epochs", "--max-steps")),
        ("--max-bad", "nan"),
        ("--max-bad", "inf"),
        ("--max-bad", "-1"),
        ("--batch", "1e3"),
        ("--epochs", "nan"),
    ],
)
def test_what_no_run_can_have_is_refused_before_anything_is_made(
    archgen: Command, spec: Callable[..., Path], option: str, value: str
) -> None:
    recipe = str(spec(RECIPE, "recipe.yaml"))
    order = ("train", str(spec()), "--recipe", recipe, "--data", "synthetic", "--out", "run")
    refused = archgen(*order, option, value)
    assert refused.status == 2, refused.err
    assert option in refused.err
    assert not Path("run").exists()


def test_a_run_with_the_largest_seed_and_the_least_share_goes_on(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    recipe = str(spec(RECIPE, "recipe.yaml"))
    order = ("train", str(spec()), "--recipe", recipe, "--data", "synthetic", "--out", "run")
    least = ("--on-bad", "skip", "--max-bad", "0.000001")
    assert archgen(*order, "--seed", str(10**18 - 1), *least).status == 0
    assert archgen("train", "--resume", "run", "--max-steps", "2").status == 0


@pytest.mark.parametrize(
    ("where", "value"),
    [
        *(((key,), 2**63) for key in ("steps", "batch", "seed", "accumulate", "lr_for_batch")),
        *(((key,), 0) for key in ("steps", "batch", "accumulate", "eval_every")),
        (("optimizer", "lr"), float("inf")),
        (("optimizer", "lr"), float("nan")),
        (("optimizer", "lr"), 0.0),
        (("optimizer", "lr"), -1.0),
        (("schedule",), {"name": "constant", "warmup_steps": 10**400}),
        (("schedule",), {"name": "staircase", "epochs": 1e308}),
        (("max_bad",), 1.0),
        (("clip_norm",), 0.0),
    ],
)
def test_a_recipe_refuses_what_no_run_can_have(where: tuple[str, ...], value: object) -> None:
    content: dict[str, object] = {
        "optimizer": {"name": "sgd", "lr": 0.1}, "batch": 8, "steps": 1
    }  # fmt: skip
    inner = content
    for key in where[:-1]:
        inner = inner[key]  # type: ignore[assignment]
    inner[where[-1]] = value
    with pytest.raises(ValidationError):
        Recipe.model_validate(content)


@pytest.mark.parametrize("lr", ["1.0e-320", "1.0e+38", "1.0e+300"])
def test_an_extreme_rate_trains_or_is_told_to_diverge(
    archgen: Command, spec: Callable[..., Path], lr: str
) -> None:
    recipe = spec(RECIPE.replace("lr: 0.1", f"lr: {lr}").replace("steps: 1", "steps: 3"), "r.yaml")
    order = ("train", str(spec()), "--recipe", str(recipe), "--data", "synthetic", "--out", "run")
    done = archgen(*order)
    diverged = done.status == 2 and ("the loss became" in done.err or "not finite" in done.err)
    assert done.status == 0 or diverged, done.err


def test_too_little_memory_is_told_in_one_line(
    archgen: Command, spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("archgen.train.profiling.profile_step", full)
    refused = archgen("profile", str(spec()), "--batch", "1000000")
    assert refused.status == 2
    assert "Error: the memory does not suffice; take a smaller batch" in refused.err
