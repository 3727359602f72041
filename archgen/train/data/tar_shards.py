"""A folder of tar files: `train/*.tar` and `val/*.tar`, with members CLASS/.../IMAGE.

Nothing is unpacked: the index says where each image's bytes begin, and they are read from there. So
a member's name is a name and never a path on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archgen.train.data.decoding import MAX_IMAGE_BYTES, decode
from archgen.train.data.image_files import SNIFFED, PassedOver, why_passed_over
from archgen.train.data.image_folder import check_link, no_counterpart
from archgen.train.data.images import Split
from archgen.train.data.names import Names
from archgen.train.data.splits import Look, split_folder
from archgen.train.data.tar_index import TarError, TarMember, tar_members
from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation

NOWHERE = -1  # the offset of a link whose target is not in its shard
_SPLITS = ("train", "val", "test")


class Member(NamedTuple):
    """An image in a shard: the folders that it is in, its name, and where its bytes are."""

    folders: tuple[str, ...]
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
    passed_over: PassedOver

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, index: int) -> str:
        """The shard and the member of image `index`."""
        return f"{self.shards[self.where[index, 0]]}: {self.members[index]}"

    def content(self, index: int) -> bytes:
        """The bytes of image `index`. Raises `DataError` naming it."""
        place, (shard, offset, size) = self.place(index), self.where[index].tolist()
        if offset == NOWHERE:
            raise DataError(f"cannot read `{place}`: it is a link to what is not in the shard")
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
        return content

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it."""
        return decode(self.content(index), self.place(index), prepared)


def list_tar_shards(
    root: Path,
    split: Split,
    look: Look = Look(),  # noqa: B008  # frozen
    classes: tuple[str, ...] | None = None,
) -> TarImages:
    """One split of `root`; the classes are the sorted outer folders of its members, or those given."""
    root = root.resolve()
    shards, passed_over = _shards(root, split, look)
    members = list(_members(shards, passed_over))
    known = set(classes or ())
    skipped = _in_front_of_classes(members, root, known)
    labels = [member.folders[skipped] for member in members]
    if classes is None:
        classes = tuple(sorted(set(labels)))
    numbers = {name: number for number, name in enumerate(classes)}
    for member, label in zip(members, labels, strict=True):
        if label not in numbers:
            place = f"{shards[member.shard]}: {member.name}"
            raise DataError(no_counterpart(f"the class `{label}` of `{place}`", label, classes))
    return TarImages(
        str(root),
        tuple(map(str, shards)),
        classes,
        np.array([numbers[label] for label in labels], np.int64),
        (),
        Names.of(member.name for member in members),
        np.array([member[2:] for member in members], np.int64).reshape(-1, 3),
        passed_over,
    )


def tar_classes(root: Path, split: Split, look: Look = Look()) -> tuple[str, ...]:  # noqa: B008  # frozen
    """The classes of one split."""
    return list_tar_shards(root, split, look).classes


def _shards(root: Path, split: Split, look: Look) -> tuple[list[Path], PassedOver]:
    """The tar files of a split, and what lies beside them."""
    folder = split_folder(root, split, look)
    passed_over = PassedOver()
    shards = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".tar" and not path.name.startswith(".") and not path.is_dir():
            if path.is_file() or path.is_symlink():
                shards.append(path)
            else:
                passed_over.add(path.name, "not a regular file")
        else:
            hidden = path.name.startswith(".")
            passed_over.add(path.name, "hidden" if hidden else "next to tar files")
    for shard in shards if not look.follow_links else ():
        check_link(root, shard)
    return shards, passed_over


def _in_front_of_classes(members: Sequence[Member], root: Path, known: set[str]) -> int:
    """How many folders all members have in front of that of their class, as in `photos/train/CLASS/`.

    Raises DataError where one folder holds all members, and may be the class or be in front of it.
    """
    shared: list[str] = []
    for level in zip(*(member.folders[:-1] for member in members), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    if not shared or shared[0] in known:
        return 0
    for place in range(len(shared), 0, -1):
        if shared[place - 1] in (*_SPLITS, root.name):
            return place
    inner = sorted({member.folders[len(shared)] for member in members})
    if known or len(inner) == 1:
        return 0
    outer = "/".join(shared)
    raise DataError(
        f"all images of `{root}` are in folders of `{outer}/` (`{inner[0]}/`, `{inner[1]}/`), which may "
        f"be a class or lie in front of the classes: pack them from inside, with `tar -C {outer} .`"
    )


def _members(shards: list[Path], passed_over: PassedOver) -> Iterator[Member]:
    """Every image of the shards; what else is in them is passed over."""
    for number, shard in enumerate(shards):
        found, before = False, passed_over.total
        try:
            for member in _images(shard, number, passed_over):
                found = True
                yield member
        except (OSError, TarError) as error:
            raise DataError(f"`{shard}` is no whole plain tar file: {error}") from error
        if not found:
            more = f": {passed_over.described()}" if passed_over.total > before else ""
            raise DataError(f"`{shard}` has no images{more}")


def _images(shard: Path, number: int, passed_over: PassedOver) -> Iterator[Member]:
    """The images of a shard: files first, then links to files in it, in their order each."""
    links: list[TarMember] = []
    with shard.open("rb") as file:

        def head(member: TarMember) -> bytes:
            file.seek(member.offset)
            return file.read(min(SNIFFED, member.size))

        for member in tar_members(shard):
            if member.type in (b"1", b"2"):
                links.append(member)
                continue
            if member.type == b"5":
                continue
            path = PurePosixPath(member.name)
            reason = why_passed_over(member.name, partial(head, member))
            if not reason and not member.is_regular:
                reason = "not a regular file"
            folders = _folders(path)
            if reason or not folders:
                passed_over.add(member.name, reason or "in no class folder")
                continue
            yield Member(folders, str(path), number, member.offset, member.size)
    yield from _linked(shard, number, links, passed_over)


def _linked(
    shard: Path, number: int, links: list[TarMember], passed_over: PassedOver
) -> Iterator[Member]:
    """The images that are links to other members of their shard, as `tar` packs a file's second name."""
    if not links:
        return
    places = {
        _normal(member.name): (member.offset, member.size)
        for member in tar_members(shard)
        if member.is_regular
    }
    for member in links:
        path = PurePosixPath(member.name)
        target = path.parent / member.link if member.type == b"2" else PurePosixPath(member.link)
        place = places.get(_normal(str(target)))
        reason = why_passed_over(member.name, lambda: b"")
        folders = _folders(path)
        if reason or not folders:
            passed_over.add(member.name, reason or "in no class folder")
            continue
        offset, size = place or (NOWHERE, 0)
        places[_normal(member.name)] = (offset, size)
        yield Member(folders, str(path), number, offset, size)


def _normal(name: str) -> tuple[str, ...]:
    """The parts of a member's name, with `.` and `..` resolved inside of the archive."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            del parts[-1:]
        elif part not in ("/", "."):
            parts.append(part)
    return tuple(parts)


def _folders(path: PurePosixPath) -> tuple[str, ...]:
    """The folders that a member is in."""
    return _normal(str(path))[:-1]
