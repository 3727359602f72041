"""The trainer: a plain PyTorch loop that knows recipes and images, and nothing of specs.

The names below load on first use (PEP 562), so that reading a `Recipe` does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archgen.train.data import ImageSet, Loading, StreamedSet, default_workers, load_data
    from archgen.train.errors import DataError, Interrupted, TrainingError
    from archgen.train.evaluation import Evaluation, evaluate
    from archgen.train.fitting import FitResult, fit
    from archgen.train.progress import Progress, progress_on
    from archgen.train.recipe import Recipe
    from archgen.train.run import RunFolder
    from archgen.train.weights import load_weights, save_weights

_HOMES = {
    "DataError": "errors",
    "Evaluation": "evaluation",
    "FitResult": "fitting",
    "ImageSet": "data",
    "Loading": "data",
    "Interrupted": "errors",
    "Progress": "progress",
    "Recipe": "recipe",
    "RunFolder": "run",
    "StreamedSet": "data",
    "TrainingError": "errors",
    "default_workers": "data",
    "evaluate": "evaluation",
    "fit": "fitting",
    "load_data": "data",
    "load_weights": "weights",
    "progress_on": "progress",
    "save_weights": "weights",
}

__all__ = [
    "DataError",
    "Evaluation",
    "FitResult",
    "ImageSet",
    "Interrupted",
    "Loading",
    "Progress",
    "Recipe",
    "RunFolder",
    "StreamedSet",
    "TrainingError",
    "default_workers",
    "evaluate",
    "fit",
    "load_data",
    "load_weights",
    "progress_on",
    "save_weights",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
