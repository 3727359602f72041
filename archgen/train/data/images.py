"""Labelled images as the network takes them, and how other images are made to fit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from archgen.train.data.bad import BadImages
from archgen.train.errors import DataError
from archgen.train.preparation import (
    PLAIN,
    RGB,
    CentralFraction,
    Preparation,
    ResizeAndCrop,
    Stretch,
)
from archgen.train.world import WHOLE, Share, World

Split = Literal["train", "test"]
# uint8 batches with their labels
OrderedImages: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]

MAX_SET_BYTES = 8 * 2**30
MAX_ELONGATION = 16
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

    `images` is uint8, count x channels x height x width, RGB or grey; `labels` is int64, indices into
    `classes`. `preparation` says how they were made and how a pixel is normalised; without it they are
    plain. `bad` says which images of a folder are not among them.
    """

    name: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    bad: BadImages | None = None
    preparation: Preparation = PLAIN

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
        return normalised(images, self.preparation)

    def in_order(self, batch: int, share: Share = WHOLE) -> OrderedImages:
        """All images once, as uint8 batches with their labels; of these the batches of a share."""
        for start in range(share.rank * batch, len(self), share.size * batch):
            yield self.images[start : start + batch], self.labels[start : start + batch]

    def agree(self, world: World) -> None:
        """Bad images were found by every process, before there was this set."""


def viewed(images: Tensor, shape: InputShape, prepared: Preparation) -> Tensor:
    """uint8 images of any one size, RGB or grey, as the view of a preparation shows them in `shape`."""
    height, width = images.shape[2:]
    match prepared.view:
        case Stretch():
            return adapt(images, shape, prepared)
        case CentralFraction(fraction=kept):
            top, left = (int((side - side * kept) / 2) for side in (height, width))
            part = images[:, :, top : height - top, left : width - left]
            return adapt(part.contiguous(memory_format=torch.channels_last), shape, prepared)
        case ResizeAndCrop() as view:
            covered = view.covered(shape.height, shape.width)
            images = _at_most_elongated(images, covered)
            resized = adapt(images, _resized(images, shape, covered), prepared)
            top = round((resized.shape[2] - shape.height) / 2)
            left = round((resized.shape[3] - shape.width) / 2)
            return resized[:, :, top : top + shape.height, left : left + shape.width]


def _resized(images: Tensor, shape: InputShape, covered: tuple[int, int]) -> InputShape:
    """The size at which images with their aspect ratio just cover a height and a width.

    The other side is rounded down, as torchvision's Resize does.
    """
    height, width = images.shape[2:]
    if width * covered[0] >= height * covered[1]:
        return InputShape(shape.channels, covered[0], int(covered[0] * width / height))
    return InputShape(shape.channels, int(covered[1] * height / width), covered[1])


def _at_most_elongated(images: Tensor, covered: tuple[int, int]) -> Tensor:
    """The centre of images that are over 16 times as long as what is cut from them.

    Resized whole, a line of a million pixels would take gigabytes, of which the centre is kept.
    """
    height, width = images.shape[2:]
    longest = max(1, MAX_ELONGATION * height * covered[1] // covered[0])
    tallest = max(1, MAX_ELONGATION * width * covered[0] // covered[1])
    top, left = max(0, height - tallest) // 2, max(0, width - longest) // 2
    return images[:, :, top : height - top, left : width - left]


def adapt(images: Tensor, shape: InputShape, prepared: Preparation = PLAIN) -> Tensor:
    """uint8 images resized and recoloured to `shape`, whose aspect ratio they take.

    Grey becomes RGB by repetition, RGB becomes grey by its luma.
    """
    if images.shape[1] > shape.channels:
        images = _luma(images)
    size = (shape.height, shape.width)
    if images.shape[2:] != size:
        if prepared.interpolation == "nearest":
            images = F.interpolate(images, size, mode="nearest-exact")
        else:
            images = F.interpolate(
                images, size, mode=prepared.interpolation, antialias=prepared.antialias
            )
    return images.expand(-1, shape.channels, -1, -1)


def normalised(
    images: Tensor,
    prepared: Preparation,
    colour: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """uint8 pixels p as the float32 (p / 255 - mean) / std that the network sees, channels last in memory.

    `colour` changes RGB values in [0, 1] before.
    """
    scale = 255.0
    scaled = images.to(torch.float32)
    if colour is not None:
        scale, scaled = 1.0, colour(scaled.div_(255))
    if prepared.channel_order == "bgr" and scaled.shape[1] == RGB:
        scaled = scaled.flip(1)
    mean, std = (
        torch.tensor(each, device=images.device).mul_(scale).view(-1, 1, 1)
        for each in (prepared.mean, prepared.std)
    )
    return scaled.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def _luma(images: Tensor) -> Tensor:
    weights = torch.tensor(_GREY_WEIGHTS, dtype=torch.int32).view(1, 3, 1, 1)
    total = (images.to(torch.int32) * weights).sum(1, keepdim=True)
    return ((total + 2**15) >> 16).to(torch.uint8)
