"""Several processes of this machine that do the same, started and watched by PyTorch's elastic agent."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from archgen.train.errors import Interrupted
from archgen.train.stopping import SIGNALS

SECONDS_TO_SAVE = 300  # between a signal and the end by force


class Failure(NamedTuple):
    """A process that did not end well: its rank, and its status or minus the signal that killed it."""

    rank: int
    status: int


def run_once(count: int, arguments: Sequence[str]) -> tuple[Failure, ...]:
    """Runs `python ARGUMENTS` in `count` processes, once; how they failed, the first one first.

    Where one fails, the agent ends the others by SIGTERM. A signal to this process reaches all of
    them; after `SECONDS_TO_SAVE` they are killed, and then `Interrupted` is raised.
    """
    _guard()
    _hush()
    gc.disable()  # an agent that is collected in a thread of its own fails aloud
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        signals_to_handle=",".join(_heard()),
    )
    try:
        elastic_launch(config, sys.executable)(*arguments)
    except SignalException as stop:
        raise Interrupted(int(stop.sigval)) from stop
    except ChildFailedError as error:
        ended = sorted(error.failures.items(), key=lambda item: item[1].timestamp)
        return tuple(Failure(rank, failure.exitcode) for rank, failure in ended)
    finally:
        gc.enable()
    return ()


def _heard() -> list[str]:
    """The names of the signals that end all, but for those that are ignored here, as nohup has it."""
    return [number.name for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


def _guard() -> None:
    """Sets for the agent and the processes what makes them dependable on one machine."""
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # no address of a dead attempt is read
    os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = str(SECONDS_TO_SAVE)
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # whatever this machine is called
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _hush() -> None:
    """Leaves it to us to say what happens: PyTorch's logs say it in a page."""
    for name in [*logging.root.manager.loggerDict]:
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
