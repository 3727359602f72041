"""`--on-bad skip` through the command line: what is left out is said, and kept in the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Command


@pytest.fixture
def images(folder: Path) -> Path:
    """Ten images of two classes a split, of the training ones two bad."""
    root = folder / "pets"
    for number in range(20):
        path = root / ("train" if number < 10 else "val") / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    (root / "train" / "a" / "4.png").write_bytes(b"")
    (root / "train" / "b" / "gone.png").symlink_to("nowhere.png")
    (root / "val" / "a" / "\x1b[2J.png").write_bytes(b"")
    return root


def test_what_is_left_out_is_named_counted_and_kept(
    archgen: Command, spec: Callable[..., Path], images: Path
) -> None:
    length = ("--max-steps", "2", "--batch", "4", "--on-bad", "skip", "--max-bad", "20")
    done = archgen("train", str(spec()), "--data", "pets", *length, "--out", "run")
    assert done.status == 0
    empty, gone = (images / "train" / name for name in ("a/4.png", "b/gone.png"))
    hostile = f"cannot decode `{images}/val/a/<U+001B>[2J.png`: it is empty"
    told = [
        f"2 of the 11 images of `{images}` are left out (18 %):",
        f"  cannot decode `{empty}`: it is empty",
        f"  cannot read `{gone}`: it is a link to `nowhere.png`, and nothing is there",
        f"1 of the 11 images of `{images}` is left out (9.1 %): {hostile}",
    ]
    assert [line for line in done.err.splitlines() if line in told] == told
    lines = map(json.loads, Path("run/metrics.jsonl").read_text().splitlines())
    kept = [report["image"] for report in lines if report["kind"] == "left_out"]
    assert kept == [str(empty), str(gone), f"{images}/val/a/\x1b[2J.png"]
    measured = archgen("eval", "run")
    assert measured.err.splitlines() == [told[-1]]
