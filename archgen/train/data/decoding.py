"""From the bytes of an image file to pixels: JPEG by simplejpeg where it is installed, else Pillow.

Both give the same pixels, and Pillow decides what is an image: whatever simplejpeg refuses is tried
again. An EXIF rotation is not applied, as TensorFlow did not; transparency is dropped.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from archgen.train.errors import DataError

try:
    import simplejpeg
except ImportError:  # the extra `fast`
    simplejpeg = None

MAX_IMAGE_PIXELS = 2**26
MAX_IMAGE_BYTES = 2**28
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
_JPEG_MAGIC = b"\xff\xd8\xff"
_PLAIN_JPEG = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}  # CMYK and YCCK are left to Pillow


def decode_file(path: Path) -> Tensor:
    """The image in the file `path`, as `decode` gives it."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = b"" if size > MAX_IMAGE_BYTES else file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from error
    if max(size, len(content)) > MAX_IMAGE_BYTES:
        raise DataError(f"`{path}` is larger than {MAX_IMAGE_BYTES} bytes")
    return decode(content, str(path))


def decode(content: bytes, place: str) -> Tensor:
    """The image as uint8, 1 x channels x height x width, grey or RGB, channels last in memory.

    Raises `DataError`, which names `place`, for what is no whole image of a known format, and for
    one that is too large or deeper than 8 bits.
    """
    pixels = _by_simplejpeg(content, place) if content.startswith(_JPEG_MAGIC) else None
    if pixels is None:
        pixels = _by_pillow(content, place)
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


def _by_pillow(content: bytes, place: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(*image.size, place)
            if image.mode.startswith(("I", "F")):
                raise DataError(
                    f"`{place}` has more than 8 bits a pixel; convert it to 8 bits first"
                )
            return np.array(_without_palette(image))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        said = "it is empty" if not content else _told(error)
        raise DataError(f"cannot decode `{place}`: {said}") from error


def _without_palette(image: Image.Image) -> Image.Image:
    """The image in grey or RGB."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")


def _told(error: Exception) -> str:
    """What Pillow says, without the address of the object that it read from."""
    if isinstance(error, UnidentifiedImageError):
        return f"it is no image of a known format ({', '.join(FORMATS)})"
    return str(error)


def _check_size(width: int, height: int, place: str) -> None:
    """Refuses, by its header alone, an image that is too large."""
    if width * height > MAX_IMAGE_PIXELS:
        raise DataError(f"`{place}` is {width}x{height}; the limit is {MAX_IMAGE_PIXELS} pixels")
