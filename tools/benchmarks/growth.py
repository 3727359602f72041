"""How the memory of training grows over three epochs of 100,000 files that are streamed.

The files are links to a few small JPEGs, read by two processes, into a network of one convolution: what
grows would be what a path, a sample or a step leaves behind. Memory is what this process and those that it
started have to themselves and their share of the rest (PSS): the median over the reports of an epoch, as
batches under way make it swing by a few megabytes.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import nn

from archgen.train import Loading, Progress, Recipe, RunFolder, fit, load_data
from archgen.train.data import Split
from archgen.train.progress import StepReport
from tools.benchmarks.ratios import versions

FILES, CLASSES, PICTURES = 100_000, 10, 50
BATCH, EPOCHS, WORKERS = 250, 3, 2
AIM = 0.02
SPLITS: tuple[Split, Split] = ("train", "test")


class Weighed(Progress):
    """Notes the memory at each report; `epochs` holds the bytes of each epoch."""

    def __init__(self) -> None:
        self.epochs: list[list[int]] = [[] for _ in range(EPOCHS)]

    def trained(self, report: StepReport) -> None:
        """Weighs."""
        epoch = math.ceil(report.epoch) - 1
        self.epochs[epoch].append(sum(map(proportional_bytes, family(os.getpid()))))
        if report.epoch.is_integer():
            print(f"epoch {epoch + 1}: {median(self.epochs[epoch]) / 1e6:.1f} MB", flush=True)


def main() -> None:
    """Measures and prints."""
    parser = ArgumentParser(
        "tools/bench growth", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=FILES, metavar="N")
    files = parser.parse_args().files
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        make_files(Path(scratch) / "images", files)
        weights = weighed(Path(scratch))
    growth = weights[-1] / weights[0] - 1
    verdict = "ok" if growth < AIM else "over"
    print(
        f"growth: {files:,} files, {EPOCHS} epochs, {WORKERS} workers; {versions('torch', 'pillow')}"
    )
    print(f"from epoch 1 to {EPOCHS}: {growth:+.2%} (aim: under {AIM:.0%}) {verdict}")


def make_files(root: Path, count: int) -> None:
    """A folder of `count` training images and a few test images in `CLASSES` classes."""
    random = np.random.default_rng(0)
    pictures = root.parent / "pictures"
    pictures.mkdir()
    for number in range(PICTURES):
        pixels = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number}.jpg")
    for split, each in (("train", count // CLASSES), ("test", 10)):
        for label in range(CLASSES):
            folder = root / split / f"class_{label}"
            folder.mkdir(parents=True)
            for number in range(each):
                os.link(pictures / f"{number % PICTURES}.jpg", folder / f"image_{number:06}.jpg")


def weighed(scratch: Path) -> list[float]:
    """The bytes in each epoch of a run on the images."""
    loading = Loading("inception_tf", WORKERS)
    train, test = (
        load_data(
            str(scratch / "images"), channels=3, height=16, width=16, split=split, loading=loading
        )
        for split in SPLITS
    )
    recipe = Recipe.model_validate(
        {
            "optimizer": {"name": "sgd", "lr": 0.01},
            "batch": BATCH,
            "epochs": EPOCHS,
            "augment": {"preset": "inception_tf"},
        }
    )
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES)
    )
    progress = Weighed()
    run = RunFolder.create(scratch / "run", spec="", recipe="")
    fit(net, train, test, recipe, run, seed=0, progress=progress)
    return [median(weights) for weights in progress.epochs]


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def proportional_bytes(pid: int) -> int:
    """A process's own memory, and its share of what it has with others."""
    found = re.search(
        r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    assert found is not None
    return 1024 * int(found[1])


if __name__ == "__main__":
    main()
