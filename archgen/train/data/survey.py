"""What a person should know of images before a network is trained on them, in a line each."""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

from archgen.train.data.decoding import DAMAGED, FORMATS, orientation
from archgen.train.data.image_files import PassedOver
from archgen.train.data.images import Split
from archgen.train.data.splits import Look, split_folder
from archgen.train.errors import DataError
from archgen.train.preparation import Preparation

LOOKED_AT = 4_000  # images of a set whose headers are read
UPRIGHT = 1  # of EXIF's orientations


class Encoded(Protocol):
    """Images that were found, whose bytes can be read."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""

    @property
    def passed_over(self) -> PassedOver:
        """The files that are not among them."""

    def __len__(self) -> int:
        """How many images there are."""

    def content(self, index: int) -> bytes:
        """The bytes of image `index`. Raises `DataError` naming it."""


class Header(NamedTuple):
    """What an image says of itself before it is decoded."""

    is_turned: bool
    has_alpha: bool


def header_of(content: bytes) -> Header:
    """Whether an image asks by EXIF to be turned, and whether it has transparency."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            has_alpha = bool(image.has_transparency_data)
    except DAMAGED:
        return Header(is_turned=False, has_alpha=False)
    return Header(orientation(content) != UPRIGHT, has_alpha)


def notes_on(
    images: Encoded, root: Path, split: Split, look: Look, prepared: Preparation
) -> Iterator[str]:
    """What was passed over, which folder is measured on, and what images ask for."""
    folder = split_folder(root.resolve(), split, look)
    if split == "test" and look.measured is None and folder.name == "test":
        yield f"there is no `val/` in `{root}`: what is measured are the images of `test/`"
    if images.passed_over.total:
        yield images.passed_over.line(str(folder))
    yield from alike(images.classes)
    yield from _headers(images, str(folder), prepared)


def alike(classes: tuple[str, ...]) -> Iterator[str]:
    """Classes whose names look the same."""
    forms = Counter(unicodedata.normalize("NFC", name) for name in classes)
    for form, often in forms.items():
        if often > 1:
            same = [ascii(name) for name in classes if unicodedata.normalize("NFC", name) == form]
            yield f"{often} classes are all shown as `{form}` and are different ones: {', '.join(same)}"


def _headers(images: Encoded, place: str, prepared: Preparation) -> Iterator[str]:
    total = len(images)
    step = max(1, total // LOOKED_AT)
    turned = transparent = looked_at = 0
    for index in range(0, total, step):
        try:
            header = header_of(images.content(index))
        except DataError:
            continue  # told as any image that cannot be read
        looked_at += 1
        turned += header.is_turned
        transparent += header.has_alpha
    among = f"of the {total:,} images of `{place}`"
    if step > 1:
        among = f"of {looked_at:,} images looked at, among the {total:,} of `{place}`,"
    if turned:
        does = "are turned" if prepared.exif == "apply" else "are not turned"
        how = (
            ""
            if prepared.exif == "apply"
            else " (`preparation: {exif: apply}` in a recipe does it)"
        )
        yield f"{turned:,} {among} ask for a rotation by EXIF, and {does}{how}"
    if transparent and prepared.alpha == "ignore":
        advice = "`preparation: {alpha: white}` in a recipe lays them on white"
        yield f"{transparent:,} {among} have transparency, and are seen in the colours under it ({advice})"
    elif transparent:
        yield f"{transparent:,} {among} have transparency, and are laid on {prepared.alpha}"
