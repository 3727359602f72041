"""Several processes that are one `World`, forked from one that has loaded torch: they start at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch
import torch._dynamo  # what torch loads on first use, the processes then share

from archgen.train import fitting  # noqa: F401  # loaded once, for all that are forked
from archgen.train.group import joined
from archgen.train.world import ALONE, Share

Result = TypeVar("Result")
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [__name__, "pytest", "tests.train.test_group", "tests.train.test_distributed"]
)
SECONDS = 600  # a hang, on the busiest machine


@dataclass(frozen=True)
class Rank:
    """One of the processes, and where it says what came of its work."""

    process: BaseProcess
    said: Connection

    def result(self) -> Any:  # noqa: ANN401  # whatever the work gives
        """What the work gave, or the exception it ended with; None where the process was killed."""
        try:
            assert self.said.poll(SECONDS), "it hangs"
            found = self.said.recv()
        except EOFError:
            found = None
        self.process.join(SECONDS)
        return found


def started(size: int, work: Callable[..., object], *arguments: object, meet: Path) -> list[Rank]:
    """`size` processes that do `work(world, *arguments)`; they find each other by the file `meet`."""
    ranks = []
    for rank in range(size):
        ours, theirs = CONTEXT.Pipe(duplex=False)
        share = Share(rank, size)
        process = CONTEXT.Process(target=_work, args=(theirs, share, meet, work, arguments))
        process.start()
        theirs.close()
        ranks.append(Rank(process, ours))
    return ranks


def on_ranks(size: int, work: Callable[..., Result], *arguments: object) -> list[Result]:
    """What `work(world, *arguments)` gives in each of `size` processes, or raises there."""
    with TemporaryDirectory() as folder:
        ranks = started(size, work, *arguments, meet=Path(folder) / "meet")
        return [rank.result() for rank in ranks]


def _work(
    said: Connection,
    share: Share,
    meet: Path,
    work: Callable[..., object],
    arguments: tuple[object, ...],
) -> None:
    torch.set_num_threads(1)
    try:
        said.send(_done(share, meet, work, arguments))
    except Exception as error:  # noqa: BLE001  # the test that started it looks at it
        said.send(error)


def _done(
    share: Share, meet: Path, work: Callable[..., object], arguments: tuple[object, ...]
) -> object:
    if share.size == 1:
        return work(ALONE, *arguments)
    with joined(share, torch.device("cpu"), init_method=meet.as_uri()) as world:
        return work(world, *arguments)
