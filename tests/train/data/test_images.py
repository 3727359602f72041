from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from archgen.train import DataError, ImageSet
from archgen.train.data.images import MAX_SET_BYTES, InputShape, adapt


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def test_pixels_are_normalised_to_plus_and_minus_one() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    data = ImageSet("two pixels", images, torch.zeros(1, dtype=torch.int64), ("only",))
    assert data.normalised(images).flatten().tolist() == [-1.0, 1.0]
    assert images.flatten().tolist() == [0, 255]


def test_normalised_images_are_channels_last_in_memory() -> None:
    data = ImageSet("noise", noise(2, 3, 4, 5), torch.zeros(2, dtype=torch.int64), ("only",))
    made = data.normalised(data.images)
    assert made.shape == (2, 3, 4, 5)
    assert made.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("labels", "word"),
    [([0, 1], "3 images and 2 labels"), ([0, 1, 2], "outside"), ([0, -1, 0], "outside")],
)
def test_labels_that_do_not_fit_are_refused(labels: list[int], word: str) -> None:
    with pytest.raises(DataError, match=word):
        ImageSet("odd", noise(3, 1, 2, 2), torch.tensor(labels), ("a", "b"))


def test_float_images_and_empty_sets_are_refused() -> None:
    with pytest.raises(DataError, match="uint8"):
        ImageSet("odd", torch.zeros(1, 1, 2, 2), torch.tensor([0]), ("a",))
    with pytest.raises(DataError, match="no images"):
        ImageSet("odd", noise(0, 1, 2, 2), torch.zeros(0, dtype=torch.int64), ("a",))


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_a_network_that_takes_neither_grey_nor_rgb_is_refused(channels: int) -> None:
    with pytest.raises(DataError, match=f"takes {channels} channels"):
        InputShape(channels, 8, 8)


def test_a_set_too_large_for_memory_is_refused_beforehand() -> None:
    shape = InputShape(3, 299, 299)
    shape.check_room_for(MAX_SET_BYTES // (3 * 299 * 299), "fits")
    with pytest.raises(DataError, match=r"`imagenet` would take 320\.\d GiB as 1281167 images"):
        shape.check_room_for(1_281_167, "imagenet")


def test_images_of_the_right_shape_are_not_touched() -> None:
    images = noise(2, 3, 8, 8)
    assert torch.equal(adapt(images, InputShape(3, 8, 8)), images)


def test_grey_becomes_rgb_by_repetition() -> None:
    images = noise(2, 1, 8, 8)
    made = adapt(images, InputShape(3, 8, 8))
    assert all(torch.equal(made[:, k], images[:, 0]) for k in range(3))


def test_rgb_becomes_grey_as_pillow_does_it() -> None:
    images = noise(1, 3, 40, 30)
    pillow = np.array(Image.fromarray(images[0].permute(1, 2, 0).numpy()).convert("L"))
    assert np.array_equal(adapt(images, InputShape(1, 40, 30))[0, 0].numpy(), pillow)


def test_a_resize_is_antialiased_and_within_a_grey_level_of_pillow() -> None:
    images = noise(1, 1, 40, 60)
    made = adapt(images, InputShape(1, 10, 12))[0, 0].numpy().astype(int)
    grey = Image.fromarray(images[0, 0].numpy())
    pillow = np.array(grey.resize((12, 10), Image.Resampling.BILINEAR)).astype(int)
    assert abs(made - pillow).max() <= 1
