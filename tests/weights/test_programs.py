"""Networks as files that other programs run; tests/oracles has ONNX."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from archgen.cli import export, main
from archgen.train import save_weights
from archgen.train.preparation import Preparation, ResizeAndCrop

Run = pytest.CaptureFixture[str]


@pytest.fixture
def weights(tmp_path: Path, ours: nn.Module) -> Path:
    path = tmp_path / "model.safetensors"
    save_weights(path, ours, {})
    return path


@pytest.mark.slow
def test_a_program_of_torch_gives_the_same_logits_for_any_batch(
    spec: str, weights: Path, tmp_path: Path, ours: nn.Module
) -> None:
    path = tmp_path / "net.pt2"
    assert main(["export", spec, "--weights", str(weights), "-o", str(path)]) == 0
    facts = {"archgen.json": ""}
    program = torch.export.load(io.BytesIO(path.read_bytes()), extra_files=facts).module()
    for batch in (1, 3, 5):
        images = torch.rand(batch, 3, 16, 16)
        torch.testing.assert_close(program(images), ours(images), rtol=1e-5, atol=1e-6)
    assert len(json.loads(facts["archgen.json"])["spec_sha256"]) == 64


@pytest.mark.slow
def test_classes_and_preparation_go_along_with_a_program(
    spec: str, tmp_path: Path, ours: nn.Module, capsys: Run
) -> None:
    weights, path = tmp_path / "w.safetensors", tmp_path / "net.pt2"
    names = [f"class {number}" for number in range(outputs_of(ours))]
    save_weights(weights, ours, {"classes": json.dumps(names)})
    command = ["export", spec, "--weights", str(weights), "-o", str(path)]
    assert main(command) == 0
    assert "does not say what crop, mean and std its images need" in capsys.readouterr().err
    assert main([*command, "--preparation", "torchvision"]) == 0
    written = {"archgen.json": ""}
    torch.export.load(io.BytesIO(path.read_bytes()), extra_files=written)
    facts = json.loads(written["archgen.json"])
    assert json.loads(facts["classes"]) == names
    assert json.loads(facts["mean"]) == [0.485, 0.456, 0.406]
    assert Preparation.model_validate_json(facts["preparation"]).view == ResizeAndCrop(
        name="resize_and_crop", fraction=0.875
    )
    save_weights(weights, ours, {"classes": json.dumps([*names, "one more"])})
    assert main(command) == 2
    assert "classes are named, and the network has" in capsys.readouterr().err


def outputs_of(network: nn.Module) -> int:
    logits = network.eval()(torch.zeros(1, 3, 16, 16))
    assert isinstance(logits, torch.Tensor)
    return logits.shape[1]


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        ("net.tflite", (), "must end in one of .onnx, .pt2"),
        ("net.pt2", ("--opset", "20"), "--opset is about ONNX"),
        ("net.onnx", ("--opset", "7"), "7 is not in the range"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(
    spec: str,
    weights: Path,
    tmp_path: Path,
    capsys: Run,
    output: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    path = tmp_path / output
    command = ["export", spec, "--weights", str(weights), "-o", str(path), *options]
    assert main(command) == 2
    assert words in capsys.readouterr().err
    assert not path.exists()


def test_the_extra_to_install_is_named(
    spec: str, weights: Path, tmp_path: Path, capsys: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    path = tmp_path / "net.onnx"
    assert main(["export", spec, "--weights", str(weights), "-o", str(path)]) == 2
    assert "`pip install 'archgen[export]'`" in capsys.readouterr().err
    assert not path.exists()


def test_weights_of_another_network_are_one_line(spec: str, tmp_path: Path, capsys: Run) -> None:
    other = tmp_path / "other.safetensors"
    save_weights(other, nn.Linear(2, 3), {})
    command = ["export", spec, "--weights", str(other), "-o", str(tmp_path / "x.pt2")]
    assert main(command) == 2
    assert "are another network's" in capsys.readouterr().err
