from __future__ import annotations

from pathlib import Path

import pytest

from archgen.train import DataError, ImageSet, load_data


def load(name: str, channels: int = 1) -> None:
    load_data(name, channels=channels, height=28, width=28, split="test")


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(DataError, match="did you mean `fashion_mnist`"):
        load("fashion-mnist")


def test_an_unknown_name_gets_the_known_ones() -> None:
    with pytest.raises(DataError, match="give a folder, or `fashion_mnist` or `synthetic`"):
        load("imagenet")


def test_a_file_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="no data set or folder"):
        load(str(tmp_path / "file"))


@pytest.mark.parametrize("name", ["fashion_mnist", "synthetic"])
def test_a_wrong_number_of_channels_is_refused_for_every_set(name: str) -> None:
    with pytest.raises(DataError, match="takes 4 channels; images have 1"):
        load(name, channels=4)


def test_the_embedded_set_is_adapted_to_the_network() -> None:
    data = load_data("fashion_mnist", channels=3, height=12, width=10, split="test")
    assert isinstance(data, ImageSet)
    assert data.images.shape == (2000, 3, 12, 10)
