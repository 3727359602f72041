"""Where a name or a path on the command line becomes images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from archgen.diagnostics import did_you_mean
from archgen.train.data import fashion_mnist, synthetic
from archgen.train.data.idx_folder import is_idx_folder, load_idx_folder
from archgen.train.data.image_folder import load_image_folder
from archgen.train.data.images import ImageSet, InputShape, Split
from archgen.train.errors import DataError

EMBEDDED: dict[str, Callable[[Split, InputShape], ImageSet]] = {
    fashion_mnist.NAME: fashion_mnist.load_fashion_mnist,
    synthetic.NAME: synthetic.load_synthetic,
}


def load_data(
    name_or_path: str, *, channels: int, height: int, width: int, split: Split
) -> ImageSet:
    """One split of a data set, resized and recoloured to channels x height x width.

    `name_or_path` is `fashion_mnist` (embedded: 8,000 train, 2,000 test), `synthetic`, a folder of
    images with `train/` and `test/` or `val/`, or a folder of gzipped IDX files.
    Raises `DataError`, naming the file at fault.
    """
    shape = InputShape(channels, height, width)
    if name_or_path in EMBEDDED:
        return EMBEDDED[name_or_path](split, shape)
    folder = Path(name_or_path)
    if not folder.is_dir():
        raise DataError(_unknown(name_or_path))
    if is_idx_folder(folder):
        return load_idx_folder(folder, split, shape)
    return load_image_folder(folder, split, shape)


def _unknown(name: str) -> str:
    nearest = did_you_mean(name, EMBEDDED)
    if nearest:
        return f"no data set or folder `{name}`; did you mean `{nearest}`?"
    known = " or ".join(f"`{known}`" for known in EMBEDDED)
    return f"no data set or folder `{name}`; give a folder, or {known}"
