"""Named ways to prepare images: which crop, which colours, which normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from torch import Tensor

from archgen.train.data import boxes, colour
from archgen.train.data.boxes import Attempt, Box

PresetName = Literal["inception_tf", "torchvision"]


class Preset(NamedTuple):
    """How images are prepared in training and in evaluation. Half of the crops are mirrored."""

    crop: Callable[[int, int, Iterable[Attempt]], Box]
    attempts: int
    centre: Callable[[int, int, float], Box]
    colour: Callable[[Tensor, Tensor], Tensor] | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


PRESETS: dict[PresetName, Preset] = {
    "inception_tf": Preset(
        boxes.tf_crop,
        boxes.TF_ATTEMPTS,
        boxes.tf_centre,
        colour.tf_fast_colour,
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
    ),
    "torchvision": Preset(
        boxes.torchvision_crop,
        boxes.TORCHVISION_ATTEMPTS,
        boxes.torchvision_centre,
        None,
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
    ),
}
