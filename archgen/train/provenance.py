"""Where a run and its weights come from, in words that survive without the program."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping

import torch

from archgen.train.data import ImageSet
from archgen.train.evaluation import Evaluation
from archgen.train.run import RunFolder, Scalar


def run_facts(
    train: ImageSet, test: ImageSet, seed: int, device: torch.device
) -> Mapping[str, Scalar]:
    """What a run depends on beside its spec and recipe."""
    return {
        "seed": seed,
        "train": f"{train.name} ({len(train)} images)",
        "test": f"{test.name} ({len(test)} images)",
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def weights_metadata(
    run: RunFolder, train: ImageSet, seed: int, step: int, evaluation: Evaluation
) -> Mapping[str, str]:
    """What whoever finds the weights alone has to know to use them."""
    return {
        "format": "pt",
        "spec_sha256": run.spec_sha256,
        "data": train.name,
        "classes": json.dumps(train.classes),
        "mean": str(train.mean),
        "std": str(train.std),
        "seed": str(seed),
        "step": str(step + 1),
        "top1": f"{evaluation.top1:.6f}",
    }
