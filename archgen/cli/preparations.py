"""What a figure on images is about: how they are prepared, and which output each class is."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from archgen.train import Recipe
    from archgen.train.data import Images
    from archgen.train.preparation import Preparation

LISTED = 12  # classes by name


class Stated(NamedTuple):
    """A preparation and the names of a network's outputs, where they are said, and by whom."""

    preparation: Preparation
    classes: tuple[str, ...] | None
    origin: str


def named_preparation(name: str) -> Stated:
    """What `--preparation` names: a preparation that comes with archgen, or a file. Raises SpecError."""
    from archgen.cli.recipes import sound_preparation
    from archgen.diagnostics import did_you_mean
    from archgen.spec.files import read_spec
    from archgen.train.preparation import NAMES, PREPARATIONS

    for known in NAMES:
        if name == known and not Path(name).is_file():
            return Stated(PREPARATIONS[known], None, f"`--preparation {name}`")
    if not Path(name).exists():
        near = did_you_mean(name, NAMES)
        hint = f"did you mean `{near}`?" if near else f"give a file, or one of {', '.join(NAMES)}"
        raise click.UsageError(f"there is no preparation or file `{name}`; {hint}")
    found = sound_preparation(read_spec(Path(name)))
    return Stated(found.preparation, found.classes, f"`{name}`")


def stated_by(
    weights: Path,
    metadata: Mapping[str, str],
    option: str | None,
    size: Sequence[int],
    recipe: Recipe | None = None,
) -> Stated | None:
    """How images are prepared for a network of channels, height and width; None where nothing says it.

    That is the metadata of its weights, else the recipe that they were trained by, else
    `--preparation`. Raises TrainingError where two of them differ.
    """
    from archgen.train import TrainingError
    from archgen.train.preparation import differing
    from archgen.train.provenance import classes_in, preparation_in

    recorded, classes = preparation_in(metadata, weights), classes_in(metadata, weights)
    origin = f"`{weights}`"
    if recorded is None and recipe is not None:
        recorded, origin = recipe.prepared, "the run's recipe"
    if recorded is not None:
        recorded = _fitted(recorded, size)
    if option is None:
        return None if recorded is None else Stated(recorded, classes, origin)
    told = named_preparation(option)
    wanted = _fitted(told.preparation, size)
    if recorded is not None and (differ := differing(wanted, recorded)):
        raise TrainingError(
            f"{origin} says that images are prepared otherwise than {told.origin} says: "
            f"{'; '.join(differ)}; what was trained otherwise gives another figure, so leave the one out, "
            "or make the two agree"
        )
    if classes is not None and told.classes is not None and classes != told.classes:
        raise TrainingError(
            f"{told.origin} names other classes than {origin}, or in another order; "
            "leave its `classes:` out"
        )
    return Stated(wanted, classes or told.classes, told.origin)


def _fitted(prepared: Preparation, size: Sequence[int]) -> Preparation:
    from archgen.train import DataError

    try:
        return prepared.fitted(*size)
    except ValueError as error:
        raise DataError(str(error)) from error


def not_stated(weights: Path) -> click.UsageError:
    """What to type where nothing says how the images of a network are prepared."""
    from archgen.train.preparation import PREPARATIONS, in_words

    lines = [
        f"  --preparation {name}  {in_words(each.fitted(3, 224, 224), 224, 224).partition(': ')[2]}"
        for name, each in PREPARATIONS.items()
    ]
    return click.UsageError(
        f"`{weights}` does not say how its images are prepared (crop, mean, std), and a figure depends "
        "on it; say it, in a file (see docs/training.md) or as one of these, here for a grid of 224:\n"
        + "\n".join(lines)
    )


def carried(
    weights: Path,
    metadata: Mapping[str, str],
    option: str | None,
    size: Sequence[int],
    outputs: int,
) -> dict[str, str]:
    """What a network has to take along wherever it goes: classes and preparation, where they are known.

    `mean` and `std` are in the preparation, and once more by themselves for readers who know no other
    part of it.
    """
    from archgen.train.provenance import classes_in

    stated = stated_by(weights, metadata, option, size)
    classes = classes_in(metadata, weights) if stated is None else stated.classes
    found: dict[str, str] = {}
    if classes is not None:
        _demand_outputs(classes, outputs)
        found["classes"] = json.dumps(classes)
    if stated is not None:
        found["preparation"] = stated.preparation.model_dump_json(exclude_none=True)
        found["mean"] = json.dumps(stated.preparation.mean)
        found["std"] = json.dumps(stated.preparation.std)
    return found


def _demand_outputs(classes: Sequence[str], outputs: int) -> None:
    from archgen.train import TrainingError

    if len(classes) > outputs:
        raise TrainingError(
            f"{len(classes):,} classes are named, and the network has {outputs:,} outputs"
        )


class Matched(NamedTuple):
    """Images labelled by the outputs of a network, and in words how that is known."""

    images: Images
    classes: int
    present: int
    words: str


def matched(
    known: Sequence[str] | None, images: Images, outputs: int, *, is_subset: bool
) -> Matched:
    """Images labelled by the outputs of a network, whose names are `known` where somebody names them.

    Classes are matched by name. Raises TrainingError with those that the network does not know and,
    unless a subset is wanted, those that the data lack; and where nothing names the outputs and their
    number is not that of the classes.
    """
    from archgen.train import TrainingError
    from archgen.train.data.load import with_classes

    here, present = images.classes, len(set(images.labels.tolist()))
    advice = "name the outputs in their order, under `classes:` in a file for --preparation"
    if known is not None:
        _demand_outputs(known, outputs)
        _demand_same(images.name, here, known, is_subset=is_subset)
        words = f"{_of(present, len(known))} classes of the network, matched by name"
        return Matched(with_classes(images, tuple(known)), len(known), present, words)
    if is_subset:
        raise TrainingError(f"nothing says which classes the outputs are: {advice}")
    if len(here) != outputs:
        raise TrainingError(
            f"nothing says which classes the outputs are, and the {len(here):,} classes of "
            f"`{images.name}` are not as many as the {outputs:,} outputs: {advice}"
        )
    words = (
        f"{_of(present, outputs)} classes; nothing names the outputs, so their order is taken for that "
        f"of the sorted classes: the first is `{here[0]}`, the last `{here[-1]}`"
    )
    return Matched(images, outputs, present, words)


def _of(present: int, known: int) -> str:
    return f"all {known:,}" if present == known else f"{present:,} of the {known:,}"


def _demand_same(data: str, here: Sequence[str], known: Sequence[str], *, is_subset: bool) -> None:
    """Raises TrainingError with the classes that only the data or only the network have."""
    from archgen.train import TrainingError

    found, wanted = set(here), set(known)
    unknown = [_near(name, known) for name in here if name not in wanted]
    missing = [f"`{name}`" for name in known if name not in found]
    if not unknown and (not missing or is_subset):
        return
    lines = [f"the classes of `{data}` are not those of the network:"]
    if unknown:
        lines.append(f"  the network does not know {_listed(unknown)}")
    if missing:
        lines.append(f"  the data do not have {_listed(missing)}")
    count = sum(name in found for name in known)
    if unknown:
        lines.append("rename or move the folders that the network does not know")
    if missing and count:
        lines.append(f"--classes-subset measures on the {count:,} of {len(known):,} that are there")
    raise TrainingError("\n".join(lines))


def _near(name: str, known: Sequence[str]) -> str:
    """A class that the network does not know, and the one that may be meant."""
    from archgen.diagnostics import did_you_mean

    for other in known:
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
            return f"`{name}` (the network's has the same letters in another Unicode form)"
    near = did_you_mean(name, known)
    return f"`{name}` (did you mean `{near}`?)" if near else f"`{name}`"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest:,} more" if rest > 0 else "")
