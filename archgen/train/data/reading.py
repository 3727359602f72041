"""Batches prepared ahead by loading processes, in order, without a trace in the main process."""

from __future__ import annotations

import signal
from collections.abc import Generator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archgen.train.data.bad import BadImage
from archgen.train.errors import DataError
from archgen.train.stopping import SIGNALS


class Prepared(NamedTuple):
    """A batch of uint8 images as a loading process hands it over, and the bad ones it met.

    Errors travel as data: an exception would come out of the main process with two tracebacks.
    """

    images: Tensor
    labels: Tensor
    bad: tuple[BadImage, ...]

    @classmethod
    def of(
        cls, images: Sequence[Tensor], labels: Sequence[int], bad: Sequence[BadImage]
    ) -> Prepared:
        """The images in one tensor, channels last in memory."""
        if not images:
            return cls(
                torch.empty(0, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), (*bad,)
            )
        stacked = torch.empty(
            (len(images), *images[0].shape), dtype=torch.uint8, memory_format=torch.channels_last
        )
        for row, image in zip(stacked, images, strict=True):
            row.copy_(image)
        return cls(stacked, torch.tensor(labels, dtype=torch.int64), (*bad,))


class Batched(Protocol):
    """Batches by number, the same whichever process asks."""

    def __getitem__(self, number: int) -> Prepared:
        """Batch `number`."""


def prepared_in_processes(
    source: Batched, numbers: range, workers: int
) -> Generator[Prepared, None, None]:
    """The batches of `numbers` in their order, read ahead by `workers` processes; 0 reads here.

    Draws nothing from torch's global generator. The processes leave signals that ask to stop to the one
    that started them, which may still save. They end with the generator: whoever keeps it without
    exhausting it closes it, since the end of this process waits for them.
    """
    loader: DataLoader[Prepared] = DataLoader(
        source,  # type: ignore[arg-type]  # all that a map-style set needs is here
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        collate_fn=_as_it_is,  # type: ignore[arg-type]  # batches are made by the set
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_signals,
        generator=torch.Generator().manual_seed(0),
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"a process that loads images has died, perhaps for want of memory: {error}; "
            "try fewer `--workers`"
        ) from error


def _as_it_is(batch: Prepared) -> Prepared:
    return batch


def _leave_signals(worker: int) -> None:  # noqa: ARG001  # torch gives the worker's number
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
