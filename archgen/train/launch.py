"""How this process was started: alone, or as one of several by a launcher such as torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from archgen.train.devices import choose_device
from archgen.train.errors import TrainingError
from archgen.train.group import joined
from archgen.train.world import ALONE, WHOLE, Share, World

_NEEDED = ("WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class Launch:
    """The place of this process among all, and on its machine.

    `restarts` is how often the launcher starts all of them again where one fails, and `hint` what it
    lacks for that.
    """

    share: Share = WHOLE
    local_rank: int = 0
    restarts: int = 0
    hint: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Launch:
        """What the launcher has put into the environment; without one, a process alone."""
        if "RANK" not in environment:
            return cls()
        missing = [name for name in _NEEDED if name not in environment]
        if missing:
            raise TrainingError(
                f"RANK is set, as a launcher of several processes does, but not {', '.join(missing)}; "
                "unset RANK to train in one process"
            )
        share = Share(_number(environment, "RANK"), _number(environment, "WORLD_SIZE"))
        if share.rank >= share.size:
            raise TrainingError(
                f"RANK is {share.rank} and WORLD_SIZE {share.size}: ranks count from 0"
            )
        restarts = _number(environment, "TORCHELASTIC_MAX_RESTARTS", "0")
        shares_store = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
        # c10d heeds the variable; the static rendezvous shares its store whatever that says
        is_static = environment.get("TORCH_DISABLE_SHARE_RDZV_TCP_STORE") == "1"
        hint = (_STATIC if is_static else _SHARED_STORE) if restarts and shares_store else None
        return cls(share, _number(environment, "LOCAL_RANK", "0"), restarts, hint)

    def device(self, name: str) -> torch.device:
        """Where this process computes: of several on a machine each has a GPU of its own."""
        if self.share.size == 1:
            return choose_device(name)
        if name.startswith("cuda:"):
            raise TrainingError(
                f"each process has a GPU of its own; leave out `--device {name}`, "
                "and choose among the GPUs by CUDA_VISIBLE_DEVICES"
            )
        if name == "mps":
            raise TrainingError("one process alone trains on an Apple GPU; name `--device cpu`")
        has_gpu = name == "cuda" or (name == "auto" and torch.cuda.is_available())
        return choose_device(f"cuda:{self.local_rank}" if has_gpu else "cpu")

    @contextmanager
    def world(self, device: torch.device) -> Iterator[World]:
        """All processes of the launch; they wait here until each of them has come."""
        if self.share.size == 1:
            yield ALONE
            return
        with joined(self.share, device) as world:
            yield world


_RENDEZVOUS = "`--standalone` on one machine, `--rdzv-backend c10d` on several"
_STATIC = (
    "torchrun's static rendezvous, which it takes without other words, hangs once a process is lost: "
    f"start it with {_RENDEZVOUS}"
)
_SHARED_STORE = (
    "torchrun may hang or fail where it restarts processes: "
    f"set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its environment, and start it with {_RENDEZVOUS}"
)


def this_launch() -> Launch:
    """How this very process was started."""
    return Launch.of(os.environ)


def _number(environment: Mapping[str, str], name: str, default: str = "") -> int:
    text = environment.get(name, default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise TrainingError(f"{name} is `{text}` in the environment, and not a number of processes")
    return int(text)
