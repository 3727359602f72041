"""`archgen data check`, and the options that say where images are looked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Command


@pytest.fixture
def images(folder: Path) -> Path:
    """Ten images of two classes in each of train/ and val/, four in test/."""
    root = folder / "pets"
    for number in range(24):
        split = "train" if number < 10 else "val" if number < 20 else "test"
        path = root / split / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    return root


def test_a_sound_set_is_counted(archgen: Command, images: Path) -> None:
    done = archgen("data", "check", str(images))
    assert (done.status, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["class", "train", "val", "test"] in lines
    assert ["a", "5", "5", "2"] in lines
    assert ["10", "10", "4"] in lines


def test_what_would_stop_a_run_or_mislead_is_found(archgen: Command, images: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 8)).save(images / "val" / "a" / "turned.jpg", exif=exif)
    Image.new("RGBA", (8, 8)).save(images / "train" / "a" / "clear.png")
    shutil.copy(images / "train" / "a" / "0.png", images / "val" / "b" / "again.png")
    (images / "train" / "b" / "x.png").write_bytes(b"")
    (images / "train" / "b" / "x.txt").write_text("")
    (images / "test" / "c").mkdir()
    done = archgen("data", "check", str(images), "--format", "json")
    assert done.status == 1
    found = json.loads(done.out)
    assert not found["sound"]
    train, val, test = (found["splits"][name] for name in ("train", "val", "test"))
    assert train["classes"] == {"a": 6, "b": 6}
    assert [Path(bad["image"]).name for bad in train["bad"]] == ["x.png"]
    assert train["passed_over"] == [{"reason": "`.txt`", "count": 1, "first": "b/x.txt"}]
    assert (train["transparency"], val["exif_rotation"]) == (1, 1)
    assert "c` has no counterpart in train/" in test["problems"][0]
    (same,) = found["duplicates"]
    assert (Path(same["first"]).name, Path(same["again"]).name) == ("0.png", "again.png")
    assert same["other_class"]
    shown = archgen("data", "check", str(images)).out
    assert "1 files are in two splits, byte for byte; 1 of them in two classes" in shown
    assert "1 of 12 images cannot be used" in shown


@pytest.mark.parametrize("name", ["nowhere", "pets/train"])
def test_what_is_no_data_set_is_one_line(archgen: Command, images: Path, name: str) -> None:
    done = archgen("data", "check", str(images.parent / name))
    assert done.status == 2
    assert len(done.err.splitlines()) == 1


def test_a_run_is_measured_on_val_and_test_is_measured_on_request(
    archgen: Command, spec: Callable[..., Path], images: Path
) -> None:
    asked = ("--data", str(images), "--max-steps", "1", "--batch", "4", "--out", "run")
    done = archgen("train", str(spec()), *asked)
    assert done.status == 0
    assert "on 10 test images" in done.out
    assert "on 10 test images" in archgen("eval", "run").out
    assert "on 10 test images" in archgen("eval", "run", "--split", "val").out
    assert "on 4 test images" in archgen("eval", "run", "--split", "test").out


def test_links_out_of_the_data_are_followed_on_request_and_by_what_goes_on(
    archgen: Command, spec: Callable[..., Path], images: Path
) -> None:
    (images / "val").rename(images.parent / "elsewhere")
    (images / "val").symlink_to("../elsewhere")
    asked = ["train", str(spec()), "--data", str(images), "--batch", "4", "--out", "run"]
    done = archgen(*asked, "--max-steps", "1")
    assert done.status == 2
    assert "`--follow-links` allows that" in done.err
    assert archgen(*asked, "--max-steps", "1", "--follow-links").status == 0
    assert archgen("eval", "run").status == 0
    assert archgen("data", "check", str(images)).status == 1
    assert archgen("data", "check", str(images), "--follow-links").status == 0
