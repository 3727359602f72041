from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from archgen.train import ImageSet, Progress, RunFolder
from archgen.train.data.bad import BadImage, BadImages
from archgen.train.left_out import LeftOut


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(line)


def bad_images(*numbers: int) -> list[BadImage]:
    return [BadImage(f"dog/{n}.jpg", f"cannot decode `dog/{n}.jpg`: it is empty") for n in numbers]


@pytest.fixture
def data() -> ImageSet:
    """Two images of 40: the others are told of as they are found."""
    bad = BadImages("pets", 40, "skip", 0.9)
    return ImageSet("pets", torch.zeros(2, 1, 4, 4).byte(), torch.tensor([0, 0]), ("a",), bad=bad)


def find(data: ImageSet, *numbers: int) -> None:
    assert data.bad is not None
    data.bad.add(bad_images(*numbers))


def recorded(run: RunFolder) -> list[dict[str, object]]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def test_many_are_told_by_the_first_dozen_the_count_and_the_share(
    run: RunFolder, data: ImageSet
) -> None:
    heard = Heard()
    find(data, *range(20))
    LeftOut(run, heard).look("train", 0, data)
    assert heard.lines[0] == "20 of the 40 images of `pets` are left out (50 %):"
    assert heard.lines[1] == "  cannot decode `dog/0.jpg`: it is empty"
    assert heard.lines[13:] == ["  and 8 more"]
    assert [report["image"] for report in recorded(run)] == [f"dog/{n}.jpg" for n in range(20)]


def test_one_by_one_they_are_told_as_they_come_and_counted_at_the_end(
    run: RunFolder, data: ImageSet
) -> None:
    heard = Heard()
    left_out = LeftOut(run, heard)
    for number in range(14):
        find(data, number)
        left_out.look("train", number, data)
    assert len(heard.lines) == 12
    assert heard.lines[0] == (
        "1 of the 40 images of `pets` is left out (2.5 %): cannot decode `dog/0.jpg`: it is empty"
    )
    left_out.sum_up(data)
    assert heard.lines[12:] == [
        "14 of the 40 images of `pets` are left out (35 %)",
        f"each is named in `{run.metrics}`",
    ]
    assert recorded(run)[13] == {
        "kind": "left_out",
        "step": 13,
        "split": "train",
        "image": "dog/13.jpg",
        "reason": "cannot decode `dog/13.jpg`: it is empty",
    }


def test_a_run_that_goes_on_records_each_once(run: RunFolder, data: ImageSet) -> None:
    find(data, 1, 2)
    for step in (0, 10):
        LeftOut(run, Heard()).look("train", step, data)
    LeftOut(run, Heard()).look("test", 10, data)
    assert [(report["split"], report["step"]) for report in recorded(run)] == [
        ("train", 0),
        ("train", 0),
        ("test", 10),
        ("test", 10),
    ]


def test_a_class_without_images_is_told(run: RunFolder, data: ImageSet) -> None:
    assert data.bad is not None
    told = "the class folder `pets/train/eel` has no images"
    heard, data.bad.empty = Heard(), (told,)
    LeftOut(run, heard).look("train", 0, data)
    assert heard.lines == [told]
    assert not Path(run.metrics).exists()
