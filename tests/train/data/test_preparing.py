"""From the bytes of an image to what a network sees, by every setting of a preparation."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from archgen.train.data.decoding import decode
from archgen.train.data.images import InputShape, normalised, viewed
from archgen.train.preparation import PREPARATIONS, Preparation

RGBA = (200, 100, 50, 51)  # a fifth of it covers what is behind


def prepared(**settings: object) -> Preparation:
    return Preparation.model_validate(settings)


def noise(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    size = (1, channels, height, width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_exif_asks_where_the_preparation_applies_it(
    form: str, orientation: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(pixels), form, exif=exif, lossless=True)
    with Image.open(io.BytesIO(content)) as image:
        as_stored, upright = np.array(image), np.array(ImageOps.exif_transpose(image))
    turned = decode(content, "x", prepared(exif="apply"))[0].permute(1, 2, 0).numpy()
    assert np.array_equal(turned, upright)
    assert np.array_equal(decode(content, "x")[0].permute(1, 2, 0).numpy(), as_stored)


@pytest.mark.parametrize("stored", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(stored: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = stored
    content = encoded(Image.fromarray(noise(3, 5)[0].permute(1, 2, 0).numpy()), "PNG", exif=exif)
    assert torch.equal(decode(content, "x", prepared(exif="apply")), decode(content, "x"))


@pytest.mark.parametrize(
    ("alpha", "shown"),
    [
        ("ignore", (200, 100, 50)),
        ("black", (40, 20, 10)),
        ("white", (244, 224, 214)),
        ([0, 0, 255], (40, 20, 214)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_shows_through_is_the_colour_that_the_preparation_states(
    alpha: object, shown: tuple[int, int, int], form: str
) -> None:
    content = encoded(Image.new("RGBA", (2, 2), RGBA), form, lossless=True, exact=True)
    pixel = decode(content, "x", prepared(alpha=alpha))[0, :, 0, 0]
    assert (pixel.int() - torch.tensor(shown)).abs().max() <= 1


@pytest.mark.parametrize("mode", ["LA", "PA", "P", "L", "1"])
def test_every_mode_with_transparency_is_composited(mode: str) -> None:
    image = Image.new("RGBA", (2, 2), (120, 120, 120, 0)).convert("LA")
    if mode in ("L", "1", "P"):
        image = Image.new(mode, (2, 2), 0)
        content = encoded(image, "PNG", transparency=0)
    else:
        content = encoded(image, "PNG")
    pixels = decode(content, "x", prepared(alpha="white"))
    assert pixels.min() == 255, mode


def test_a_resized_and_cropped_image_is_the_centre_of_the_resized_whole() -> None:
    view = {"name": "resize_and_crop", "fraction": 0.875}
    for height, width, shape in [
        (40, 60, (3, 32, 32)),
        (61, 33, (3, 32, 32)),
        (9, 9, (1, 14, 14)),
        (50, 90, (3, 16, 24)),
    ]:
        image = noise(height, width, shape[0])
        shorter = {(32, 32): 36, (14, 14): 16, (16, 24): 18}[shape[1:]]
        scaled = (shorter, int(shorter * width / height))
        if height > width:
            scaled = (int(shorter * height / width), shorter)
        whole = F.interpolate(image, scaled, mode="bilinear", antialias=True)
        top, left = (round((each - side) / 2) for each, side in zip(scaled, shape[1:], strict=True))
        wanted = whole[:, :, top : top + shape[1], left : left + shape[2]]
        assert torch.equal(viewed(image, InputShape(*shape), prepared(view=view)), wanted)
    exact = {"name": "resize_and_crop", "shorter_side": 36}
    image, square = noise(40, 60), InputShape(3, 32, 32)
    same = [viewed(image, square, prepared(view=each)) for each in (view, exact)]
    assert torch.equal(*same)


def test_the_central_fraction_is_tensorflows() -> None:
    image = noise(400, 800)
    made = viewed(image, InputShape(3, 24, 24), PREPARATIONS["inception_tf"])
    part = image[:, :, 25:375, 50:750]
    assert torch.equal(made, F.interpolate(part, (24, 24), mode="bilinear", antialias=True))


@pytest.mark.parametrize("name", PREPARATIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 200_000), (2, 2), (999, 7)])
def test_any_size_is_seen_whole_and_without_gigabytes(name: str, size: tuple[int, int]) -> None:
    shape = InputShape(3, 16, 20)
    made = viewed(noise(*size), shape, PREPARATIONS[name])  # type: ignore[index]
    assert made.shape == (1, 3, 16, 20)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_the_interpolation_is_the_one_that_is_stated(interpolation: str) -> None:
    image = noise(31, 41)
    made = viewed(image, InputShape(3, 11, 13), prepared(interpolation=interpolation))
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    filters["nearest"] = Image.Resampling.NEAREST
    pillow = Image.fromarray(image[0].permute(1, 2, 0).numpy()).resize(
        (13, 11), filters[interpolation]
    )
    difference = made[0].permute(1, 2, 0).int() - torch.from_numpy(np.array(pillow)).int()
    assert difference.abs().max() <= 1


def test_pixels_are_normalised_channel_by_channel_in_the_networks_order() -> None:
    image = noise(4, 5)
    settings = prepared(channel_order="bgr", mean=[0.1, 0.2, 0.3], std=[0.5, 0.25, 1.0])
    values = normalised(image, settings.fitted(3, 4, 5))
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.25, 1.0])
    blue_first = image.flip(1).float() / 255
    wanted = (blue_first - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    assert torch.allclose(values, wanted, atol=1e-5)
