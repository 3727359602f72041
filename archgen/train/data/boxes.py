"""Which part of an image the network sees: the crop laws of TensorFlow and torchvision.

A law is a pure function of the image's size and of numbers drawn uniformly from [0, 1), four for
each attempt: aspect ratio, size, top, left. Lengths are whole pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

DRAWS_PER_ATTEMPT = 4
Attempt = Sequence[float]


class Box(NamedTuple):
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


TF_ATTEMPTS = 100
TF_ASPECTS = (0.75, 1.33)
TF_AREAS = (0.05, 1.0)
TF_COVERED = 0.1

TORCHVISION_ATTEMPTS = 10
TORCHVISION_ASPECTS = (3 / 4, 4 / 3)
TORCHVISION_AREAS = (0.08, 1.0)


def tf_crop(height: int, width: int, attempts: Iterable[Attempt]) -> Box:
    """`sample_distorted_bounding_box` as slim's Inception calls it, for images without boxes.

    The aspect ratio is uniform in [0.75, 1.33], then the height uniform between those that give
    0.05 and all of the area. A crop of less than a tenth of the image is drawn again, and where no
    attempt succeeds the crop is the whole image. The corner never reaches the last row or column.
    """
    for attempt in attempts:
        aspect = _between(TF_ASPECTS, attempt[0])
        size = _tf_size(height, width, aspect, attempt[1])
        if size is None or size[0] * size[1] < TF_COVERED * height * width:
            continue
        tall, wide = size
        return Box(int(attempt[2] * (height - tall)), int(attempt[3] * (width - wide)), tall, wide)
    return Box(0, 0, height, width)


def _tf_size(height: int, width: int, aspect: float, draw: float) -> tuple[int, int] | None:
    """Height and width of a crop, or None where rounding leaves the permitted areas."""
    least, most = (share * height * width for share in TF_AREAS)
    tallest = round(math.sqrt(most / aspect))
    if round(tallest * aspect) > width:
        tallest = int((width + 0.5 - 1e-7) / aspect)
        tallest -= round(tallest * aspect) > width
    tallest = min(tallest, height)
    shortest = min(round(math.sqrt(least / aspect)), tallest)
    tall = shortest + int(draw * (tallest - shortest + 1))
    tall += tall * round(tall * aspect) < least
    tall -= tall * round(tall * aspect) > most
    wide = round(tall * aspect)
    fits = 0 < tall <= height and 0 < wide <= width and least <= tall * wide <= most
    return (tall, wide) if fits else None


def torchvision_crop(height: int, width: int, attempts: Iterable[Attempt]) -> Box:
    """`RandomResizedCrop`: area uniform in [0.08, 1], aspect ratio log-uniform in [3/4, 4/3].

    Where no attempt fits, the crop is central, as large as the aspect ratios permit.
    """
    for attempt in attempts:
        low, high = map(math.log, TORCHVISION_ASPECTS)
        aspect = math.exp(_between((low, high), attempt[0]))
        area = _between(TORCHVISION_AREAS, attempt[1]) * height * width
        tall, wide = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < tall <= height and 0 < wide <= width:
            top, left = int(attempt[2] * (height - tall + 1)), int(attempt[3] * (width - wide + 1))
            return Box(top, left, tall, wide)
    low, high = TORCHVISION_ASPECTS
    wide = min(width, max(1, round(height * high)))
    tall = min(height, max(1, round(width / low)))
    return _central(height, width, tall, wide)


def _central(height: int, width: int, tall: int, wide: int) -> Box:
    return Box((height - tall) // 2, (width - wide) // 2, tall, wide)


def _between(limits: tuple[float, float], draw: float) -> float:
    return limits[0] + draw * (limits[1] - limits[0])
