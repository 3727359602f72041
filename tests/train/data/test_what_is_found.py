"""Every file of a data set is an image, or is counted; a folder and its tar file agree."""

from __future__ import annotations

import io
import itertools
import os
import random
import tarfile
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archgen.train import DataError, Loading
from archgen.train.data.image_folder import FolderImages
from archgen.train.data.load import Images, listing_of, load_data
from archgen.train.data.splits import Look
from archgen.train.data.tar_index import TarError, tar_members
from archgen.train.data.tar_shards import TarImages

PLAIN = Loading()


def image(path: Path, kind: str = "PNG", **settings: object) -> Path:
    """A small picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(len(str(path)))
    pixels = draws.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, kind, **settings)
    return path


def photos(root: Path, count: int = 2) -> Path:
    for split, name, number in itertools.product(("train", "val"), "ab", range(count)):
        image(root / split / name / f"{number}.png")
    return root


def packed(root: Path, at: str = "packed") -> Path:
    """The same splits as tar files of all that is in them."""
    for split in ("train", "val"):
        target = root.parent / at / split
        target.mkdir(parents=True)
        with tarfile.open(target / "0.tar", "w") as archive:
            for file in sorted((root / split).rglob("*")):
                archive.add(file, str(file.relative_to(root / split)), recursive=False)
    return root.parent / at


def found(root: Path, loading: Loading = PLAIN) -> FolderImages | TarImages:
    return listing_of(root, "train", loading)


def load(root: Path, loading: Loading = PLAIN) -> Images:
    return load_data(str(root), channels=3, height=6, width=8, split="train", loading=loading)


def named(listing: FolderImages | TarImages) -> list[str]:
    """Class and name of each image, without what is in front."""
    if isinstance(listing, TarImages):
        return sorted(listing.members[index] for index in range(len(listing)))
    return sorted(
        f"{listing.classes[listing.labels[index]]}/{listing.files[index]}"
        for index in range(len(listing))
    )


READ = {
    "x.tif": "TIFF",
    "x.tiff": "TIFF",
    "x.jfif": "JPEG",
    "x.jpe": "JPEG",
    "x.avif": "AVIF",
    "x.jp2": "JPEG2000",
    "x.JPEG": "JPEG",
    "x.TIF": "TIFF",
    "x.webp": "WEBP",
    "x.bmp": "BMP",
    "x.gif": "GIF",
    "x": "PNG",
    "x.1": "JPEG",
    "n01440764_18.5": "TIFF",
    "day2/x.jpg": "JPEG",
    "day2/deep/x.png": "PNG",
    "day.2/x": "WEBP",
}


@pytest.mark.parametrize("name", READ)
def test_what_can_be_decoded_is_read_from_folders_and_tars(tmp_path: Path, name: str) -> None:
    root = photos(tmp_path / "photos")
    image(root / "train" / "b" / name, READ[name])
    assert f"b/{name}" in named(found(root))
    assert named(found(packed(root))) == named(found(root))
    assert len(load(root)) == len(load(packed(root, "again"))) == 5


PASSED = {
    "x.txt": "`.txt`",
    "x.xyz": "`.xyz`",
    "x": "other",
    "._0.png": "hidden",
    ".x.png": "hidden",
    ".DS_Store": "hidden",
    ".thumbs/0.png": "hidden",
    "__MACOSX/x.png": "of macOS",
    "0.png~": "backup",
    "0.png.bak": "backup",
    "Thumbs.db": "`.db`",
}


@pytest.mark.parametrize("name", PASSED)
def test_the_rest_is_counted_and_named(tmp_path: Path, name: str) -> None:
    root = photos(tmp_path / "photos")
    path = root / "train" / "b" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x00\x05\x16\x07 no image")
    for place in (root, packed(root)):
        data = load(place)
        assert len(data) == 4
        assert data.bad is not None
        (line,) = data.bad.notes
        assert line.startswith("1 file is not among the images")
        assert f"1 {PASSED[name]} (`" in line


@pytest.mark.parametrize("name", ["x.png", "x.heic", "x.psd", "x.svg", "x.jxl", "sub/x.JPG"])
def test_what_should_be_an_image_and_cannot_be_decoded_is_a_bad_one(
    tmp_path: Path, name: str
) -> None:
    root = photos(tmp_path / "photos")
    (root / "train" / "a" / "sub").mkdir()
    (root / "train" / "a" / name).write_bytes(b"something else")
    for place in (root, packed(root)):
        with pytest.raises(DataError, match=f"cannot decode `.*{name}`"):
            load(place)
        data = load(place, Loading(on_bad="skip", max_bad=0.5))
        assert len(data) == 4


def test_nothing_is_lost_of_a_folder_of_anything(tmp_path: Path) -> None:
    """Property: images and what is passed over are all files, in a folder as in its tar file."""
    draws = random.Random(3)  # noqa: S311  # names, not secrets
    root = photos(tmp_path / "photos")
    words = ["x", ".x", "._y", "z.jpg", "w.TIF", "v.txt", "u.heic", "t~", "s.png", "r.1", "q.bin"]
    for number in range(60):
        inner = "/".join(draws.choice(["d", "e", ".f"]) for _ in range(draws.randrange(3)))
        path = root / "train" / draws.choice("ab") / inner / f"{draws.choice(words)}"
        if draws.random() < 0.6:
            image(path, draws.choice(["PNG", "JPEG", "TIFF"]))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes([number]) * 20)
    hidden = {".f"}
    files = [
        path
        for path in (root / "train").rglob("*")
        if path.is_file() and not hidden & set(path.relative_to(root).parts)
    ]
    folder, tar = found(root), found(packed(root))
    assert named(folder) == named(tar)
    assert len(folder) + folder.passed_over.total - folder.passed_over.counts.get(
        "hidden", 0
    ) == len([path for path in files if not path.name.startswith(".")])


def test_hard_links_and_links_in_a_tar_are_the_images_that_they_name(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    os.link(root / "train" / "a" / "0.png", root / "train" / "b" / "hard.png")
    (root / "train" / "b" / "soft.png").symlink_to("../a/1.png")
    folder, tar = found(root), found(packed(root))
    assert named(folder) == named(tar)
    for listing in (folder, tar):
        contents = {
            listing.place(index)[-8:]: listing.content(index) for index in range(len(listing))
        }
        assert contents["hard.png"] == (root / "train" / "a" / "0.png").read_bytes()
        assert contents["soft.png"] == (root / "train" / "a" / "1.png").read_bytes()


def test_images_in_no_class_folder_are_counted(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    image(root / "train" / "loose.png")
    for place in (root, packed(root)):
        data = load(place)
        assert len(data) == 4
        assert data.bad is not None
        assert "1 in no class folder (`loose.png`)" in data.bad.notes[0]


def test_a_class_of_other_files_alone_says_what_it_has(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    (root / "train" / "c").mkdir()
    (root / "train" / "c" / "x.xyz").write_bytes(b"")
    with pytest.raises(DataError, match=r"c` has no images, and 1 other files: 1 `\.xyz`"):
        load(root)


@pytest.mark.parametrize("prefix", ["train", "./train", "tars", "pets/train", "/data/val"])
def test_tars_may_be_packed_from_outside(tmp_path: Path, prefix: str) -> None:
    root = photos(tmp_path / "photos")
    target = tmp_path / "tars" / "train"
    target.mkdir(parents=True)
    with tarfile.open(target / "0.tar", "w") as archive:
        archive.add(root / "train", prefix)
    assert found(tmp_path / "tars").classes == ("a", "b")


def test_one_folder_around_all_images_of_a_tar_is_not_taken_for_their_class(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    target = tmp_path / "tars" / "train"
    target.mkdir(parents=True)
    with tarfile.open(target / "0.tar", "w") as archive:
        archive.add(root / "train", "pets")
    with pytest.raises(DataError, match="may be a class or lie in front of the classes"):
        found(tmp_path / "tars")


def test_folders_next_to_tar_files_are_told(tmp_path: Path) -> None:
    root = packed(photos(tmp_path / "photos"))
    image(root / "train" / "c" / "0.png")
    assert found(root).passed_over.described() == "1 next to tar files (`c`)"


def test_names_that_look_the_same_are_told_apart(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    one, two = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
    image(root / "train" / one / "0.png")
    image(root / "val" / two / "0.png")
    for place in (root, packed(root)):
        with pytest.raises(DataError, match="looks the same and is written otherwise") as refused:
            listing_of(place, "test", PLAIN)
        assert ascii(one) in str(refused.value)
        assert ascii(two) in str(refused.value)
    image(root / "train" / two / "0.png")
    data = load(root)
    assert data.bad is not None
    assert "2 classes are all shown as" in data.bad.notes[0]


def test_links_that_leave_the_data_are_followed_on_request(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    elsewhere = image(tmp_path / "elsewhere" / "c" / "9.png")
    (root / "train" / "c").symlink_to(elsewhere.parent)
    (root / "train" / "a" / "9.png").symlink_to(elsewhere)
    (root / "train" / "a" / "circle").symlink_to("..", target_is_directory=True)
    with pytest.raises(DataError, match=r"leaves the folder .*`--follow-links` allows that"):
        load(root)
    data = load(root, Loading(look=Look(follow_links=True)))
    assert data.classes == ("a", "b", "c")
    assert len(data) >= 6


def test_images_that_ask_for_a_rotation_or_are_transparent_are_counted(tmp_path: Path) -> None:
    root = photos(tmp_path / "photos")
    exif = Image.Exif()
    exif[0x0112] = 3
    image(root / "train" / "a" / "turned.jpg", "JPEG", exif=exif)
    Image.new("RGBA", (8, 6), (255, 0, 0, 0)).save(root / "train" / "b" / "clear.png")
    for place in (root, packed(root)):
        data = load(place)
        assert data.bad is not None
        turned, clear = data.bad.notes
        assert turned.startswith("1 of the 6 images of ")
        assert "ask for a rotation by EXIF, and are not turned" in turned
        assert "alpha: white" in clear


# ------------------------------------------------------------------------------------- hostile tars


def header(name: str = "a/x.png", kind: bytes = b"0", size: int | bytes = 0) -> bytes:
    """A header of 512 bytes with a sound checksum, whatever its size says."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT)[:512])
    block[124:136] = size if isinstance(size, bytes) else f"{size:011o}\0".encode()
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def binary(number: int) -> bytes:
    """A size as GNU tar writes large ones: in binary."""
    return (b"\xff" if number < 0 else b"\x80") + (number % 2**88).to_bytes(11, "big")


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def pax(content: bytes) -> bytes:
    return header("pax", b"x", len(content)) + padded(content) + header()


END = bytes(1024)
TARS: dict[str, Callable[[], bytes]] = {
    "a negative size": lambda: header(size=binary(-512)) + END,
    "a vast size": lambda: header(size=binary(2**62)) + END,
    "a vast long name": lambda: header(kind=b"L", size=binary(2**62)) + END,
    "a long name of megabytes": lambda: header(kind=b"L", size=2**22) + bytes(2**22) + END,
    "many long names": lambda: (
        (header(kind=b"L", size=2) + padded(b"a\0")) * 1_500 + header() + END
    ),
    "an empty pax record": lambda: pax(b"0 path=a\n") + END,
    "a pax record of nothing": lambda: pax(b"1 ") + END,
    "pax digits": lambda: pax(b"9" * 1_000_000) + END,
    "pax megabytes of digits": lambda: pax(b"9" * 3_000_000) + END,
    "a pax size of digits": lambda: pax(b"1000012 size=" + b"9" * 999_998 + b"\n") + END,
    "a negative pax size": lambda: pax(b"12 size=-99\n") + END,
    "pax records that are many": lambda: pax(b"6 a=b\n" * 170_000)[:-512],
    "a global header": lambda: header("g", b"g", 9) + padded(b"0 path=a\n") + END,
    "a sparse member": lambda: header(kind=b"S", size=512) + b"x" * 512 + END,
    "only headers": header,
    "nothing": lambda: b"",
    "half of a header": lambda: header()[:300],
    "no checksum": lambda: b"x" * 512 + END,
    "several in one": lambda: (header() + END) * 2,
}


@pytest.mark.parametrize("kind", TARS)
def test_a_hostile_tar_is_one_line_soon(tmp_path: Path, kind: str) -> None:
    root = photos(tmp_path / "photos")
    root = packed(root)
    (root / "train" / "0.tar").write_bytes(TARS[kind]())
    started = time.process_time()
    with pytest.raises(DataError) as refused:
        load(root)
    assert time.process_time() - started < 2
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_members_are_those_of_tarfile_for_sound_files(tmp_path: Path) -> None:
    contents = [("a/x.png", 10), ("b/" + "y" * 300 + ".png", 5_000), ("c/\u00e9.jpg", 512)]
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"{form}.tar"
        with tarfile.open(path, "w", format=form) as archive:
            for name, size in contents if form != tarfile.USTAR_FORMAT else contents[::2]:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = size, 1.5
                archive.addfile(member, io.BytesIO(bytes(size)))
        with tarfile.open(path) as archive:
            wanted = [(each.name, each.offset_data, each.size) for each in archive]
        assert [(each.name, each.offset, each.size) for each in tar_members(path)] == wanted


def test_random_damage_of_a_tar_is_one_refusal_or_none(tmp_path: Path) -> None:
    whole = (packed(photos(tmp_path / "photos")) / "train" / "0.tar").read_bytes()
    draws, path = random.Random(0), tmp_path / "x.tar"  # noqa: S311  # damage, not secrets
    outcomes = set()
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(draws.randint(1, 6)):
            content[draws.randrange(4_000)] = draws.randrange(256)
        path.write_bytes(content)
        try:
            outcomes.add(type(list(tar_members(path))).__name__)
        except TarError:
            outcomes.add("refused")
    assert outcomes == {"list", "refused"}
