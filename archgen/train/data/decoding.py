"""From the bytes of an image file to pixels: JPEG by simplejpeg where it is installed, else Pillow.

Both give the same pixels, and Pillow decides what is an image: whatever simplejpeg refuses is tried
again. What becomes of an EXIF rotation and of transparency, the preparation says.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from archgen.train.errors import DataError
from archgen.train.preparation import PLAIN, Preparation

try:
    import simplejpeg
except ImportError:  # the extra `fast`
    simplejpeg = None

MAX_IMAGE_PIXELS = 2**26
MAX_IMAGE_BYTES = 2**28
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# how many quarters an image is turned to the left, and whether it is then mirrored, by its orientation
_TURNS = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}
DAMAGED = (  # what Pillow raises at bytes that are not as they must be
    *(OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError),
    *(RuntimeError, AttributeError, ZeroDivisionError, MemoryError, struct.error),
    Image.DecompressionBombError,
)
_JPEG_MAGIC = b"\xff\xd8\xff"
_PLAIN_JPEG = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}  # CMYK and YCCK are left to Pillow


def decode_file(path: Path, prepared: Preparation = PLAIN) -> Tensor:
    """The image in the file `path`, as `decode` gives it."""
    return decode(read_image(path), str(path), prepared)


def read_image(path: Path) -> bytes:
    """The bytes of the file `path`. Raises `DataError` where it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = b"" if size > MAX_IMAGE_BYTES else file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from error
    if max(size, len(content)) > MAX_IMAGE_BYTES:
        raise DataError(f"`{path}` is larger than {MAX_IMAGE_BYTES} bytes")
    return content


def decode(content: bytes, place: str, prepared: Preparation = PLAIN) -> Tensor:
    """The image as uint8, 1 x channels x height x width, grey or RGB, channels last in memory.

    Of `prepared` the settings `exif` and `alpha` count here.

    Raises `DataError`, which names `place`, for what is no whole image of a known format, and for
    one that is too large or deeper than 8 bits.
    """
    pixels = _by_simplejpeg(content, place) if content.startswith(_JPEG_MAGIC) else None
    if pixels is None:
        pixels = _by_pillow(content, place, prepared.alpha)
    if prepared.exif == "apply":
        pixels = _upright(pixels, orientation(content))
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(planes).permute(2, 0, 1).unsqueeze(0)


def _by_simplejpeg(content: bytes, place: str) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG in grey or colour; None for what Pillow has to look at."""
    if simplejpeg is None:
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours not in _PLAIN_JPEG:
            return None
        _check_size(width, height, place)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, _PLAIN_JPEG[colours])
    except ValueError:
        return None
    return pixels


def orientation(content: bytes) -> int:
    """The orientation that EXIF gives an image, 1 to 8; 1, as it is stored, where there is none.

    That of a TIFF is part of the format: Pillow has turned the pixels when it hands them over.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            is_turned = image.format == "TIFF"
            found = 1 if is_turned else image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGED:
        return 1
    return found if isinstance(found, int) and found in _TURNS else 1


def _upright(pixels: NDArray[np.uint8], stored: int) -> NDArray[np.uint8]:
    """Pixels turned from the way that an EXIF orientation says they are stored."""
    quarters, is_mirrored = _TURNS[stored]
    turned = np.rot90(pixels, quarters)
    return np.ascontiguousarray(np.fliplr(turned) if is_mirrored else turned)


def _by_pillow(content: bytes, place: str, alpha: str | tuple[int, int, int]) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(*image.size, place)
            _check_depth(image, place)
            return np.array(_opaque(image, alpha))
    except DataError:
        raise
    except DAMAGED as error:
        said = "it is empty" if not content else _told(error)
        raise DataError(f"cannot decode `{place}`: {said}") from error


def _check_depth(image: Image.Image, place: str) -> None:
    if image.mode.startswith(("I", "F")):
        raise DataError(f"`{place}` has more than 8 bits a pixel; convert it to 8 bits first")


def _opaque(image: Image.Image, alpha: str | tuple[int, int, int]) -> Image.Image:
    """The image in grey or RGB, on a colour where one is to show through."""
    if alpha != "ignore" and image.has_transparency_data:
        behind = Image.new("RGBA", image.size, alpha)
        return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")


def _told(error: Exception) -> str:
    """What Pillow says, without the address of the object that it read from."""
    if isinstance(error, UnidentifiedImageError):
        return f"it is not an image of a known format ({', '.join(FORMATS)})"
    return str(error)


def _check_size(width: int, height: int, place: str) -> None:
    """Refuses, by its header alone, an image that is too large."""
    if width * height > MAX_IMAGE_PIXELS:
        raise DataError(f"`{place}` is {width}x{height}; the limit is {MAX_IMAGE_PIXELS} pixels")
