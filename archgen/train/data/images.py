"""Labelled images as the network takes them, and how other images are made to fit."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from archgen.train.data.bad import BadImages
from archgen.train.errors import DataError
from archgen.train.world import WHOLE, Share, World

Split = Literal["train", "test"]
# uint8 batches with their labels
OrderedImages: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]

MAX_SET_BYTES = 8 * 2**30
_GREY_WEIGHTS = (19595, 38470, 7471)  # ITU-R 601-2 luma in 1/65536, as Pillow rounds it


@dataclass(frozen=True, slots=True)
class InputShape:
    """What the network takes: channels x height x width."""

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise DataError(
                f"the network takes {self.channels} channels; images have 1 (grey) or 3 (RGB)"
            )

    def check_room_for(self, count: int, name: str) -> None:
        """Refuses a set that would not fit in memory, before anything is decoded."""
        size = count * self.channels * self.height * self.width
        if size > MAX_SET_BYTES:
            raise DataError(
                f"`{name}` would take {size / 2**30:.1f} GiB as {count} images of "
                f"{self.channels}x{self.height}x{self.width}; "
                f"a data set is held in memory, up to {MAX_SET_BYTES / 2**30:.0f} GiB"
            )


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Images of one size with a class each, held in memory.

    `images` is uint8, count x channels x height x width; `labels` is int64, indices into `classes`.
    A pixel p becomes (p / 255 - mean) / std, with one mean and std for all channels. `bad` says which
    images of a folder are not among them.
    """

    name: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    mean: float = 0.5
    std: float = 0.5
    bad: BadImages | None = None

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise DataError(f"`{self.name}`: images are uint8 of 4 dimensions")
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"`{self.name}` has {len(self.images)} images and {len(self.labels)} labels"
            )
        if not len(self.images):
            raise DataError(f"`{self.name}` has no images")
        if int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.classes):
            raise DataError(f"`{self.name}` has a label outside its {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.images)

    def normalised(self, images: Tensor) -> Tensor:
        """uint8 pixels as the float32 that the network sees, channels last in memory."""
        scaled = images.to(torch.float32).sub_(255 * self.mean).div_(255 * self.std)
        return scaled.contiguous(memory_format=torch.channels_last)

    def in_order(self, batch: int, share: Share = WHOLE) -> OrderedImages:
        """All images once, as uint8 batches with their labels; of these the batches of a share."""
        for start in range(share.rank * batch, len(self), share.size * batch):
            yield self.images[start : start + batch], self.labels[start : start + batch]

    def agree(self, world: World) -> None:
        """Bad images were found by every process, before there was this set."""


def adapt(images: Tensor, shape: InputShape) -> Tensor:
    """uint8 images resized and recoloured to `shape`.

    The resize is bilinear with antialiasing and does not keep the aspect ratio; grey becomes RGB
    by repetition, RGB becomes grey by its luma.
    """
    if images.shape[1] > shape.channels:
        images = _luma(images)
    size = (shape.height, shape.width)
    if images.shape[2:] != size:
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    return images.expand(-1, shape.channels, -1, -1)


def _luma(images: Tensor) -> Tensor:
    weights = torch.tensor(_GREY_WEIGHTS, dtype=torch.int32).view(1, 3, 1, 1)
    total = (images.to(torch.int32) * weights).sum(1, keepdim=True)
    return ((total + 2**15) >> 16).to(torch.uint8)
