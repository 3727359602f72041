"""A data set looked at before training: every image decoded, everything else counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from archgen.train.data.bad import BadImage
from archgen.train.data.decoding import decode
from archgen.train.data.image_files import PassedOver
from archgen.train.data.images import Split
from archgen.train.data.load import listing_of
from archgen.train.data.splits import Look
from archgen.train.data.streamed_set import Loading
from archgen.train.data.survey import alike, header_of
from archgen.train.errors import DataError

SPLITS: tuple[Literal["train", "val", "test"], ...] = ("train", "val", "test")
AHEAD = 64  # images that are read before they are counted


@dataclass(slots=True)
class Inspected:
    """What one split has: images by class, what is bad or passed over, and what images ask for.

    `problems` are why it cannot be trained or measured on as it is.
    """

    split: str
    classes: dict[str, int] = field(default_factory=dict)
    bad: list[BadImage] = field(default_factory=list)
    passed_over: PassedOver = field(default_factory=PassedOver)
    turned: int = 0
    transparent: int = 0
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many images there are, bad ones among them."""
        return sum(self.classes.values())


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file of one split that another has, too, byte for byte."""

    first: str
    again: str
    is_other_class: bool


@dataclass(slots=True)
class Inspection:
    """What a data set has in each split, and the images that two splits share."""

    splits: list[Inspected]
    duplicates: list[Duplicate]

    @property
    def is_sound(self) -> bool:
        """Whether a run on it would not be stopped."""
        return not any(each.bad or each.problems for each in self.splits)


def inspected(root: Path, *, follow_links: bool = False) -> Inspection:
    """Decodes every image of a folder. Raises `DataError` where it holds no data set.

    Of a split that cannot be listed at all the reason is a problem of that split.
    """
    there = [name for name in SPLITS if (root / name).is_dir()]
    if not there:
        raise DataError(f"`{root}` has none of the folders train/, val/ and test/")
    seen: dict[bytes, tuple[str, str, str]] = {}
    splits: list[Inspected] = []
    duplicates: list[Duplicate] = []
    for name in there:
        found = Inspected(name)
        splits.append(found)
        look = Look(None if name == "train" else name, follow_links)
        try:
            duplicates += _inspect(root, found, look, seen)
        except DataError as error:
            found.problems.append(str(error))
    return Inspection(splits, duplicates)


def _measured(name: str) -> str | None:
    return None if name == "train" else name


def _inspect(
    root: Path, found: Inspected, look: Look, seen: dict[bytes, tuple[str, str, str]]
) -> Iterator[Duplicate]:
    """Counts what is in a split; yields the images that a split before has, too."""
    split: Split = "train" if found.split == "train" else "test"
    listing = listing_of(root, split, Loading(on_bad="skip", look=look))
    found.passed_over = listing.passed_over
    found.problems += listing.empty
    found.remarks += alike(listing.classes)
    counts = dict.fromkeys(listing.classes, 0)

    def read(index: int) -> tuple[bytes, tuple[bool, bool], str]:
        try:
            content = listing.content(index)
            decode(content, listing.place(index))
        except DataError as error:
            return b"", (False, False), str(error)
        return sha256(content).digest(), header_of(content), ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(listing), AHEAD):
            numbers = range(start, min(start + AHEAD, len(listing)))
            for index, (digest, header, reason) in zip(
                numbers, pool.map(read, numbers), strict=True
            ):
                place, label = listing.place(index), listing.classes[listing.labels[index]]
                counts[label] += 1
                if reason:
                    found.bad.append(BadImage(place, reason))
                    continue
                found.turned += header[0]
                found.transparent += header[1]
                owner, other, known = seen.setdefault(digest, (found.split, label, place))
                if owner != found.split:
                    yield Duplicate(known, place, other != label)
    found.classes = counts
