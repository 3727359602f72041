"""Decoding by simplejpeg and by Pillow, side by side."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from archgen.train.data import decoding
from archgen.train.data.boxes import Box
from archgen.train.data.images import InputShape
from archgen.train.data.streamed_set import cut
from archgen.train.preparation import PLAIN

simplejpeg = pytest.importorskip("simplejpeg")
SIZES = [(1, 1), (8, 8), (17, 33), (64, 50), (101, 3)]
WAYS = list(product(SIZES, ("RGB", "L"), (30, 75, 95), (0, 1, 2), (False, True)))


def jpeg(
    size: tuple[int, int], mode: str, quality: int, subsampling: int, progressive: bool
) -> bytes:
    random = np.random.default_rng([*size, quality, subsampling])
    coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize(size)
    written = io.BytesIO()
    coarse.convert(mode).save(
        written, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive
    )
    return written.getvalue()


def by_pillow(content: bytes) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "simplejpeg", None)
        return decoding.decode(content, "x.jpg")


def test_both_decoders_give_the_same_pixels() -> None:
    """180 images: sizes, grey and colour, qualities, subsampling, baseline and progressive."""
    assert len(WAYS) == 180
    for way in WAYS:
        content = jpeg(*way)
        assert torch.equal(decoding.decode(content, "x.jpg"), by_pillow(content)), way


def test_a_jpeg_in_colour_is_decoded_by_simplejpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_by_pillow", lambda *_: pytest.fail("not needed"))
    assert decoding.decode(jpeg((9, 7), "RGB", 75, 2, False), "x.jpg").shape == (1, 3, 7, 9)


def test_a_rotation_in_the_file_is_not_applied() -> None:
    image, exif, written = Image.new("RGB", (9, 5)), Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # "turn it by a quarter"
    image.save(written, "JPEG", exif=exif)
    content = written.getvalue()
    assert decoding.decode(content, "x.jpg").shape == by_pillow(content).shape == (1, 3, 5, 9)


def test_a_cut_is_resized_as_torch_resizes_the_part_itself() -> None:
    """The part is copied for speed, which must change no pixel."""
    generator = torch.Generator().manual_seed(0)
    for channels, (top, left, height, width) in product(
        (1, 3), [(0, 0, 40, 50), (3, 5, 20, 31), (39, 0, 1, 50), (7, 49, 9, 1)]
    ):
        pixels = torch.randint(0, 256, (1, 40, 50, channels), generator=generator)
        image = pixels.to(torch.uint8).permute(0, 3, 1, 2)
        part = image[:, :, top : top + height, left : left + width]
        wanted = F.interpolate(part, (24, 24), mode="bilinear", antialias=True)[0]
        made = cut(image, Box(top, left, height, width), InputShape(channels, 24, 24), PLAIN)
        assert torch.equal(made, wanted)
