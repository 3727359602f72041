"""One command in several processes of this machine: started, watched, and started again after a crash.

PyTorch's elastic agent runs the processes; each attempt has an agent and a rendezvous of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from archgen.cli.exit_codes import FINDINGS, LOST, SIGNALLED, SOUND, UNUSABLE
from archgen.cli.terminal import note
from archgen.endings import how_it_ended

if TYPE_CHECKING:
    from archgen.train.agent import Failure

INTERRUPTED = SIGNALLED + signal.SIGINT
TERMINATED = SIGNALLED + signal.SIGTERM
HUNG_UP = SIGNALLED + 1  # SIGHUP, which Windows does not have
# how a process ends that has said what it had to say: starting it again would change nothing
ENDINGS = (FINDINGS, UNUSABLE, INTERRUPTED, TERMINATED, HUNG_UP)
_AFTERWARDS = (LOST, -signal.SIGTERM)  # how those end that notice that another one is gone
_OUR_OPTIONS = ("gpus", "processes", "restarts", "device")


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes are to share the work, on what, and how often a crash is made good."""

    count: int
    device: str
    restarts: int

    @classmethod
    def requested(
        cls, gpus: int | None, processes: int | None, restarts: int, device: str
    ) -> Processes | None:
        """What the command line asks for; None where this process does the work itself."""
        if gpus is None and processes is None:
            return None
        if gpus is not None and processes is not None:
            raise click.UsageError(
                "name either --gpus or --processes: each GPU has a process of its own"
            )
        option, wanted = ("--processes", "cpu") if gpus is None else ("--gpus", "cuda")
        if "RANK" in os.environ:
            raise click.UsageError(
                f"a launcher has started this process as one of several: leave out {option}"
            )
        if device not in ("auto", wanted):
            raise click.UsageError(f"{option} computes on {wanted}: leave out --device {device}")
        return cls(gpus or processes or 0, wanted, restarts)


def launch_again(processes: Processes, *added: str) -> int:
    """Runs the command that runs now, with the options `added`, in each of the processes."""
    context = click.get_current_context()
    words = words_again(context, _OUR_OPTIONS, f"--device={processes.device}", *added)
    return run_in_processes(processes, words)


def words_again(context: click.Context, left_out: Collection[str], *added: str) -> list[str]:
    """The command of `context` as it stands on the command line, with some options exchanged."""
    assert context.info_name is not None
    options, arguments = list(added), list[str]()
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in left_out or name not in context.params or source != ParameterSource.COMMANDLINE:
            continue
        value = str(context.params[name])
        if not isinstance(parameter, click.Option):
            arguments.append(value)
        else:
            options.append(
                parameter.opts[0] if parameter.is_flag else f"{parameter.opts[0]}={value}"
            )
    return [context.info_name, *options, "--", *arguments]


def run_in_processes(processes: Processes, words: Sequence[str]) -> int:
    """Runs `archgen WORDS` in each of the processes; returns the status that they ended with.

    Where one crashes or is killed, the others are ended and all start again, as often as is allowed.
    A signal to this process reaches all of them, and they have time to save.
    """
    from archgen.cli.training import told_plainly
    from archgen.train import Interrupted
    from archgen.train.devices import check_gpus

    if processes.device == "cuda":
        with told_plainly():
            check_gpus(processes.count)
    try:
        return _attempted(processes, words)
    except Interrupted as stop:
        return SIGNALLED + stop.signal


def _attempted(processes: Processes, words: Sequence[str]) -> int:
    from archgen.train.agent import run_once

    for attempt in range(1, processes.restarts + 2):
        failures = run_once(processes.count, ["-P", "-m", "archgen", *words])
        status = status_of_all(failures)
        if status is not None:
            return status
        is_last = attempt > processes.restarts
        ahead = "that was the last attempt" if is_last else _again(attempt, processes.restarts)
        note(f"{_what_crashed(failures, processes.count)}; {ahead}")
    return LOST


def _again(restart: int, restarts: int) -> str:
    return f"all start again (restart {restart} of {restarts})"


def status_of_all(failures: Sequence[Failure]) -> int | None:
    """The status that the processes ended with, the first to end first; None after a crash.

    SIGTERM is what the agent ends the others by, once one has ended.
    """
    statuses = [failure.status for failure in failures]
    if any(status not in (*ENDINGS, -signal.SIGTERM) for status in statuses):
        return None
    return next((status for status in statuses if status > 0), TERMINATED if statuses else SOUND)


def _what_crashed(failures: Sequence[Failure], count: int) -> str:
    """The process that a crash began with, as far as can be seen."""
    rank, status = next((f for f in failures if f.status not in _AFTERWARDS), failures[0])
    return f"process {rank + 1} of {count} {how_it_ended(status)}"
