"""Training batches as a pure function of the step: order, augmentation, normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from archgen.train import keyed
from archgen.train.data import ImageSet
from archgen.train.keyed import Purpose
from archgen.train.recipe import Augment, Recipe
from archgen.train.schedule import Timeline
from archgen.train.world import WHOLE, Share

epoch_order = lru_cache(maxsize=1)(keyed.order)


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one run. Every epoch visits its own order and drops the last odd images."""

    data: ImageSet
    recipe: Recipe
    timeline: Timeline
    seed: int
    share: Share = WHOLE

    def at(self, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Images (float32, ready for the network) and labels of `step`, counted from 0.

        Of the batch they are the share of this process.
        """
        epoch = self.timeline.epoch(step)
        samples = self.share.of(self.samples(step))
        chosen = torch.from_numpy(samples).to(self.data.images.device)
        images = self.data.images.index_select(0, chosen)  # indexing takes four times as long
        images = augmented(images, self.recipe.augment, self.seed, epoch, samples)
        return (
            self.data.normalised(images.to(device, non_blocking=True)),
            self.data.labels[chosen].to(device, non_blocking=True),
        )

    def samples(self, step: int) -> NDArray[np.int64]:
        """The indices of the images of `step` in all processes."""
        return samples_of(step, self.timeline, self.seed, len(self.data), self.recipe.batch)


def samples_of(
    step: int, timeline: Timeline, seed: int, images: int, batch: int
) -> NDArray[np.int64]:
    """The indices of the images of `step`, whatever processes there are and whoever reads them."""
    order = epoch_order(seed, timeline.epoch(step), images)
    start = step % timeline.steps_per_epoch * batch
    return order[start : start + batch]


def augmented(
    images: Tensor, augment: Augment, seed: int, epoch: int, samples: NDArray[np.int64]
) -> Tensor:
    """uint8 `images` shifted and mirrored, each by draws keyed by (seed, epoch, sample)."""
    if augment.crop_padding:
        reach = 2 * augment.crop_padding + 1
        tops, lefts = (
            torch.from_numpy(keyed.below(keyed.draw(seed, purpose, epoch, samples), reach))
            for purpose in (Purpose.CROP_TOP, Purpose.CROP_LEFT)
        )
        images = crop(images, augment.crop_padding, tops, lefts)
    if augment.flip:
        mirrored = keyed.below(keyed.draw(seed, Purpose.FLIP, epoch, samples), 2) == 1
        chosen = torch.from_numpy(mirrored).to(images.device)
        images = torch.where(_per_image(chosen), images.flip(3), images)
    return images


def crop(images: Tensor, padding: int, tops: Tensor, lefts: Tensor) -> Tensor:
    """`images` padded with black on all sides, then cut to their size at each one's corner."""
    count, channels, height, width = images.shape
    padded = F.pad(images, (padding,) * 4)
    rows = (tops[:, None] + torch.arange(height)).view(count, 1, height, 1)
    columns = (lefts[:, None] + torch.arange(width)).view(count, 1, 1, width)
    planes = torch.arange(channels).view(1, channels, 1, 1)
    places = (_per_image(torch.arange(count)), planes, rows, columns)
    return padded[tuple(place.to(images.device) for place in places)]


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
