"""How images are prepared, as far as a checkpoint lets one be certain of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open
from torch import nn

from archgen.cli import main
from archgen.train import save_weights
from archgen.train.preparation import PREPARATIONS, Preparation
from archgen.weights.known import known_preparation

Run = pytest.CaptureFixture[str]
CLASSES = ["a", "b", "c", "d", "e"]


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


def test_files_that_torchvision_publishes_are_known_by_their_hash() -> None:
    views = {}
    for digits in ("0676ba61", "11ad3fa6", "7f5810bc"):
        found = known_preparation(digits + "0" * 56, "torchvision resnet50")
        assert found is not None
        assert found[0].mean == (0.485, 0.456, 0.406)
        views[digits] = (found[0].view.model_dump()["shorter_side"], found[0].interpolation)
    assert views == {
        "0676ba61": (256, "bilinear"),
        "11ad3fa6": (232, "bilinear"),
        "7f5810bc": (256, "bicubic"),
    }


def test_slims_inception_networks_are_known_by_their_code() -> None:
    found = known_preparation("0" * 64, "tf_slim InceptionV4")
    assert found is not None
    assert found[0] == PREPARATIONS["inception_tf"]
    assert known_preparation("0" * 64, "torchvision resnet50") is None
    assert known_preparation("0" * 64, "") is None


def test_what_a_file_of_ours_says_goes_along(
    spec: str, tmp_path: Path, ours: nn.Module, capsys: Run
) -> None:
    source, made = tmp_path / "w.safetensors", tmp_path / "made.safetensors"
    prepared = PREPARATIONS["torchvision"].fitted(3, 16, 16)
    said = {"preparation": prepared.model_dump_json(), "classes": json.dumps(CLASSES)}
    save_weights(source, ours, said)
    command = ["weights", "import", spec, str(source), "-o", str(made)]
    assert main(command) == 0
    assert "recorded how images are prepared, as the file says: torchvision" in (
        capsys.readouterr().err
    )
    kept = metadata(made)
    assert Preparation.model_validate_json(kept["preparation"]) == prepared
    assert json.loads(kept["classes"]) == CLASSES
    assert main([*command, "--preparation", "plain"]) == 2
    assert "prepared otherwise" in capsys.readouterr().err


def test_what_nobody_says_is_not_recorded(
    spec: str, tmp_path: Path, ours: nn.Module, capsys: Run
) -> None:
    source, made = tmp_path / "w.safetensors", tmp_path / "made.safetensors"
    save_weights(source, ours, {})
    command = ["weights", "import", spec, str(source), "-o", str(made)]
    assert main(command) == 0
    assert "is not known, and not recorded" in capsys.readouterr().err
    assert "preparation" not in metadata(made)
    assert main([*command, "--preparation", "inception_tf"]) == 0
    recorded = Preparation.model_validate_json(metadata(made)["preparation"])
    assert recorded == PREPARATIONS["inception_tf"].fitted(3, 16, 16)
