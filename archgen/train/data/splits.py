"""The folders of a data set's splits: `train/`, `val/` for measuring while training, `test/` on request."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archgen.diagnostics import did_you_mean
from archgen.train.data.images import Split
from archgen.train.errors import DataError

Measured = Literal["val", "test"]
OTHER_NAMES = ("valid", "validation", "dev", "eval", "holdout")  # that people give to val/


@dataclass(frozen=True, slots=True)
class Look:
    """Where images are looked for: which folder is measured on, and whether links may leave the data.

    Without `measured` it is `val/`, or `test/` where there is no `val/`.
    """

    measured: Measured | None = None
    follow_links: bool = False

    def folders(self, split: Split) -> tuple[str, ...]:
        """The folders that a split may be in, the first that is usable going first."""
        if split == "train":
            return ("train",)
        return (self.measured,) if self.measured else ("val", "test")


def split_folder(root: Path, split: Split, look: Look = Look()) -> Path:  # frozen
    """The folder of one split, which must not lead out of `root` unless links may."""
    names = look.folders(split)
    there = [name for name in names if (root / name).is_dir()]
    if "val" in names and "val" not in there:
        _refuse_other_names(root)
    usable = [name for name in there if has_images(root / name)] or there
    if usable:
        return root / usable[0] if look.follow_links else inside(root, root / usable[0])
    raise DataError(
        f"`{root}` has no subfolder {'/ or '.join(names)}/ with one folder a class in it"
        f"{_near(root, names)}"
    )


def _refuse_other_names(root: Path) -> None:
    """Refuses to measure on `test/` where images for that are there under another name."""
    for name in OTHER_NAMES:
        if (root / name).is_dir():
            raise DataError(
                f"`{root}` has no subfolder val/, and `{name}/` in it: rename it to `val`"
            )


def _near(root: Path, names: tuple[str, ...]) -> str:
    try:
        folders = [entry.name for entry in os.scandir(root) if entry.is_dir()]
    except OSError:
        return ""
    found = {did_you_mean(name, folders) for name in names} - {None}
    return f"; it has `{min(map(str, found))}/`" if found else ""


def has_images(folder: Path) -> bool:
    """Whether a folder holds tar files or folders of classes, and not images alone."""
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name.endswith(".tar") or entry.is_dir()
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError:
        return False


def has_tar_shards(folder: Path) -> bool:
    """Whether the images of a split are in tar files."""
    return next(iter(folder.glob("[!.]*.tar")), None) is not None


def inside(root: Path, path: Path) -> Path:
    """`path` with its links followed, which must not lead out of `root`."""
    target = path.resolve()
    if not target.is_relative_to(root):
        raise DataError(
            f"`{path}` is a link that leaves the folder `{root}`; `--follow-links` allows that"
        )
    return target


def nowhere(path: Path) -> str:
    """That a link leads to nothing."""
    return f"`{path}`: it is a link to `{os.readlink(path)}`, and nothing is there"  # noqa: PTH115
