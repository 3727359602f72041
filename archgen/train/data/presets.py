"""Named ways to change training images at random: which crops, which colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from torch import Tensor

from archgen.train.data import boxes, colour
from archgen.train.data.boxes import Attempt, Box

PresetName = Literal["inception_tf", "torchvision"]


class Preset(NamedTuple):
    """How images are cut and coloured in training. Half of the crops are mirrored.

    The preparation of the same name says what is done to them otherwise.
    """

    crop: Callable[[int, int, Iterable[Attempt]], Box]
    attempts: int
    colour: Callable[[Tensor, Tensor], Tensor] | None


PRESETS: dict[PresetName, Preset] = {
    "inception_tf": Preset(boxes.tf_crop, boxes.TF_ATTEMPTS, colour.tf_fast_colour),
    "torchvision": Preset(boxes.torchvision_crop, boxes.TORCHVISION_ATTEMPTS, None),
}
