"""Where a run and its weights come from, in words that survive without the program."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import yaml

from archgen.train.data import Images, StreamedSet
from archgen.train.data.presets import PRESETS
from archgen.train.errors import TrainingError
from archgen.train.evaluation import Evaluation
from archgen.train.identity import length_of, settings_of
from archgen.train.preparation import Preparation, in_words
from archgen.train.recipe import Augment, Recipe
from archgen.train.run import Change, Facts, RunFolder, Scalar

_DIFFER = "the weights will differ in their last digits{} from those of a run without this change"
_EFFECTS = {
    "device": _DIFFER.format(""),
    "processes": _DIFFER.format(", and by what batch norms and dropout see,"),
    "threads": _DIFFER.format(""),
    "torch": _DIFFER.format(""),
    "workers": "no number depends on it",
    "length": "no rate so far depends on it",
    "on_bad": "it holds for the steps from here on",
    "max_bad": "it holds for the steps from here on",
}
_MOST_CLASSES = 1000  # whose images are counted one by one in run.json


def run_facts(
    train: Images,
    test: Images,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    processes: int = 1,
) -> Mapping[str, Scalar]:
    """What a run depends on besides its spec and the rest of its recipe."""
    return {
        "seed": seed,
        "train": f"{train.name} ({len(train)} images)",
        "test": f"{test.name} ({len(test)} images)",
        "preparation": prepared_in_words(test),
        "device": device.type if processes > 1 else str(device),
        "processes": processes,
        "workers": train.loading.workers if isinstance(train, StreamedSet) else 0,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        **settings_of(recipe),
    }


def images_by_class(data: Images) -> Mapping[str, Scalar]:
    """How many images each class has; nothing where there are more than a thousand classes."""
    if len(data.classes) > _MOST_CLASSES:
        return {}
    counts = torch.bincount(data.labels.cpu(), minlength=len(data.classes)).tolist()
    return dict(zip(data.classes, counts, strict=True))


def recipe_text(recipe: Recipe) -> str:
    """The recipe as the file that a run folder keeps: every setting with its value."""
    content = {"archgen": 1, "recipe": recipe.model_dump()}
    text: str = yaml.safe_dump(content, sort_keys=False)
    return text


def prepared_in_words(images: Images) -> str:
    """How the images of a set become what the network sees, on one line."""
    grid = (
        (images.shape.height, images.shape.width)
        if isinstance(images, StreamedSet)
        else (images.images.shape[2], images.images.shape[3])
    )
    return in_words(images.preparation, *grid)


def recipe_in_words(recipe: Recipe) -> str:
    """What a recipe comes to, on one line."""
    optimizer, schedule = recipe.optimizer, recipe.schedule
    average = f", averaged by {recipe.ema.decay:g}" if recipe.ema else ""
    return (
        f"{optimizer.name}, lr {optimizer.lr:g}, {schedule.name}, batch {recipe.batch}, "
        f"{length_of(recipe)}{average}"
    )


def augmented_in_words(augment: Augment) -> str:
    """What is done to training images at random, on one line."""
    if augment.preset is not None:
        is_coloured = PRESETS[augment.preset].colour is not None
        how = "cropped, mirrored and coloured" if is_coloured else "cropped and mirrored"
        return f"{how} at random by the law of `{augment.preset}`"
    shifted = f"shifted by up to {augment.crop_padding} pixels" if augment.crop_padding else ""
    done = [each for each in (shifted, "mirrored" if augment.flip else "") if each]
    if done:
        return f"prepared like the test images, and {' and '.join(done)} at random"
    return "prepared like the test images, and not augmented (`augment` of a recipe changes that)"


def preparation_text(images: Images) -> str:
    """The preparation as the file that a run folder keeps, with the names of the classes.

    Names that no text can hold, which file systems know, are left to the weights.
    """
    content: dict[str, object] = {
        "archgen": 1,
        "preparation": images.preparation.model_dump(mode="json", exclude_none=True),
        "classes": list(images.classes),
    }
    try:
        "".join(images.classes).encode()
    except UnicodeEncodeError:
        del content["classes"]
    text: str = yaml.safe_dump(
        content, sort_keys=False, default_flow_style=None, allow_unicode=True, width=96
    )
    return text


def changes_until(before: Mapping[str, object], facts: Facts, step: int) -> Sequence[Change]:
    """Every change of a run that goes on after `step` steps: those it knew of, and what is new now.

    `before` is what `run.json` said, and `facts` what it will say. A change that was recorded at a later
    step holds from `step` on, since the steps in between are taken anew.

    Sums are rounded in another order on other devices, threads and versions. Batch norms and dropout,
    too, see the share of a process, which another number of processes makes another.
    """
    if step == 0:
        return ()
    known = before.get("changes")
    changes = [
        Change(min(change.step, step), *change[1:])
        for change in map(Change.read, known if isinstance(known, list) else [])
        if change is not None
    ]
    for name, effect in _EFFECTS.items():
        was, now = before.get(name), facts.get(name)
        if was is not None and was != now:
            changes.append(Change(step, name, str(was), str(now), effect))
    return tuple(changes)


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
        "preparation": train.preparation.model_dump_json(),
        "seed": str(seed),
        "step": str(step),
        "averaged": str(averaged).lower(),
        "top1": f"{evaluation.top1:.6f}",
    }


def preparation_in(metadata: Mapping[str, str], weights: Path) -> Preparation | None:
    """The preparation that the metadata of weights record. Raises `TrainingError` where it is damaged."""
    if "preparation" not in metadata:
        return None
    try:
        return Preparation.model_validate(json.loads(metadata["preparation"]))
    except (ValueError, RecursionError) as error:
        raise TrainingError(
            f"`{weights}` is damaged: its metadata has a `preparation` that cannot be read"
        ) from error


def classes_in(metadata: Mapping[str, str], weights: Path) -> tuple[str, ...] | None:
    """The names of the network's outputs in their order; None where the metadata do not name them."""
    if "classes" not in metadata:
        return None
    try:
        found = json.loads(metadata["classes"])
    except (ValueError, RecursionError):
        found = None
    names = found if isinstance(found, list) else []
    if names and all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return tuple(names)
    raise TrainingError(
        f"`{weights}` is damaged: the `classes` in its metadata are not a list of different names"
    )
