"""A folder with the four gzipped IDX files of MNIST, Fashion-MNIST and their kin."""

from __future__ import annotations

from pathlib import Path

import torch

from archgen.train.data import idx
from archgen.train.data.images import ImageSet, InputShape, Split, adapt
from archgen.train.errors import DataError


def is_idx_folder(folder: Path) -> bool:
    """Whether `folder` holds the training images in IDX form."""
    return (folder / idx.FILES["train"][0]).is_file()


def load_idx_folder(folder: Path, split: Split, shape: InputShape) -> ImageSet:
    """One split of `folder`; the classes are the numbers that occur in the training labels."""
    images = _read(folder, idx.FILES[split][0], ndim=3)
    labels = _read(folder, idx.FILES[split][1], ndim=1)
    shape.check_room_for(len(images), str(folder))
    classes = int(_read(folder, idx.FILES["train"][1], ndim=1).max(initial=0)) + 1
    return ImageSet(
        str(folder),
        adapt(torch.from_numpy(images.copy()).unsqueeze(1), shape),
        torch.from_numpy(labels.astype("int64")),
        tuple(str(number) for number in range(classes)),
    )


def _read(folder: Path, file: str, ndim: int) -> idx.Pixels:
    path = folder / file
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from error
    return idx.decode(packed, str(path), ndim)
