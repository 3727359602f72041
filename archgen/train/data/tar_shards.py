"""A folder of tar files: `train/*.tar` and `val/*.tar` (or `test/`), with members CLASS/IMAGE.

Nothing is unpacked: the index says where each image's bytes begin, and they are read from there. So
a member's name is a name and never a path on this machine.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archgen.train.data.decoding import MAX_IMAGE_BYTES, decode
from archgen.train.data.image_folder import SUFFIXES, check_link, split_folder, split_of_classes
from archgen.train.data.images import Split
from archgen.train.data.names import Names
from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation


class Member(NamedTuple):
    """An image in a shard: its class, its name, and where its bytes are."""

    label: str
    name: str
    shard: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class TarImages:
    """The images of all shards of one split, shard after shard, in the order of the members."""

    name: str
    shards: tuple[str, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    empty: tuple[str, ...]
    members: Names
    where: NDArray[np.int64]  # shard, offset, size of each image

    def place(self, index: int) -> str:
        """The shard and the member of image `index`."""
        return f"{self.shards[self.where[index, 0]]}: {self.members[index]}"

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it."""
        place, (shard, offset, size) = self.place(index), self.where[index].tolist()
        if size > MAX_IMAGE_BYTES:
            raise DataError(f"`{place}` is larger than {MAX_IMAGE_BYTES} bytes")
        try:
            with Path(self.shards[shard]).open("rb") as file:
                file.seek(offset)
                content = file.read(size)
        except OSError as error:
            raise DataError(f"cannot read `{place}`: {error.strerror}") from error
        if len(content) != size:
            raise DataError(f"cannot decode `{place}`: the shard has been cut since it was listed")
        return decode(content, place, prepared)


def has_tar_shards(root: Path, split: Split) -> bool:
    """Whether the images of `root` are in tar files: those to train on, or of a split that stands alone."""
    root = root.resolve()
    folder = split_folder(root, split_of_classes(root, split))
    return next(iter(folder.glob("*.tar")), None) is not None


def list_tar_shards(root: Path, split: Split) -> TarImages:
    """One split of `root`; the classes are the sorted names of the members' folders.

    Those are the members of train/ where there is one.
    """
    root = root.resolve()
    shards = _shards(root, split)
    members = list(_members(shards))
    named_by = split_of_classes(root, split)
    trained = members if split == named_by else _members(_shards(root, named_by))
    classes = tuple(sorted({member.label for member in trained}))
    numbers = {name: number for number, name in enumerate(classes)}
    for member in members:
        if member.label not in numbers:
            place = f"{shards[member.shard]}: {member.name}"
            raise DataError(f"the class `{member.label}` of `{place}` has no counterpart in train/")
    return TarImages(
        str(root),
        tuple(map(str, shards)),
        classes,
        np.array([numbers[member.label] for member in members], np.int64),
        (),
        Names.of(member.name for member in members),
        np.array([member[2:] for member in members], np.int64).reshape(-1, 3),
    )


def _shards(root: Path, split: Split) -> list[Path]:
    folder = split_folder(root, split)
    shards = sorted(path for path in folder.glob("*.tar") if path.is_file() or path.is_symlink())
    if not shards:
        raise DataError(f"`{folder}` has no tar files")
    for shard in shards:
        check_link(root, shard)
    return shards


def _members(shards: list[Path]) -> Iterator[Member]:
    """Every image of the shards; links, folders and other files in them are passed over."""
    for number, shard in enumerate(shards):
        found = False
        try:
            with tarfile.open(shard, "r:") as archive:
                for member in archive:
                    path = PurePosixPath(member.name)
                    if not member.isreg() or path.suffix.lower() not in SUFFIXES:
                        continue
                    found = True
                    yield Member(
                        _label(path, shard), str(path), number, member.offset_data, member.size
                    )
                _check_end(archive, shard)
        except (OSError, tarfile.TarError, ValueError) as error:
            raise DataError(f"`{shard}` is no whole plain tar file: {error}") from error
        if not found:
            raise DataError(f"`{shard}` has no images")


def _label(path: PurePosixPath, shard: Path) -> str:
    """The class of a member: the name of the folder that it is in."""
    label = path.parent.name
    if label in ("", ".", ".."):
        raise DataError(f"the member `{path}` of `{shard}` is in no class folder")
    return label


def _check_end(archive: tarfile.TarFile, shard: Path) -> None:
    """Refuses a shard that was cut or damaged; reading would end there without a word."""
    size = shard.stat().st_size
    with shard.open("rb") as file:
        file.seek(archive.offset)
        block = file.read(tarfile.BLOCKSIZE)
    if archive.offset > size or block != bytes(tarfile.BLOCKSIZE):
        raise DataError(
            f"`{shard}` is cut or damaged at byte {min(archive.offset, size)}: "
            "there is neither a member nor the end of a tar file"
        )
