from __future__ import annotations

import io
import os
import random
import re
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from archgen.train import DataError, ImageSet, Loading, load_data
from archgen.train.data import decoding
from archgen.train.data.decoding import decode_file
from archgen.train.data.image_folder import list_image_folder
from archgen.train.data.images import Split
from archgen.train.data.splits import Look


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (12, 9)) -> Path:
    """Writes an image whose grey value is its file's number, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = int(path.stem)
    Image.new("RGB", size, (value, value, value)).convert(mode).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for split, offset in (("train", 0), ("val", 100)):
        for k, name in enumerate(("cat", "dog")):
            for number in (1, 2):
                picture(folder / split / name / f"{offset + 10 * k + number}.png")
    return folder


def load(root: Path, split: Split = "train", channels: int = 1) -> ImageSet:
    data = load_data(str(root), channels=channels, height=4, width=6, split=split)
    assert isinstance(data, ImageSet)
    return data


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_claims(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_classes_are_the_sorted_folders_and_images_come_in_the_order_of_names(root: Path) -> None:
    data = load(root)
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.images.shape == (4, 1, 4, 6)
    assert data.images[:, 0, 0, 0].tolist() == [1, 2, 11, 12]


def test_images_to_measure_on_come_from_val_and_from_test_on_request(root: Path) -> None:
    picture(root / "test" / "dog" / "200.png")
    assert load(root, "test").images[:, 0, 0, 0].tolist() == [101, 102, 111, 112]
    asked = Loading(look=Look(measured="test"))
    data = load_data(str(root), channels=1, height=4, width=6, split="test", loading=asked)
    assert isinstance(data, ImageSet)
    assert (data.images[:, 0, 0, 0].tolist(), data.labels.tolist()) == ([200], [1])


def test_without_val_test_is_measured_on_and_that_is_told(root: Path) -> None:
    (root / "val").rename(root / "test")
    data = load(root, "test")
    assert len(data) == 4
    assert data.bad is not None
    assert "there is no `val/`" in data.bad.notes[0]


@pytest.mark.parametrize("name", ["valid", "validation", "dev"])
def test_a_val_of_another_name_is_not_passed_by_for_test(root: Path, name: str) -> None:
    picture(root / "test" / "dog" / "200.png")
    (root / "val").rename(root / name)
    with pytest.raises(DataError, match=f"`{name}/` in it: rename it to `val`"):
        load(root, "test")


def test_a_test_folder_without_classes_hides_nothing(root: Path) -> None:
    picture(root / "test" / "7.png")
    assert len(load(root, "test")) == 4
    asked = Loading(look=Look(measured="test"))
    with pytest.raises(DataError, match="test` has no class folders: 1 in no class folder"):
        load_data(str(root), channels=1, height=4, width=6, split="test", loading=asked)


def test_val_alone_has_its_own_classes(root: Path) -> None:
    shutil.rmtree(root / "train")
    assert load(root, "test").classes == ("cat", "dog")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_usual_mode_are_read(root: Path, mode: str, channels: int) -> None:
    picture(root / "train" / "cat" / ("255.jpg" if mode == "CMYK" else "255.png"), mode)
    data = load(root, channels=channels)
    assert data.images.shape == (5, channels, 4, 6)
    assert data.images[2].unique().tolist() == [255]


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "webp", "ppm"])
def test_every_listed_format_is_read(tmp_path: Path, suffix: str) -> None:
    assert decode_file(picture(tmp_path / f"200.{suffix}")).shape == (1, 3, 9, 12)


def test_the_content_and_not_the_suffix_says_what_an_image_is(tmp_path: Path) -> None:
    png = picture(tmp_path / "77.png")
    assert torch.equal(decode_file(png), decode_file(png.rename(tmp_path / "77.jpg")))


def test_other_files_and_hidden_ones_are_passed_over(root: Path) -> None:
    for name in ("README.txt", ".hidden.png", "Thumbs.db"):
        (root / "train" / "cat" / name).write_text("no image")
    (root / "train" / ".git").mkdir()
    (root / "train" / "labels.csv").write_text("")
    (root / "train" / "cat" / "folder.png").mkdir()
    assert len(load(root)) == 4


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_refused_by_name(root: Path, keep: float, suffix: str) -> None:
    path = picture(root / "train" / "dog" / f"5.{suffix}", size=(200, 200))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(DataError, match=f"cannot decode `{path}`"):
        load(root)


def test_what_is_no_image_is_refused_by_name(root: Path) -> None:
    path = root / "train" / "dog" / "5.png"
    path.write_text("#!/bin/sh\n")
    with pytest.raises(DataError, match=f"cannot decode `{path}`"):
        load(root)


def test_postscript_is_never_interpreted(root: Path) -> None:
    path = root / "train" / "dog" / "5.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="cannot decode"):
        load(root)


@pytest.mark.parametrize("side", [8_300, 60_000])
def test_a_huge_image_is_refused_by_its_header(root: Path, side: int) -> None:
    path = root / "train" / "dog" / "5.png"
    path.write_bytes(png_that_claims(side, side))
    with pytest.raises(DataError, match=r"5\.png"):
        load(root)


def test_a_huge_file_is_refused_unread(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_IMAGE_BYTES", 10)
    with pytest.raises(DataError, match="is larger than 10 bytes"):
        load(root)


def test_an_image_deeper_than_eight_bits_is_refused_and_not_cut(root: Path) -> None:
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    deep.save(root / "train" / "dog" / "5.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        load(root)


def test_random_damage_is_decoded_or_refused_and_nothing_else(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    draws = random.Random(0)  # noqa: S311  # damage, not secrets
    path = tmp_path / "damaged"
    outcomes = set()
    for trial in range(300):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, ("PNG", "JPEG", "GIF", "BMP")[trial % 4])
        content = bytearray(file.getvalue())
        for _ in range(draws.randint(1, 5)):
            content[draws.randrange(min(len(content), 200))] = draws.randrange(256)
        path.write_bytes(content)
        try:
            outcomes.add(str(decode_file(path).dtype))
        except DataError as error:
            outcomes.add("named" if str(path) in str(error) else "unnamed")
    assert outcomes == {"torch.uint8", "named"}


def test_an_empty_class_folder_is_refused_by_name(root: Path) -> None:
    (root / "train" / "eel").mkdir()
    with pytest.raises(DataError, match=r"train/eel` has no images"):
        load(root)


def test_a_class_without_training_images_is_refused(root: Path) -> None:
    picture(root / "val" / "eel" / "9.png")
    with pytest.raises(DataError, match=r"val/eel` has no counterpart in train/"):
        load(root, "test")


def test_a_missing_split_is_told_with_what_is_looked_for(root: Path) -> None:
    (root / "val").rename(root / "vall")
    with pytest.raises(DataError, match=r"no subfolder val/ or test/ .*; it has `vall/`"):
        load(root, "test")


def test_a_split_without_classes_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "1.png")
    with pytest.raises(DataError, match="has no class folders"):
        load(tmp_path)


@pytest.mark.parametrize("place", ["train/dog/9.png", "train/eel", "train"])
def test_a_link_that_leaves_the_folder_is_refused(root: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    picture(outside / "fox" / "9.png")
    link = root / place
    if link.exists():
        link.rename(root / "moved")
    targets = {"train/dog/9.png": outside / "fox" / "9.png", "train/eel": outside / "fox"}
    link.symlink_to(targets.get(place, outside))
    with pytest.raises(DataError, match="is a link that leaves the folder"):
        load(root)


def test_a_link_within_the_folder_is_followed(root: Path) -> None:
    (root / "train" / "dog" / "9.png").symlink_to(root / "val" / "dog" / "111.png")
    assert load(root).images[4, 0, 0, 0] == 111


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_in_a_class_folder_is_passed_over(root: Path) -> None:
    os.mkfifo(root / "train" / "dog" / "9.png")
    assert len(load(root)) == 4


@pytest.mark.parametrize("target", ["gone.png", "/nowhere/gone.png", "9.png"])
def test_a_link_to_nothing_is_an_image_that_cannot_be_read(root: Path, target: str) -> None:
    link = root / "train" / "dog" / "9.png"
    link.symlink_to(target)
    told = f"cannot read `{link}`: it is a link to `{target}`, and nothing is there; leave such"
    with pytest.raises(DataError, match=re.escape(told)):
        load(root)
    skipping = Loading(on_bad="skip", max_bad=0.2)
    data = load_data(str(root), channels=1, height=4, width=6, split="train", loading=skipping)
    assert (len(data), data.bad and list(data.bad.found)) == (4, [str(link)])


def test_a_class_folder_that_is_a_link_to_nothing_is_refused_by_name(root: Path) -> None:
    (root / "train" / "eel").symlink_to("gone")
    with pytest.raises(DataError, match=r"cannot list `.*eel`: it is a link to `gone`"):
        load(root)


def test_a_link_that_comes_to_lead_outside_is_not_followed(root: Path, tmp_path: Path) -> None:
    link = root / "train" / "dog" / "9.png"
    link.symlink_to(tmp_path / "later.png")
    listing = list_image_folder(root, "train")
    picture(tmp_path / "7.png").rename(tmp_path / "later.png")
    with pytest.raises(DataError, match="is a link that leaves the folder"):
        listing.decoded(4)
