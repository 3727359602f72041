"""The crop and colour laws beside straightforward transcriptions of what TensorFlow publishes."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archgen.train import keyed
from archgen.train.data.boxes import (
    DRAWS_PER_ATTEMPT,
    Box,
    tf_crop,
    torchvision_crop,
)
from archgen.train.data.colour import tf_fast_colour
from archgen.train.keyed import Purpose

HEIGHT, WIDTH = 375, 500
Law = NDArray[np.float64]


def ks_distance(one: Law, other: Law) -> float:
    """The largest difference of the two empirical distributions."""
    points = np.concatenate((one, other))
    shares = [np.searchsorted(np.sort(x), points, "right") / len(x) for x in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def ours(law: str, draws: int) -> Iterator[Box]:
    crop = tf_crop if law == "tf" else torchvision_crop
    numbers = keyed.uniforms(5, Purpose.CROP_BOX, 0, np.arange(draws), 40)
    for row in numbers.reshape(draws, -1, DRAWS_PER_ATTEMPT).tolist():
        yield crop(HEIGHT, WIDTH, row)


def tf_reference(rng: np.random.Generator, draws: int) -> Law:
    """top, left, height, width of boxes by TensorFlow's rule, all attempts of all draws at once."""
    boxes = np.tile(np.array([0, 0, HEIGHT, WIDTH], np.float64), (draws, 1))
    todo = np.arange(draws)
    for _ in range(100):
        aspect = rng.uniform(0.75, 1.33, len(todo))
        low = np.rint(np.sqrt(0.05 * HEIGHT * WIDTH / aspect))
        high = np.rint(np.sqrt(HEIGHT * WIDTH / aspect))
        high = np.where(np.rint(high * aspect) > WIDTH, np.floor((WIDTH + 0.5) / aspect), high)
        high = np.minimum(high, HEIGHT)
        height = low + np.floor(rng.random(len(todo)) * (high - low + 1))
        width = np.rint(height * aspect)
        good = (width <= WIDTH) & (height * width >= 0.1 * HEIGHT * WIDTH)
        top = np.floor(rng.random(len(todo)) * (HEIGHT - height))
        left = np.floor(rng.random(len(todo)) * (WIDTH - width))
        boxes[todo[good]] = np.stack((top, left, height, width), 1)[good]
        todo = todo[~good]
    return boxes


def torchvision_reference(rng: np.random.Generator, draws: int) -> Law:
    boxes = np.zeros((draws, 4))
    todo = np.arange(draws)
    for _ in range(10):
        area = HEIGHT * WIDTH * rng.uniform(0.08, 1, len(todo))
        aspect = np.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3), len(todo)))
        width, height = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
        good = (width <= WIDTH) & (height <= HEIGHT)
        top = rng.integers(0, np.maximum(HEIGHT - height, 0) + 1)
        left = rng.integers(0, np.maximum(WIDTH - width, 0) + 1)
        boxes[todo[good]] = np.stack((top, left, height, width), 1)[good]
        todo = todo[~good]
    boxes[todo] = (0, 0, HEIGHT, WIDTH)  # a 4:3 image is its own fallback
    return boxes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draws", "limit"), [(10_000, 0.03), pytest.param(100_000, 0.01, marks=pytest.mark.oracle)]
)
@pytest.mark.parametrize("law", ["tf", "torchvision"])
def test_crops_follow_the_published_law(law: str, draws: int, limit: float) -> None:
    boxes = np.array(list(ours(law, draws)), np.float64)
    reference = (tf_reference if law == "tf" else torchvision_reference)(
        np.random.default_rng(1), draws
    )
    for column in range(4):
        assert ks_distance(boxes[:, column], reference[:, column]) < limit
    areas, expected = (x[:, 2] * x[:, 3] / (HEIGHT * WIDTH) for x in (boxes, reference))
    assert ks_distance(areas, expected) < limit
    assert ks_distance(boxes[:, 3] / boxes[:, 2], reference[:, 3] / reference[:, 2]) < limit
    assert areas.mean() == pytest.approx(0.387 if law == "tf" else 0.433, abs=limit)


@pytest.mark.parametrize("crop", [tf_crop, torchvision_crop])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (300, 2), (2, 300), (33, 47), (5, 5)])
def test_a_box_is_never_empty_and_never_leaves_the_image(
    crop: type[Box], size: tuple[int, int]
) -> None:
    numbers = keyed.uniforms(0, Purpose.CROP_BOX, 0, np.arange(300), 40)
    numbers[0], numbers[1] = 0.0, np.nextafter(1.0, 0.0)
    for row in numbers.reshape(300, 10, 4).tolist():
        top, left, height, width = crop(*size, row)  # type: ignore[call-arg, arg-type]
        assert 0 <= top < top + height <= size[0]
        assert 0 <= left < left + width <= size[1]


def by_hsv(pixel: tuple[float, ...], draws: tuple[float, ...]) -> list[float]:
    """The colour law one pixel at a time, through HSV, as it is written down."""
    added, factor = (2 * draws[0] - 1) * 32 / 255, 0.5 + draws[1]

    def saturate(rgb: list[float]) -> list[float]:
        hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
        return list(colorsys.hsv_to_rgb(hue, min(1.0, saturation * factor), value))

    rgb = list(pixel)
    brightened_first = saturate([x + added for x in rgb])
    brightened_last = [x + added for x in saturate(rgb)]
    chosen = brightened_first if draws[2] < 0.25 else brightened_last
    return [min(1.0, max(0.0, x)) for x in chosen]


def test_colours_follow_the_published_law() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = 0.2 + 0.6 * torch.rand((500, 3), generator=generator)  # in HSV's domain all along
    draws = torch.rand((500, 3), generator=generator)
    got = tf_fast_colour(pixels.view(500, 3, 1, 1), draws).view(500, 3)
    expected = [
        by_hsv(tuple(p), tuple(d)) for p, d in zip(pixels.tolist(), draws.tolist(), strict=True)
    ]
    assert torch.allclose(got, torch.tensor(expected), atol=1e-5)


def test_black_grey_and_white_stay_numbers() -> None:
    for value in (0.0, 0.5, 1.0):
        image = torch.full((2, 3, 2, 2), value)
        for draws in ([0.0, 0.0, 0.0], [0.999, 0.999, 0.999]):
            got = tf_fast_colour(image, torch.tensor([draws, draws]))
            assert bool(((got >= 0) & (got <= 1)).all())
