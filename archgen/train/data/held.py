"""Small sets in memory: decoded once, or listed again as if they were on a disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archgen.train.data.bad import BadImage
from archgen.train.data.images import ImageSet
from archgen.train.data.streamed_set import StreamedSet
from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation

HELD_BYTES = 2**30


def fits_in_memory(data: StreamedSet) -> bool:
    """Whether all images at the network's size are few enough to be held."""
    shape = data.shape
    return len(data) * shape.channels * shape.height * shape.width <= HELD_BYTES


def hold(data: StreamedSet) -> ImageSet:
    """All images, decoded. All bad ones are found before any is complained of, or left out."""
    shape, listing = data.shape, data.listing
    images = torch.empty((len(data), shape.channels, shape.height, shape.width), dtype=torch.uint8)
    kept: list[int] = []
    bad: list[BadImage] = []
    for index in range(len(data)):
        try:
            images[len(kept)].copy_(data.for_evaluation(index))
            kept.append(index)
        except DataError as error:
            bad.append(BadImage(listing.place(index), str(error)))
    data.bad.add(bad)
    labels = data.labels[torch.tensor(kept, dtype=torch.int64)]
    found = images[: len(kept)]
    return ImageSet(data.name, found, labels, data.classes, data.bad, data.preparation)


@dataclass(frozen=True, slots=True, eq=False)
class HeldListing:
    """Images in memory, listed like those on a disk, so that a preset can prepare them."""

    data: ImageSet
    empty: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.data.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.data.classes

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each image."""
        return self.data.labels.numpy()

    def place(self, index: int) -> str:
        """The number of image `index`."""
        return f"{self.name}: image {index}"

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index`, 1 x channels x height x width; it was never encoded."""
        return self.data.images[index : index + 1]
