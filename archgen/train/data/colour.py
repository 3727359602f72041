"""TensorFlow's fast colour law, for whole batches, where the batch is."""

from __future__ import annotations

import torch
from torch import Tensor

COLOUR_DRAWS = 3
MAX_BRIGHTNESS = 32 / 255
SATURATIONS = (0.5, 1.5)
BRIGHTNESS_FIRST = 0.25


def tf_fast_colour(images: Tensor, draws: Tensor) -> Tensor:
    """Images of values in [0, 1] with other brightness and saturation, clipped to [0, 1].

    `draws` holds for each image three numbers uniform in [0, 1): brightness is what is added to
    all channels, within 32/255 of 0; saturation is multiplied by 0.5 to 1.5; the third puts
    brightness first in one case of four, and saturation in the others.
    """
    brightness, saturation, order = draws.to(images.dtype).T.reshape(3, -1, 1, 1, 1)
    added = (2 * brightness - 1) * MAX_BRIGHTNESS
    first = order < BRIGHTNESS_FIRST
    scale = SATURATIONS[0] + saturation * (SATURATIONS[1] - SATURATIONS[0])
    images = images + torch.where(first, added, 0.0)
    if images.shape[1] == 3:
        images = saturated(images, scale)
    return (images + torch.where(first, 0.0, added)).clamp_(0, 1)


def saturated(images: Tensor, scale: Tensor) -> Tensor:
    """RGB with the S of HSV multiplied by `scale` and cut at 1; H and V stay.

    With V the largest and m the smallest channel, S = (V - m) / V, and at fixed H and V each
    channel's distance from V is proportional to S. So c becomes V - (V - c) min(scale, 1 / S).
    A pixel without saturation (V = m, or V <= 0) becomes grey of value V.
    """
    value = images.amax(1, keepdim=True)
    spread = value - images.amin(1, keepdim=True)
    factor = torch.minimum(scale.expand_as(value), value / spread)
    factor = torch.where((value > 0) & (spread > 0), factor, torch.zeros_like(factor))
    return value - (value - images) * factor
