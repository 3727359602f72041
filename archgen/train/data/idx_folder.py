"""A folder with the four gzipped IDX files of MNIST, Fashion-MNIST and their kin."""

from __future__ import annotations

from pathlib import Path

import torch

from archgen.train.data import idx
from archgen.train.data.images import ImageSet, Split
from archgen.train.errors import DataError


def is_idx_folder(folder: Path) -> bool:
    """Whether `folder` holds images in IDX form."""
    return any((folder / images).is_file() for images, _ in idx.FILES.values())


def load_idx_folder(folder: Path, split: Split) -> ImageSet:
    """One split of `folder`, grey and of its own size.

    The classes are the numbers up to the largest training label; of a folder that has test images alone,
    up to the largest of theirs.
    """
    images = _read(folder, idx.FILES[split][0], ndim=3)
    labels = _read(folder, idx.FILES[split][1], ndim=1)
    known = "train" if (folder / idx.FILES["train"][1]).is_file() else split
    classes = int(_read(folder, idx.FILES[known][1], ndim=1).max(initial=0)) + 1
    return ImageSet(
        str(folder),
        torch.from_numpy(images.copy()).unsqueeze(1),
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
