"""What a run may change when it is resumed, what is recorded of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from tests.cli.conftest import Command

CONSTANT = """\
archgen: 1
recipe:
  optimizer: {name: sgd, lr: 0.05}
  batch: 8
  steps: 4
"""
COSINE = CONSTANT + "  schedule: {name: cosine}\n"


@pytest.fixture
def order(spec: Callable[..., Path]) -> tuple[str, ...]:
    """What begins a run of four steps whose rate is constant."""
    recipe = spec(CONSTANT, "recipe.yaml")
    return ("train", str(spec()), "--recipe", str(recipe), "--data", "synthetic")


def changes() -> list[dict[str, object]]:
    recorded = json.loads(Path("run/run.json").read_text())["changes"]
    assert isinstance(recorded, list)
    return recorded


@pytest.mark.parametrize("how", ["resumed", "the first command"])
def test_a_finished_run_is_extended_and_ends_as_one_that_was_as_long_from_the_start(
    archgen: Command, order: tuple[str, ...], how: str
) -> None:
    assert archgen(*order, "--out", "run").status == 0
    again = ("train", "--resume", "run") if how == "resumed" else (*order, "--out", "run")
    extended = archgen(*again, "--max-steps", "7")
    assert extended.status == 0
    told = "length was 4 steps and is 7 steps now: no rate so far depends on it"
    assert told in extended.err.splitlines()
    assert archgen(*order, "--max-steps", "7", "--out", "whole").status == 0
    ends = [load_file(f"{name}/model.safetensors") for name in ("run", "whole")]
    assert all(ends[0][name].equal(ends[1][name]) for name in ends[1])
    change = {"step": 4, "setting": "length", "before": "4 steps", "after": "7 steps"}
    assert [{name: each[name] for name in change} for each in changes()] == [change]
    assert archgen("train", "--resume", "run").out.startswith("the run in run is finished")
    assert "steps: 7" in Path("run/recipe.yaml").read_text()


def test_the_recipe_and_what_it_does_to_images_are_told_at_the_start(
    archgen: Command, order: tuple[str, ...]
) -> None:
    told = archgen(*order, "--out", "run").err.splitlines()
    assert told[1] == "recipe: recipe.yaml: sgd, lr 0.05, constant, batch 8, 4 steps"
    assert told[2].startswith(
        "training images are prepared like the test images, and not augmented"
    )
    default = archgen(
        "train", order[1], "--data", "synthetic", "--max-steps", "1", "--out", "other"
    )
    assert (
        "recipe: recipes/quick, the default: adamw, lr 0.005, cosine, batch 64, 1 step"
        in default.err
    )


def test_a_cosine_schedule_cannot_be_extended_and_says_why(
    archgen: Command, order: tuple[str, ...], spec: Callable[..., Path]
) -> None:
    spec(COSINE, "recipe.yaml")
    assert archgen(*order, "--out", "run").status == 0
    refused = archgen("train", "--resume", "run", "--max-steps", "7")
    assert refused.status == 2
    assert "`length` is 4 steps there and 7 steps here" in refused.err
    assert "by a cosine schedule the rate of every step depends on the length" in refused.err
    assert "steps: 4" in Path("run/recipe.yaml").read_text()


def test_a_run_cannot_be_made_shorter_than_it_is(archgen: Command, order: tuple[str, ...]) -> None:
    assert archgen(*order, "--out", "run").status == 0
    refused = archgen("train", "--resume", "run", "--max-steps", "3")
    assert refused.status == 2
    assert "has taken 4 steps, and 3 steps would have ended it after 3" in refused.err
    assert "steps: 4" in Path("run/recipe.yaml").read_text()
    assert archgen("eval", "run").status == 0


def test_a_finished_run_without_checkpoints_is_not_begun_again(
    archgen: Command, order: tuple[str, ...]
) -> None:
    assert archgen(*order, "--out", "run").status == 0
    for file in Path("run/checkpoints").iterdir():
        file.unlink()
    before = Path("run/metrics.jsonl").read_bytes()
    refused = archgen("train", "--resume", "run", "--max-steps", "9")
    assert (refused.status, "has no checkpoint" in refused.err) == (2, True)
    assert Path("run/metrics.jsonl").read_bytes() == before


def test_an_extended_run_says_in_a_report_what_it_changed(
    archgen: Command, order: tuple[str, ...]
) -> None:
    assert archgen(*order, "--out", "run").status == 0
    assert archgen("train", "--resume", "run", "--max-steps", "5").status == 0
    assert archgen("report", "run", "-o", "page.html").status == 0
    page = Path("page.html").read_text()
    assert "from step 4 on: length 4 steps -&gt; 5 steps" in page
    assert "<th scope=row>processes" in page.replace('"', "")


@pytest.mark.parametrize("option", [("--batch", "4"), ("--seed", "1"), ("--deterministic",)])
def test_what_decides_numbers_is_refused_with_what_may_change(
    archgen: Command, option: tuple[str, ...]
) -> None:
    refused = archgen("train", "--resume", "run", *option)
    assert refused.status == 2
    assert f"leave out {option[0]} with --resume; what may change is --epochs," in refused.err


def pictures(root: Path, split: str, count: int) -> None:
    for number in range(count):
        path = root / split / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 9, 0, 0)).save(path)


@pytest.mark.parametrize("split", ["train", "val"])
def test_images_that_were_changed_are_told_by_class_with_what_can_be_done(
    archgen: Command, spec: Callable[..., Path], folder: Path, split: str
) -> None:
    pictures(folder / "pets", "train", 8)
    pictures(folder / "pets", "val", 8)
    order = ("train", str(spec()), "--recipe", str(spec(CONSTANT, "recipe.yaml")))
    assert archgen(*order, "--data", "pets", "--out", "run").status == 0
    Image.new("RGB", (8, 8)).save(folder / "pets" / split / "a" / "new.png")
    refused = archgen("train", "--resume", "run", "--max-steps", "9")
    assert refused.status == 2
    kind = "training" if split == "train" else "test"
    assert f"`{kind} images` are 8 images there and 9 images here" in refused.err
    assert "class `a` had 4 images and has 5" in refused.err
    assert "back as they were" in refused.err
    assert "--out OTHER" in refused.err
    assert "alone goes on" not in refused.err
