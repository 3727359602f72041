"""Which run a folder or a checkpoint belongs to: what decides every number of it, by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

from archgen.train.data import Images, StreamedSet
from archgen.train.errors import TrainingError
from archgen.train.recipe import Recipe
from archgen.train.run import Scalar
from archgen.train.world import World

Identity: TypeAlias = Mapping[str, Scalar]
_ABSENT = "unset"
_SAMPLED_IMAGES = 256


def identity_of(spec_sha256: str, recipe: Recipe, train: Images, seed: int) -> Identity:
    """What a run must share with another to be the same run, on the same machine.

    A setting of the recipe that has its default is left out, so that a run may go on with an
    archgen that knows more settings.
    """
    settings = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"seed"})
    return {
        "network": spec_sha256,
        "training images": f"{len(train)} images, sha256 {fingerprint(train)}",
        "seed": seed,
        **dict(_flat(settings)),
    }


def check_identity(wanted: Identity, found: Identity, owner: str) -> None:
    """Raises `TrainingError` with each name that differs between this run and what `owner` says."""
    differing = [
        f"`{name}` is {found.get(name, _ABSENT)} there and {wanted.get(name, _ABSENT)} here"
        for name in dict.fromkeys((*wanted, *found))
        if wanted.get(name) != found.get(name)
    ]
    if differing:
        raise TrainingError(f"{owner} is another run's: {'; '.join(differing)}")


def check_agreement(identity: Identity, world: World) -> None:
    """Raises `TrainingError` in all processes where they are not about the same run."""
    found = [json.loads(text) for text in world.pooled([json.dumps(identity)])]
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
