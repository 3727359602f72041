"""The embedded data set: a balanced tenth of Fashion-MNIST, checked against its manifest."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import torch
from pydantic import BaseModel, ConfigDict

from archgen.train.data import idx
from archgen.train.data.images import ImageSet, Split
from archgen.train.errors import DataError

NAME = "fashion_mnist"
FOLDER = files("archgen.train") / "datasets" / NAME
MANIFEST = "manifest.json"
INDICES = "indices.json"


class Manifest(BaseModel):
    """What the embedded files are: where they come from, and the sha256 of each file.

    `indices.json` beside it lists, for each split, the rows of the full split that were taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    licence: str
    made_by: str
    seed: int
    classes: tuple[str, ...]
    source_sha256: dict[str, str]
    per_class: dict[Split, int]
    sha256: dict[str, str]
    unpacked_sha256: dict[str, str]


def load_fashion_mnist(split: Split) -> ImageSet:
    """The embedded split, grey and 28x28 as it is. A changed file raises `DataError`."""
    manifest = Manifest.model_validate_json((FOLDER / MANIFEST).read_bytes())
    images_file, labels_file = idx.FILES[split]
    images = idx.decode(_verified(images_file, manifest), images_file, ndim=3)
    labels = idx.decode(_verified(labels_file, manifest), labels_file, ndim=1)
    return ImageSet(
        NAME,
        torch.from_numpy(images.copy()).unsqueeze(1),
        torch.from_numpy(labels.astype("int64")),
        manifest.classes,
    )


def _verified(file: str, manifest: Manifest) -> bytes:
    packed = (FOLDER / file).read_bytes()
    if hashlib.sha256(packed).hexdigest() != manifest.sha256[file]:
        raise DataError(
            f"the embedded file `{FOLDER / file}` has been changed: its sha256 is not the one "
            f"in {MANIFEST}; install archgen again"
        )
    return packed
