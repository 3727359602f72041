from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archgen.train import DataError, ImageSet, load_data
from archgen.train.data import idx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for (images, labels), count in zip(idx.FILES.values(), (9, 6), strict=True):
        pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(5, 2)
        (tmp_path / images).write_bytes(idx.encode(pixels))
        (tmp_path / labels).write_bytes(idx.encode(np.arange(count, dtype=np.uint8) % 3))
    return tmp_path


def test_a_folder_of_idx_files_is_a_data_set(folder: Path) -> None:
    data = load_data(str(folder), channels=3, height=4, width=5, split="test")
    assert isinstance(data, ImageSet)
    assert data.images.shape == (6, 3, 4, 5)
    assert data.images[5].unique().tolist() == [5]
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.classes == ("0", "1", "2")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / idx.FILES["test"][1]).unlink()
    with pytest.raises(DataError, match=f"cannot read .*{idx.FILES['test'][1]}"):
        load_data(str(folder), channels=1, height=4, width=5, split="test")


def test_as_many_labels_as_images_are_asked_for(folder: Path) -> None:
    (folder / idx.FILES["train"][1]).write_bytes(idx.encode(np.zeros(8, np.uint8)))
    with pytest.raises(DataError, match="9 images and 8 labels"):
        load_data(str(folder), channels=1, height=4, width=5, split="train")
