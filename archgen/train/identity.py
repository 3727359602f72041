"""Which run a folder or a checkpoint belongs to: what decides every number of it, by name.

What changes no number of the steps so far is not part of it: `settings_of` has that by name, and a run
that is resumed may change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

from archgen.train.data import Images, StreamedSet
from archgen.train.errors import TrainingError
from archgen.train.recipe import Cosine, Recipe, TwoPhase
from archgen.train.run import Scalar
from archgen.train.world import World

Identity: TypeAlias = Mapping[str, Scalar]
NETWORK, IMAGES, TEST_IMAGES, LENGTH = "network", "training images", "test images", "length"
_CHANGEABLE = frozenset({"steps", "epochs", "on_bad", "max_bad"})
_ABSENT = "unset"
_SAMPLED_IMAGES = 256


def identity_of(
    spec_sha256: str, recipe: Recipe, train: Images, test: Images, seed: int
) -> Identity:
    """What a run must share with another to be the same run, on the same machine.

    A setting of the recipe that has its default is left out, so that a run may go on with an
    archgen that knows more settings.
    """
    settings = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"seed", *_CHANGEABLE})
    return {
        NETWORK: spec_sha256,
        IMAGES: f"{len(train)} images, sha256 {fingerprint(train)}",
        TEST_IMAGES: f"{len(test)} images, sha256 {fingerprint(test)}",
        "seed": seed,
        **({LENGTH: length_of(recipe)} if schedule_needs_length(recipe) else {}),
        **dict(_flat(settings)),
    }


def settings_of(recipe: Recipe) -> Identity:
    """What a run may change when it is resumed: its length, and what is done about bad images."""
    return {LENGTH: length_of(recipe), "on_bad": recipe.on_bad, "max_bad": recipe.max_bad}


def length_of(recipe: Recipe) -> str:
    """`30 epochs`, or `1 step`."""
    count, unit = (recipe.steps, "step") if recipe.epochs is None else (recipe.epochs, "epoch")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def schedule_needs_length(recipe: Recipe) -> bool:
    """Whether the rates of all steps depend on which step is the last."""
    schedule = recipe.schedule
    return isinstance(schedule.then if isinstance(schedule, TwoPhase) else schedule, Cosine)


def check_identity(wanted: Identity, found: Identity, owner: str) -> None:
    """Raises `TrainingError` with each name that differs between this run and what `owner` says."""
    differing = differences(wanted, found)
    if differing:
        raise TrainingError(f"{owner} is another run's: {'; '.join(differing.values())}")


def differences(wanted: Identity, found: Identity) -> dict[str, str]:
    """By name, in words, what differs between this run and one that was `found`."""
    return {
        name: _difference(name, wanted.get(name, _ABSENT), found.get(name, _ABSENT))
        for name in dict.fromkeys((*wanted, *found))
        if wanted.get(name) != found.get(name)
    }


def _difference(name: str, want: Scalar, have: Scalar) -> str:
    """The two values; of what a hash stands for, what it says."""
    if name == NETWORK:
        return "`network` is another one there"
    if name in (IMAGES, TEST_IMAGES):
        want, have = (str(value).partition(",")[0] for value in (want, have))
        if want == have:
            return f"`{name}` are other ones there, {have} as here"
        return f"`{name}` are {have} there and {want} here"
    return f"`{name}` is {have} there and {want} here"


def check_agreement(identity: Identity, recipe: Recipe, world: World) -> None:
    """Raises `TrainingError` in all processes where they are not about the same run."""
    whole = {**identity, **settings_of(recipe)}
    found = [json.loads(text) for text in world.pooled([json.dumps(whole)])]
    for number, other in enumerate(found):
        check_identity(found[0], other, f"process {number + 1} of {world.size}")


def fingerprint(images: Images) -> str:
    """A short hash of the classes, all labels, and images from all over the set.

    Of a streamed set the names count instead of the images.
    """
    if isinstance(images, StreamedSet):
        return images.fingerprint()
    stride = max(1, len(images) // _SAMPLED_IMAGES)
    hashed = sha256(json.dumps(images.classes).encode())
    hashed.update(images.labels.cpu().numpy().tobytes())
    hashed.update(images.images[::stride].cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()[:16]


def _flat(settings: Mapping[str, object], owner: str = "") -> Iterator[tuple[str, Scalar]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{owner}{name}.")
        elif value is None or isinstance(value, (str, int, float, bool)):
            yield f"{owner}{name}", value
        else:
            yield f"{owner}{name}", json.dumps(value)
