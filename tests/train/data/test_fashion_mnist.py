from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from archgen.train import DataError, ImageSet, load_data
from archgen.train.data import fashion_mnist, idx
from archgen.train.data.fashion_mnist import INDICES, MANIFEST, Manifest
from archgen.train.data.images import Split

FOLDER = Path(str(fashion_mnist.FOLDER))


def load(split: Split) -> torch.Tensor:
    data = load_data("fashion_mnist", channels=1, height=28, width=28, split=split)
    assert isinstance(data, ImageSet)
    return data.images


@pytest.fixture
def manifest() -> Manifest:
    return Manifest.model_validate_json((FOLDER / MANIFEST).read_bytes())


@pytest.mark.parametrize(("split", "per_class"), [("train", 800), ("test", 200)])
def test_the_splits_are_balanced(split: Split, per_class: int) -> None:
    data = load_data("fashion_mnist", channels=1, height=28, width=28, split=split)
    assert isinstance(data, ImageSet)
    assert data.labels.bincount().tolist() == [per_class] * 10
    assert data.images.shape == (10 * per_class, 1, 28, 28)
    assert data.classes[0] == "t-shirt"
    assert data.classes[9] == "ankle boot"


def test_no_test_image_is_a_training_image() -> None:
    train, test = ({row.numpy().tobytes() for row in load(split)} for split in ("train", "test"))
    assert len(train) == 8000
    assert not train & test


def test_the_manifest_vouches_for_every_file(manifest: Manifest) -> None:
    for file, digest in manifest.sha256.items():
        assert hashlib.sha256((FOLDER / file).read_bytes()).hexdigest() == digest
    beside = {path.name for path in FOLDER.iterdir()} - {MANIFEST, "LICENSE"}
    assert beside == set(manifest.sha256)


def test_the_rows_it_was_taken_from_are_recorded(manifest: Manifest) -> None:
    indices = json.loads((FOLDER / INDICES).read_text())
    sizes: dict[Split, int] = {"train": 60_000, "test": 10_000}
    for split, full_size in sizes.items():
        rows = indices[split]
        assert rows == sorted(set(rows))
        assert 0 <= rows[0] <= rows[-1] < full_size
        assert len(rows) == 10 * manifest.per_class[split]


def test_the_licence_lies_beside_the_images() -> None:
    text = (FOLDER / "LICENSE").read_text()
    assert "Zalando SE" in text
    assert "Permission is hereby granted" in text


def test_it_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 5_000_000


@pytest.mark.parametrize("file", idx.FILES["test"])
def test_a_changed_file_is_refused_by_name(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FOLDER, tmp_path / "copy")
    packed = bytearray((tmp_path / "copy" / file).read_bytes())
    packed[len(packed) // 2] ^= 1
    (tmp_path / "copy" / file).write_bytes(packed)
    monkeypatch.setattr(fashion_mnist, "FOLDER", tmp_path / "copy")
    with pytest.raises(DataError, match=f"{file}` has been changed"):
        load("test")
