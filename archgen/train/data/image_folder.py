"""A folder of images: `train/CLASS/**/*.png`, and the same below `val/` and `test/`.

Images are found as torchvision's ImageFolder finds them, recursively, and what is passed over is counted.
Nothing outside the folder is read unless links may be followed, and every error names its file.
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
from archgen.train.data.decoding import decode, read_image
from archgen.train.data.image_files import SNIFFED, PassedOver, why_passed_over
from archgen.train.data.images import Split
from archgen.train.data.names import Names, told_apart
from archgen.train.data.splits import Look, inside, nowhere, split_folder
from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation


@dataclass(frozen=True, slots=True, eq=False)
class FolderImages:
    """The images below one folder of classes, class after class, folder after folder, sorted by name."""

    name: str
    folder: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    empty: tuple[str, ...]
    files: Names
    passed_over: PassedOver
    look: Look

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, index: int) -> str:
        """The path of image `index`."""
        return str(Path(self.folder, self.classes[self.labels[index]], self.files[index]))

    def content(self, index: int) -> bytes:
        """The bytes of image `index`. Raises `DataError` naming it."""
        path = Path(self.place(index))
        if not self.look.follow_links:
            check_link(Path(self.name), path)
        return read_image(path)

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it."""
        return decode(self.content(index), self.place(index), prepared)


def list_image_folder(
    root: Path,
    split: Split,
    on_bad: OnBad = "error",
    look: Look = Look(),  # noqa: B008  # frozen
    classes: tuple[str, ...] | None = None,
) -> FolderImages:
    """One split of the folder `root`; its classes are those given, or the sorted names below `train/`.

    Without a `train/` they are those of the split. A class without images is refused, or left out with
    `skip`.
    """
    root = root.resolve()
    folder = split_folder(root, split, look)
    passed_over = PassedOver()
    names = class_names(folder, passed_over)
    if classes is None:
        is_alone = split == "train" or not (root / "train").is_dir()
        classes = names if is_alone else class_names(split_folder(root, "train", look))
    labels: list[NDArray[np.int64]] = []
    empty: list[str] = []

    def listed() -> Iterator[str]:
        for name in names:
            if name not in classes:
                raise DataError(
                    no_counterpart(f"the class folder `{folder / name}`", name, classes)
                )
            before = passed_over.total
            files = sorted(
                _image_files(root, folder / name, look, passed_over), key=_as_image_folder_sorts
            )
            if not files:
                told = f"the class folder `{folder / name}` has no images"
                more = passed_over.total - before
                empty.append(f"{told}, and {more:,} other files" if more else told)
            labels.append(np.full(len(files), classes.index(name), np.int64))
            yield from files

    files = Names.of(listed())
    if empty and (on_bad == "error" or not len(files)):
        raise DataError(f"{empty[0]}: {passed_over.described()}".removesuffix(": "))
    return FolderImages(
        *(str(root), str(folder), classes, np.concatenate(labels)),
        *(tuple(empty), files, passed_over, look),
    )


def no_counterpart(owner: str, name: str, classes: tuple[str, ...]) -> str:
    """That a class is not one of train/, and what looks like it."""
    apart = told_apart(name, classes)
    return f"{owner} has no counterpart in train/" + (f", where {apart}" if apart else "")


def class_names(folder: Path, passed_over: PassedOver | None = None) -> tuple[str, ...]:
    """The sorted names of the folders in `folder`; files beside them are passed over."""
    names = []
    counted = PassedOver() if passed_over is None else passed_over
    for entry in _entries(folder):
        if entry.name.startswith("."):
            counted.add(entry.name, "hidden")
        elif _leads_nowhere(entry):
            raise DataError(f"cannot list {nowhere(Path(entry))}")
        elif entry.is_dir():
            names.append(entry.name)
        else:
            counted.add(entry.name, "in no class folder")
    if not names:
        found = f": {counted.described()}" if counted.total else ""
        raise DataError(f"`{folder}` has no class folders{found}")
    return tuple(sorted(names))


def _as_image_folder_sorts(name: str) -> tuple[str, str]:
    """Folder after folder, each sorted by name."""
    owner, _, last = name.rpartition("/")
    return owner, last


def _image_files(root: Path, folder: Path, look: Look, passed_over: PassedOver) -> Iterator[str]:
    """The images below a class folder, as paths from there; links must not lead out of `root`.

    A link to nothing is one of them: that it cannot be read is told as of any other.
    """
    waiting = [("", folder)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        prefix, inner = waiting.pop()
        if not look.follow_links:
            inside(root, inner)
        found = inner.stat()
        if (found.st_dev, found.st_ino) in seen:  # links in a circle
            passed_over.add(f"{folder.name}/{prefix}", "met again by a link")
            continue
        seen.add((found.st_dev, found.st_ino))
        for entry in _entries(inner):
            name = f"{prefix}{entry.name}"
            if _is_folder(entry) and not entry.name.startswith(".") and entry.name != "__MACOSX":
                waiting.append((f"{name}/", Path(entry)))
            elif reason := _why_passed_over(entry):
                passed_over.add(f"{folder.name}/{name}", reason)
            else:
                if entry.is_symlink() and not _leads_nowhere(entry) and not look.follow_links:
                    inside(root, Path(entry))
                yield name


def _why_passed_over(entry: os.DirEntry[str]) -> str:
    """Why a file (or a link to one, or to nothing) is no image; nothing where it is."""
    if not _leads_nowhere(entry) and not entry.is_file():
        if not _is_folder(entry):
            return "not a regular file"
        return "hidden" if entry.name.startswith(".") else "of macOS"

    def head() -> bytes:
        try:
            with Path(entry).open("rb") as file:
                return file.read(SNIFFED)
        except OSError:
            return b""

    return why_passed_over(entry.name, head)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return not _leads_nowhere(entry) and entry.is_dir()


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a link to what is not there, or in a circle."""
    return entry.is_symlink() and not os.path.exists(entry)  # noqa: PTH110  # false in a circle too


def check_link(root: Path, path: Path) -> None:
    """Raises `DataError` where `path` leads to nothing by a link, or out of `root`."""
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110  # false in a circle too
        raise DataError(f"cannot read {nowhere(path)}")
    if path.is_symlink():
        inside(root, path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"cannot list `{folder}`: {error.strerror}") from error
