"""A batch norm over one value a channel is refused before the first step, where it is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archgen import load
from archgen.cli.one_value_norms import check_norms
from archgen.pipeline import check
from archgen.spec.files import SpecText
from archgen.train import Recipe, TrainingError
from tests.cli.conftest import Command

NET = """\
archgen: 1
name: net
input: {channels: 3, grid: 16}
params:
  num_classes: {type: int, default: 10}
network:
  - conv: {filters: 8, kernel: 3, padding: same, bias: false, norm: batch, act: relu}
  - global_avg_pool
  - conv: {filters: 8, kernel: 1, padding: valid, bias: false, norm: batch, act: relu}
  - flatten
  - linear: {features: num_classes}
"""
VECTOR = NET.replace("conv: {filters: 8, kernel: 1, padding: valid, bias: false, norm: batch, act: relu}",
                     "flatten").replace("  - flatten\n  - linear", "  - norm: batch\n  - linear")  # fmt: skip
GROUPS = NET.replace("bias: false, norm: batch, act: relu}\n  - flatten",
                     "bias: false, norm: {group: {groups: 8}}}\n  - flatten")  # fmt: skip
GRID = NET.replace("  - global_avg_pool\n", "").replace("  - flatten", "  - global_avg_pool")


def checked(text: str, processes: int = 1, **settings: object) -> None:
    recipe = {"optimizer": {"name": "sgd", "lr": 0.1}, "steps": 1, **settings}
    network = check(SpecText("net.yaml", text)).sound_network()
    check_norms(network, Recipe.model_validate(recipe), processes)


def test_the_step_and_the_batch_it_needs_are_told_and_nothing_is_left(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    order = ("train", str(spec(NET, "net.yaml")), "--data", "synthetic", "--max-steps", "1")
    refused = archgen(*order, "--batch", "1", "--out", "run")
    assert refused.status == 2
    assert "net.yaml:9: the batch norm of `conv_2` would see one value a channel" in refused.err
    assert refused.err.endswith("give --batch 2 or more\n")
    assert not Path("run").exists()
    assert archgen(*order, "--batch", "2", "--out", "run").status == 0


def test_the_case_of_a_recipe_with_one_image_is_refused(archgen: Command) -> None:
    case = Path(__file__).parents[1] / "cases" / "train-one-value-norm"
    order = ("train", str(case / "net.yaml"), "--recipe", str(case / "r.yaml"))
    refused = archgen(*order, "--data", "synthetic", "--out", "run")
    assert refused.status == 2
    assert "net.yaml:9: the batch norm of `conv_2`" in refused.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("text", "processes", "batch", "accumulate", "enough"),
    [
        (NET, 1, 1, 1, 2),
        (NET, 2, 3, 1, 4),
        (NET, 1, 5, 3, 6),
        (NET, 2, 6, 4, 8),
        (VECTOR, 1, 1, 1, 2),
    ],
)
def test_shares_and_pieces_of_one_image_count(
    text: str, processes: int, batch: int, accumulate: int, enough: int
) -> None:
    with pytest.raises(TrainingError, match=f"give --batch {enough} or more"):
        checked(text, processes, batch=batch, accumulate=accumulate)
    checked(text, processes, batch=enough, accumulate=accumulate)


def test_a_group_norm_over_one_value_is_refused_and_one_on_a_grid_is_not() -> None:
    with pytest.raises(TrainingError, match="one value a group"):
        checked(GROUPS, batch=1)
    checked(GRID, batch=1)


def test_an_auxiliary_head_counts() -> None:
    text = Path(__file__).parents[2].joinpath("specs", "inception_v3_torch.yaml")

    network = load(text).sound_network()
    recipe = {"optimizer": {"name": "sgd", "lr": 0.1}, "steps": 1, "batch": 1}
    with pytest.raises(TrainingError, match="batch norm of `"):
        check_norms(network, Recipe.model_validate(recipe), 1)
    check_norms(network, Recipe.model_validate({**recipe, "batch": 2}), 1)
