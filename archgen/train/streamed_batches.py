"""Training batches of a streamed set: what `Batches` is for sets in memory, read ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archgen.train import keyed
from archgen.train.batches import Batches, augmented, samples_of
from archgen.train.data import Images, StreamedSet
from archgen.train.data.bad import BadImage
from archgen.train.data.boxes import DRAWS_PER_ATTEMPT
from archgen.train.data.colour import COLOUR_DRAWS
from archgen.train.data.reading import Prepared, prepared_in_processes
from archgen.train.errors import DataError
from archgen.train.keyed import Purpose
from archgen.train.recipe import Augment, Recipe
from archgen.train.schedule import Timeline
from archgen.train.world import ALONE, WHOLE, Share, World

REPLACEMENTS = 16
_MIRRORED = Augment(flip=True)


@contextmanager
def batches_of(
    data: Images, recipe: Recipe, timeline: Timeline, seed: int, world: World = ALONE
) -> Iterator[AnyBatches]:
    """The batches of one run, whether its images are in memory or not; what reads ends with it."""
    if isinstance(data, StreamedSet):
        with closing(StreamedBatches(data, recipe, timeline, seed, world)) as streamed:
            yield streamed
    else:
        yield Batches(data, recipe, timeline, seed, world.share)


@dataclass(frozen=True, slots=True)
class Steps:
    """The images of each step before they go to the device, as a pure function of the step."""

    data: StreamedSet
    batch: int
    timeline: Timeline
    seed: int
    share: Share = WHOLE

    def samples(self, step: int) -> NDArray[np.int64]:
        """The indices of this process's share of the images of `step`."""
        whole = samples_of(step, self.timeline, self.seed, len(self.data), self.batch)
        return self.share.of(whole)

    def __getitem__(self, step: int) -> Prepared:
        """The uint8 images of `step`; bad ones are replaced, and named."""
        epoch = self.timeline.epoch(step)
        images, labels, bad = [], [], []
        for index in self.samples(step).tolist():
            for candidate in self._candidates(epoch, index):
                try:
                    images.append(
                        self.data.for_training(candidate, self._attempts(epoch, candidate))
                    )
                    labels.append(int(self.data.listing.labels[candidate]))
                    break
                except DataError as error:
                    bad.append(BadImage(self.data.listing.place(candidate), str(error)))
        return Prepared.of(images, labels, bad)

    def _candidates(self, epoch: int, index: int) -> Iterator[int]:
        """The image itself, then what replaces it, keyed by (seed, epoch, image)."""
        yield index
        if self.data.loading.on_bad == "skip":
            key = np.array([index])
            drawn = keyed.uniforms(self.seed, Purpose.REPLACEMENT, epoch, key, REPLACEMENTS)[0]
            yield from (drawn * len(self.data)).astype(np.int64).tolist()

    def _attempts(self, epoch: int, index: int) -> list[list[float]]:
        if self.data.preset is None:
            return []
        count = self.data.preset.attempts * DRAWS_PER_ATTEMPT
        drawn = keyed.uniforms(self.seed, Purpose.CROP_BOX, epoch, np.array([index]), count)
        rows: list[list[float]] = drawn.reshape(-1, DRAWS_PER_ATTEMPT).tolist()
        return rows


class StreamedBatches:
    """The batches of one run over a streamed set. Every epoch drops the last odd images.

    `at` may be asked for any step; asked for one after the other it reads ahead.
    """

    def __init__(
        self,
        data: StreamedSet,
        recipe: Recipe,
        timeline: Timeline,
        seed: int,
        world: World = ALONE,
    ) -> None:
        self.data = data
        self.timeline = timeline
        self._recipe = recipe
        self._seed = seed
        self._world = world
        self._steps = Steps(data, recipe.batch, timeline, seed, world.share)
        self._ahead: Generator[Prepared, None, None] | None = None
        self._next = -1

    def at(self, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Images (float32, ready for the network) and labels of `step`, counted from 0.

        Of the batch they are the share of this process; what is bad counts for all.
        """
        prepared, samples = self._prepared(step), self._steps.samples(step)
        self.data.bad.add(prepared.bad)
        self.data.agree(self._world)
        if len(prepared.labels) < len(samples):
            raise DataError(
                f"too few images of `{self.data.name}` can be used to fill the batch of step {step}"
            )
        epoch = self.timeline.epoch(step)
        augment = self._recipe.augment if self.data.preset is None else _MIRRORED
        images = augmented(prepared.images, augment, self._seed, epoch, samples)
        drawn = keyed.uniforms(self._seed, Purpose.COLOUR, epoch, samples, COLOUR_DRAWS)
        colours = torch.from_numpy(drawn).to(device, torch.float32, non_blocking=True)
        return (
            self.data.normalised(images.to(device, non_blocking=True), colours),
            prepared.labels.to(device, non_blocking=True),
        )

    def samples(self, step: int) -> NDArray[np.int64]:
        """The indices of the images of `step` in all processes, bad ones included."""
        batch = self._recipe.batch
        return samples_of(step, self.timeline, self._seed, len(self.data), batch)

    def close(self) -> None:
        """Ends what reads ahead."""
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = None

    def _prepared(self, step: int) -> Prepared:
        if self._ahead is None or step != self._next:
            self.close()
            remaining = range(step, max(step + 1, self.timeline.steps))
            workers = self.data.loading.workers
            self._ahead = prepared_in_processes(self._steps, remaining, workers)
        self._next = step + 1
        return next(self._ahead)


AnyBatches = Batches | StreamedBatches
