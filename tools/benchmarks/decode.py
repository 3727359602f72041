"""From a JPEG file to a random crop of 299x299: ours beside torchvision's on PIL images, on one thread.

Both draw crops by the same law (torchvision's RandomResizedCrop) and end with a batch of uint8 pixels, as
both normalise later. The images are made up: coloured noise with the spectrum of photographs (amplitude
falls with the frequency), 500x375, saved at a quality at which they take as many bytes as ImageNet's do.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import v2

from archgen.train import Loading, load_data
from archgen.train.data import StreamedSet
from archgen.train.schedule import Timeline
from archgen.train.streamed_batches import Steps
from tools.benchmarks.ratios import Ratio, print_ratios, ratio_of_medians, take_turns, versions

IMAGES, BATCH, SIDE = 64, 16, 299
HEIGHT, WIDTH, QUALITY = 375, 500, 90
ROUNDS = 10
AIM = 1 / 1.5


def main() -> None:
    """Measures and prints."""
    parser = ArgumentParser(
        "tools/bench decode", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make_images(root)
        paths = sorted((root / "train").rglob("*.jpg"))
        size = statistics.mean(path.stat().st_size for path in paths)
        images = load_data(
            str(root),
            channels=3,
            height=SIDE,
            width=SIDE,
            split="train",
            loading=Loading("torchvision"),
        )
        assert isinstance(images, StreamedSet)
        tasks = {
            "simplejpeg": partial(ours, images),
            "pillow": partial(ours_on_pillow, images),
            "theirs": partial(theirs, paths),
        }
        turns = take_turns(tasks, rounds=rounds + 1, clock=time.process_time)
    per_image = {name: [t / IMAGES for t in times[1:]] for name, times in turns.items()}
    rows = [
        _row(
            "decode by simplejpeg, crop, resize", per_image["simplejpeg"], per_image["theirs"], AIM
        ),
        _row("the same, decoded by Pillow", per_image["pillow"], per_image["theirs"], None),
    ]
    packages = versions("torch", "torchvision", "pillow", "simplejpeg")
    title = f"decode: CPU time an image, medians of {rounds}; {size / 1e3:.0f} kB; {packages}"
    print_ratios(title, "torchvision", rows)
    for row in rows:
        print(
            f"{row.task}: {1 / row.seconds:,.0f} images/s a core, {1 / row.value:.2f} times theirs"
        )


def _row(name: str, mine: list[float], base: list[float], aim: float | None) -> Ratio:
    return ratio_of_medians(name, mine, base, aim)


def make_images(root: Path) -> None:
    """`IMAGES` training images and one test image."""
    random = np.random.default_rng(0)
    for number in range(IMAGES + 1):
        folder = root / ("train" if number < IMAGES else "test") / "noise"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photograph(random)).save(folder / f"{number:03}.jpg", quality=QUALITY)


def photograph(random: np.random.Generator) -> NDArray[np.uint8]:
    """Noise whose amplitude is one over the frequency, the same in all colours but for a tenth."""
    across, down = np.fft.fftfreq(WIDTH)[None, :], np.fft.fftfreq(HEIGHT)[:, None]
    falling = 1 / np.maximum(np.hypot(across, down), 1 / WIDTH)
    grey, *colours = (
        np.fft.ifft2(np.fft.fft2(random.normal(size=(HEIGHT, WIDTH))) * falling).real
        for _ in range(4)
    )
    planes = np.stack([grey + 0.3 * colour for colour in colours], axis=2)
    planes = 128 + 52 * (planes - planes.mean()) / planes.std()
    pixels: NDArray[np.uint8] = planes.clip(0, 255).astype(np.uint8)
    return pixels


def ours(images: StreamedSet) -> None:
    """Every image once, in batches, as a loading process makes them."""
    steps = Steps(images, BATCH, Timeline(IMAGES // BATCH, IMAGES // BATCH), seed=0)
    for step in range(IMAGES // BATCH):
        assert steps[step].images.shape == (BATCH, 3, SIDE, SIDE)


def ours_on_pillow(images: StreamedSet) -> None:
    """The same without the extra `fast`."""
    with patch("archgen.train.data.decoding.simplejpeg", None):
        ours(images)


def theirs(paths: list[Path]) -> None:
    """Every image once, in batches, as torchvision's reference reads and crops them."""
    cropped = v2.Compose([v2.RandomResizedCrop(SIDE, antialias=True), v2.PILToTensor()])
    for start in range(0, IMAGES, BATCH):
        batch = []
        for path in paths[start : start + BATCH]:
            with path.open("rb") as file:
                batch.append(cropped(Image.open(file).convert("RGB")))
        assert torch.stack(batch).shape == (BATCH, 3, SIDE, SIDE)


if __name__ == "__main__":
    main()
