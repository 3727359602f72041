"""A folder of images: `train/CLASS/*.png` and `test/CLASS/*.png` (or `val/`).

Nothing outside the folder is read, nothing is decoded that is too large, and every error names
its file. An EXIF rotation is not applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from archgen.train.data.images import ImageSet, InputShape, Split, adapt
from archgen.train.errors import DataError

MAX_IMAGE_PIXELS = 2**26
MAX_IMAGE_BYTES = 2**28
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
SUFFIXES = frozenset(
    (".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".webp")
)
_SUBFOLDERS: dict[Split, tuple[str, ...]] = {"train": ("train",), "test": ("test", "val")}


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image file and the index of its class."""

    path: Path
    label: int


def load_image_folder(root: Path, split: Split, shape: InputShape) -> ImageSet:
    """One split of the folder `root`; the classes are the sorted names below `train/`."""
    root = root.resolve()
    classes = _class_names(_split_folder(root, "train"))
    listed = tuple(_labelled_files(root, _split_folder(root, split), classes))
    shape.check_room_for(len(listed), str(root))
    images = torch.empty(
        (len(listed), shape.channels, shape.height, shape.width), dtype=torch.uint8
    )
    for row, file in zip(images, listed, strict=True):
        row.copy_(adapt(decode_image(file.path), shape)[0])
    labels = torch.tensor([file.label for file in listed], dtype=torch.int64)
    return ImageSet(str(root), images, labels, classes)


def decode_image(path: Path) -> Tensor:
    """The image in `path` as uint8, 1 x channels x height x width, grey or RGB."""
    try:
        if path.stat().st_size > MAX_IMAGE_BYTES:
            raise DataError(f"`{path}` is larger than {MAX_IMAGE_BYTES} bytes")
        with Image.open(path, formats=FORMATS) as image:
            _check_decodable(image, path)
            pixels = np.array(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot decode `{path}`: {error}") from error
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(planes).permute(2, 0, 1).unsqueeze(0).contiguous()


def _check_decodable(image: Image.Image, path: Path) -> None:
    """Refuses, by its header alone, an image that is too large or deeper than 8 bits."""
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS:
        raise DataError(f"`{path}` is {width}x{height}; the limit is {MAX_IMAGE_PIXELS} pixels")
    if image.mode.startswith(("I", "F")):
        raise DataError(f"`{path}` has more than 8 bits a pixel; convert it to 8 bits first")


def _split_folder(root: Path, split: Split) -> Path:
    for name in _SUBFOLDERS[split]:
        if (root / name).is_dir():
            return _inside(root, root / name)
    wanted = "/ or ".join(_SUBFOLDERS[split])
    raise DataError(f"`{root}` has no subfolder {wanted}/ with one folder a class in it")


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(entry.name for entry in _visible(folder) if entry.is_dir()))
    if not names:
        raise DataError(f"`{folder}` has no class folders")
    return names


def _labelled_files(root: Path, folder: Path, classes: tuple[str, ...]) -> Iterator[LabelledFile]:
    """Every image below `folder`, class after class, each sorted by name."""
    for name in _class_names(folder):
        if name not in classes:
            raise DataError(f"the class folder `{folder / name}` has no counterpart in train/")
        class_folder = _inside(root, folder / name)
        images = sorted(entry for entry in _visible(class_folder) if _is_image(entry))
        if not images:
            raise DataError(f"the class folder `{class_folder}` has no images")
        label = classes.index(name)
        yield from (LabelledFile(_inside(root, image), label) for image in images)


def _is_image(entry: Path) -> bool:
    """Whether `entry` is a regular file (or a link to one) with an image's suffix."""
    return entry.suffix.lower() in SUFFIXES and entry.is_file()


def _visible(folder: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot list `{folder}`: {error.strerror}") from error


def _inside(root: Path, path: Path) -> Path:
    """`path` with its links followed, which must not lead out of `root`."""
    target = path.resolve()
    if not target.is_relative_to(root):
        raise DataError(f"`{path}` is a link that leaves the folder `{root}`")
    return target
