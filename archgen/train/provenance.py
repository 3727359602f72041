"""Where a run and its weights come from, in words that survive without the program."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping

import torch

from archgen.train.data import Images
from archgen.train.evaluation import Evaluation
from archgen.train.run import Facts, RunFolder, Scalar

_LAST_DIGITS = "their last digits"
_SURROUNDINGS = {
    "device": _LAST_DIGITS,
    "processes": f"{_LAST_DIGITS}, and by what batch norms and dropout see,",
    "threads": _LAST_DIGITS,
    "torch": _LAST_DIGITS,
}


def run_facts(
    train: Images, test: Images, seed: int, device: torch.device, processes: int = 1
) -> Mapping[str, Scalar]:
    """What a run depends on beside its spec and recipe."""
    return {
        "seed": seed,
        "train": f"{train.name} ({len(train)} images)",
        "test": f"{test.name} ({len(test)} images)",
        "device": device.type if processes > 1 else str(device),
        "processes": processes,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def changed_surroundings(run: RunFolder, facts: Facts) -> list[str]:
    """A line for each of device, processes, threads and versions that is not what the run had.

    Sums are rounded in another order then, so the same steps give slightly other weights. Batch norms
    and dropout, too, see the share of a process, which another number of processes makes another.
    """
    before = run.facts if run.is_at(run.path) else {}
    return [
        f"{name} was {before[name]} and is {facts[name]} now: "
        f"the weights will differ in {how} from those of a run without this change"
        for name, how in _SURROUNDINGS.items()
        if name in before and before[name] != facts[name]
    ]


def weights_metadata(
    run: RunFolder,
    train: Images,
    seed: int,
    step: int,
    evaluation: Evaluation,
    *,
    averaged: bool,
) -> Mapping[str, str]:
    """What whoever finds the weights alone, after `step` steps, has to know to use them.

    `averaged` says whether they are a moving average over the steps, or those of the last one.
    """
    return {
        "format": "pt",
        "spec_sha256": run.spec_sha256,
        "data": train.name,
        "classes": json.dumps(train.classes),
        "mean": str(train.mean),
        "std": str(train.std),
        "seed": str(seed),
        "step": str(step),
        "averaged": str(averaged).lower(),
        "top1": f"{evaluation.top1:.6f}",
    }
