"""A folder of images: `train/CLASS/*.png` and `test/CLASS/*.png` (or `val/`).

Nothing outside the folder is read, and every error names its file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archgen.train.data.bad import OnBad
from archgen.train.data.decoding import decode_file
from archgen.train.data.images import Split
from archgen.train.data.names import Names
from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation

SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".webp")
)
_SUBFOLDERS: dict[Split, tuple[str, ...]] = {"train": ("train",), "test": ("test", "val")}


@dataclass(frozen=True, slots=True, eq=False)
class FolderImages:
    """The images below one folder of classes, class after class, each sorted by name."""

    name: str
    folder: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    empty: tuple[str, ...]
    files: Names

    def place(self, index: int) -> str:
        """The path of image `index`."""
        return str(Path(self.folder, self.classes[self.labels[index]], self.files[index]))

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it."""
        path = Path(self.place(index))
        check_link(Path(self.name), path)
        return decode_file(path, prepared)


def list_image_folder(root: Path, split: Split, on_bad: OnBad = "error") -> FolderImages:
    """One split of the folder `root`; the classes are the sorted names below `train/`, if there is one.

    A class without images is refused, or left out with `skip`.
    """
    root = root.resolve()
    folder = split_folder(root, split)
    classes = class_names(split_folder(root, split_of_classes(root, split)))
    labels: list[NDArray[np.int64]] = []
    empty: list[str] = []

    def listed() -> Iterator[str]:
        for name in class_names(folder):
            if name not in classes:
                raise DataError(f"the class folder `{folder / name}` has no counterpart in train/")
            files = _image_files(root, folder / name)
            if not files:
                empty.append(str(folder / name))
            labels.append(np.full(len(files), classes.index(name), np.int64))
            yield from files

    files = Names.of(listed())
    if empty and (on_bad == "error" or not len(files)):
        raise DataError(f"the class folder `{empty[0]}` has no images")
    return FolderImages(
        str(root), str(folder), classes, np.concatenate(labels), tuple(empty), files
    )


def split_of_classes(root: Path, split: Split) -> Split:
    """The split that names the classes: the training one, or `split` where that stands alone."""
    return "train" if (root / "train").is_dir() else split


def split_folder(root: Path, split: Split) -> Path:
    """The folder of one split, which must not lead out of `root`."""
    for name in _SUBFOLDERS[split]:
        if (root / name).is_dir():
            return _inside(root, root / name)
    wanted = "/ or ".join(_SUBFOLDERS[split])
    raise DataError(f"`{root}` has no subfolder {wanted}/ with one folder a class in it")


def class_names(folder: Path) -> tuple[str, ...]:
    """The sorted names of the folders in `folder`."""
    entries = _visible(folder)
    for entry in entries:
        if _leads_nowhere(entry):
            raise DataError(f"cannot list {_nowhere(Path(entry))}")
    names = tuple(sorted(entry.name for entry in entries if entry.is_dir()))
    if not names:
        raise DataError(f"`{folder}` has no class folders")
    return names


def _image_files(root: Path, folder: Path) -> list[str]:
    """The sorted names of the images in a class folder; links must not lead out of `root`.

    A link to nothing is one of them: that it cannot be read is told as of any other.
    """
    _inside(root, folder)
    images = [entry for entry in _visible(folder) if _is_image(entry)]
    for entry in images:
        if entry.is_symlink() and not _leads_nowhere(entry):
            _inside(root, Path(entry))
    return sorted(entry.name for entry in images)


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a regular file (or a link to one, or to nothing) with an image's suffix."""
    if Path(entry.name).suffix.lower() not in SUFFIXES:
        return False
    return _leads_nowhere(entry) or entry.is_file()


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a link to what is not there, or in a circle."""
    return entry.is_symlink() and not os.path.exists(entry)  # noqa: PTH110  # false in a circle too


def check_link(root: Path, path: Path) -> None:
    """Raises `DataError` where `path` is a link to nothing, or one that leads out of `root`."""
    if not path.is_symlink():
        return
    if not os.path.exists(path):  # noqa: PTH110  # false in a circle too
        raise DataError(f"cannot read {_nowhere(path)}")
    _inside(root, path)


def _nowhere(path: Path) -> str:
    return f"`{path}`: it is a link to `{os.readlink(path)}`, and nothing is there"  # noqa: PTH115


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"cannot list `{folder}`: {error.strerror}") from error


def _inside(root: Path, path: Path) -> Path:
    """`path` with its links followed, which must not lead out of `root`."""
    target = path.resolve()
    if not target.is_relative_to(root):
        raise DataError(f"`{path}` is a link that leaves the folder `{root}`")
    return target
