"""Batches prepared ahead by loading processes, in order, without a trace in the main process."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from archgen.endings import how_it_ended
from archgen.train.data.bad import BadImage
from archgen.train.errors import DataError
from archgen.train.stopping import SIGNALS

_PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_SECONDS_TO_BE_GONE = 2.0


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
    that started them, which may still save, and end with it however that ends. They end with the
    generator, too: whoever keeps it without exhausting it closes it, since the end of this process
    waits for them. Raises `DataError` where one of them is killed.
    """
    loader: DataLoader[Prepared] = DataLoader(
        source,  # type: ignore[arg-type]  # all that a map-style set needs is here
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        collate_fn=_as_it_is,  # type: ignore[arg-type]  # batches are made by the set
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_live_and_die_with_parent,
        generator=torch.Generator().manual_seed(0),
    )
    with _leaving_children_to_be_waited_for():
        batches = iter(loader)
    try:
        yield from batches
    except (RuntimeError, OSError, EOFError, multiprocessing.ProcessError) as error:
        status = _status_of_killed(getattr(batches, "_workers", ()))
        if status is None:
            raise
        raise DataError(
            f"one of the {workers} processes that load images {how_it_ended(status)}{_advice(status)}; "
            f"go on with fewer: `--workers {workers // 2}`"
        ) from error


def _status_of_killed(processes: Sequence[BaseProcess]) -> int | None:
    """How one of the processes ended that did not end well; None where none did.

    Its connections are gone a moment before it is.
    """
    deadline = time.monotonic() + _SECONDS_TO_BE_GONE
    while processes and time.monotonic() < deadline:
        for process in processes:
            if process.exitcode:
                return process.exitcode
        time.sleep(0.02)
    return None


@contextmanager
def _leaving_children_to_be_waited_for() -> Iterator[None]:
    """Keeps torch's handler of SIGCHLD out, which raises in the middle of whatever runs then, a step say.

    That a loading process is gone is noticed where its batch is waited for.
    """
    number = getattr(signal, "SIGCHLD", None)  # not on Windows
    if number is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(number)
    try:
        yield
    finally:
        signal.signal(number, before)


def _advice(status: int) -> str:
    """What is likely where a process ended so."""
    if status == -signal.SIGKILL:
        return ", as a system does with what takes too much memory"
    if status == -signal.SIGBUS:
        return ", as happens where `/dev/shm` is full (a container has `--shm-size` for it)"
    return ""


def _as_it_is(batch: Prepared) -> Prepared:
    return batch


def _live_and_die_with_parent(worker: int) -> None:  # noqa: ARG001  # torch gives the worker's number
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _without_what_a_lost_parent_causes
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():  # gone before it was asked for
            os._exit(1)


def _without_what_a_lost_parent_causes(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Leaves out that a connection is gone: the one that asked for a batch was killed."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
