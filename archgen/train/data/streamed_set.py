"""Labelled images that stay where they are, and are read and decoded as they are needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from archgen.train.data.bad import MAX_BAD_SHARE, BadImage, BadImages, OnBad
from archgen.train.data.boxes import Attempt, Box
from archgen.train.data.images import InputShape, OrderedImages, adapt, normalised, viewed
from archgen.train.data.listing import Listing
from archgen.train.data.presets import PRESETS, Preset, PresetName
from archgen.train.data.reading import Prepared, prepared_in_processes
from archgen.train.data.splits import Look
from archgen.train.errors import DataError
from archgen.train.preparation import Preparation, implied
from archgen.train.world import WHOLE, Share, World

MAX_DEFAULT_WORKERS = 8
ANYWHERE = Look()


@dataclass(frozen=True, slots=True)
class Loading:
    """How images come from a disk: prepared as what, by how many processes, and what if one cannot.

    `preset` says what training changes at random; without a `preparation`, images are prepared as it
    implies. With 0 workers the training process reads them itself. `look` says where they are looked for.
    """

    preset: PresetName | None = None
    workers: int = 0
    on_bad: OnBad = "error"
    max_bad: float = MAX_BAD_SHARE
    preparation: Preparation | None = None
    look: Look = ANYWHERE

    def prepared_for(self, shape: InputShape) -> Preparation:
        """How a network of that input shape sees images. Raises `DataError` where it cannot."""
        prepared = implied(self.preset) if self.preparation is None else self.preparation
        try:
            return prepared.fitted(shape.channels, shape.height, shape.width)
        except ValueError as error:
            raise DataError(str(error)) from error


def default_workers() -> int:
    """Loading processes for this machine: none beside a network on the CPU, which needs it more."""
    return min(MAX_DEFAULT_WORKERS, os.cpu_count() or 1) if torch.cuda.is_available() else 0


@dataclass(frozen=True, slots=True, eq=False)
class StreamedSet:
    """The images of a listing as a network of that input shape takes them."""

    listing: Listing
    shape: InputShape
    loading: Loading
    bad: BadImages
    preparation: Preparation

    @classmethod
    def of(cls, listing: Listing, shape: InputShape, loading: Loading) -> StreamedSet:
        """The set; it has images, and a record of bad ones of its own."""
        if not len(listing.labels):
            raise DataError(f"`{listing.name}` has no images")
        total = len(listing.labels)
        bad = BadImages(listing.name, total, loading.on_bad, loading.max_bad, listing.empty)
        return cls(listing, shape, loading, bad, loading.prepared_for(shape))

    def __len__(self) -> int:
        return len(self.listing.labels)

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.listing.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.listing.classes

    @property
    def labels(self) -> Tensor:
        """The class of each image."""
        return torch.from_numpy(self.listing.labels)

    @property
    def preset(self) -> Preset | None:
        """What training changes at random, if anything."""
        return None if self.loading.preset is None else PRESETS[self.loading.preset]

    def fingerprint(self) -> str:
        """A short hash of the classes, the labels and the name of every image; reads none."""
        hashed = sha256(repr(self.classes).encode())
        hashed.update(self.listing.labels.tobytes())
        for index in range(len(self)):
            name = self.listing.place(index).removeprefix(self.name)
            hashed.update(name.encode(errors="surrogateescape") + b"\n")
        return hashed.hexdigest()[:16]

    def for_training(self, index: int, attempts: Sequence[Attempt]) -> Tensor:
        """Image `index`, channels x height x width, cut by the preset's law. Raises `DataError`."""
        if self.preset is None:
            return self.for_evaluation(index)
        image = self.listing.decoded(index, self.preparation)
        box = self.preset.crop(image.shape[2], image.shape[3], attempts)
        return cut(image, box, self.shape, self.preparation)

    def for_evaluation(self, index: int) -> Tensor:
        """Image `index`, channels x height x width, as it is measured. Raises `DataError`."""
        image = self.listing.decoded(index, self.preparation)
        return viewed(image, self.shape, self.preparation)[0]

    def normalised(self, images: Tensor, colours: Tensor | None = None) -> Tensor:
        """uint8 pixels as the float32 that the network sees, channels last in memory.

        `colours` holds the draws of the preset's colour law, a row for each image.
        """
        law = self.preset.colour if self.preset is not None else None
        if law is None or colours is None:
            return normalised(images, self.preparation)
        return normalised(images, self.preparation, lambda values: law(values, colours))

    def in_order(self, batch: int, share: Share = WHOLE) -> OrderedImages:
        """All images once, as uint8 batches with their labels; of these the batches of a share.

        Bad ones are refused or left out.
        """
        batches = OrderedBatches(self, batch)
        numbers = range(share.rank, len(batches), share.size)
        for prepared in prepared_in_processes(batches, numbers, self.loading.workers):
            self.bad.add(prepared.bad)
            if len(prepared.labels):
                yield prepared.images, prepared.labels

    def agree(self, world: World) -> None:
        """Counts the bad images that other processes have met as if this one had."""
        self.bad.pool(world.pooled)


@dataclass(frozen=True, slots=True)
class OrderedBatches:
    """Batches of the images in their order, by number; what a loading process has."""

    data: StreamedSet
    batch: int

    def __len__(self) -> int:
        return (len(self.data) + self.batch - 1) // self.batch

    def __getitem__(self, number: int) -> Prepared:
        first = number * self.batch
        chosen = range(first, min(first + self.batch, len(self.data)))
        images, labels, bad = [], [], []
        for index in chosen:
            try:
                images.append(self.data.for_evaluation(index))
                labels.append(int(self.data.listing.labels[index]))
            except DataError as error:
                bad.append(BadImage(self.data.listing.place(index), str(error)))
        return Prepared.of(images, labels, bad)


def cut(image: Tensor, box: Box, shape: InputShape, prepared: Preparation) -> Tensor:
    """The part of a uint8 image (1 x channels x height x width) in `box`, resized to `shape`.

    It is copied first: torch resizes pixels that lie together, colour by colour, twice as fast.
    """
    part = image[:, :, box.top : box.top + box.height, box.left : box.left + box.width]
    return adapt(part.contiguous(memory_format=torch.channels_last), shape, prepared)[0]
