"""Weights and run folders from somebody else."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from archgen.cli import main
from archgen.train.errors import TrainingError
from archgen.train.weights import load_weights, save_weights


class Detonates:
    """An object whose unpickling writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pkl"])
def test_a_pickled_object_is_refused_and_never_made(tmp_path: Path, suffix: str) -> None:
    fuse = tmp_path / "exploded"
    plain, packed = tmp_path / f"plain{suffix}", tmp_path / f"packed{suffix}"
    plain.write_bytes(pickle.dumps(Detonates(fuse)))
    torch.save({"weight": Detonates(fuse)}, packed)
    for path in (plain, packed):
        with pytest.raises(TrainingError, match="cannot read the weights"):
            load_weights(path, nn.Linear(2, 3))
    assert not fuse.exists()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_weights_that_are_no_regular_file_are_refused_and_not_waited_for(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "model.safetensors"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(TrainingError, match="no regular file"):
        load_weights(path, nn.Linear(2, 3))


def test_weights_of_other_shapes_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may state tensors of any size; those of the wrong one are never in memory."""
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(3000, 1000), "bias": torch.zeros(3)}, path)
    read: list[str] = []
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_: read.append("all"))
    with pytest.raises(TrainingError, match=r"`weight` is \(3000, 1000\) in the file"):
        load_weights(path, nn.Linear(2, 3))
    assert not read


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for size in (2**63 - 1, 2**40, 50):
        path.write_bytes(size.to_bytes(8, "little") + b"{}")
        with pytest.raises(TrainingError, match="cannot read the weights"):
            load_weights(path, nn.Linear(2, 3))


def test_weights_come_back_through_the_stricter_door(tmp_path: Path) -> None:
    first, second = nn.Linear(2, 3), nn.Linear(2, 3)
    save_weights(tmp_path / "w.safetensors", first, {"key": "value"})
    assert load_weights(tmp_path / "w.safetensors", second) == {"key": "value"}
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", json.dumps([1]), json.dumps({}), '{"train": ' + " " * 2**21 + "1}"]
)
def test_a_run_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "run.json").write_text(text)
    assert main(["eval", str(tmp_path)]) == 2
    assert "does not say what the run was trained on" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run.json", "spec.yaml", "recipe.yaml", "metrics.jsonl"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_run_to_go_on_with_has_regular_files_only(
    tmp_path: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    spec = "archgen: 1\nname: n\ninput: {channels: 1, grid: 8}\nnetwork: [global_avg_pool]\n"
    digest = hashlib.sha256(spec.encode()).hexdigest()
    texts = {
        "run.json": json.dumps({"status": "running", "spec_sha256": digest, "data": "synthetic"}),
        "spec.yaml": spec,
        "recipe.yaml": "archgen: 1\nrecipe: {steps: 1}\n",
        "metrics.jsonl": "",
    }
    for other, text in texts.items():
        (run / other).write_text(text)
    (run / name).unlink()
    if kind == "pipe":
        os.mkfifo(run / name)
    elif kind == "device":
        (run / name).symlink_to("/dev/zero")
    else:
        (run / name).mkdir()
    assert main(["train", "--resume", str(run)]) in (1, 2)
    said = capsys.readouterr().err
    assert name in said
    assert "not a regular file" in said
