"""What the trainer's loop costs beside one that a person would write by hand for the same steps.

Both train the same network on the same images, on one thread, some 10 ms a step. The bare loop takes the
images in their order, normalises them, sets the rate, and steps; the trainer also draws the order,
watches the loss, counts what is right, seeds dropout, writes metrics.jsonl and heeds signals. Neither
saves nor evaluates in the steps that are counted.

The second row needs no second loop, which a busy machine disturbs at another moment: within the trainer's
steps, all of the time beside the part of it that a bare loop has too (normalising, the rate, both passes,
the loss, the optimizer). What frees a step's tensors counts against the trainer there.
"""

from __future__ import annotations

import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import nn

from archgen.train import ImageSet, Progress, Recipe, RunFolder, fit
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.optim import build_optimizer, set_learning_rate
from archgen.train.schedule import Timeline, learning_rate
from tools.benchmarks.ratios import print_ratios, ratio_of_medians, versions

ROUNDS = 40
WARM_UP, COUNTED = 10, 40
BATCH = 16
AIM = 1.03
SHARED: tuple[tuple[type, str], ...] = (
    (ImageSet, "normalised"),
    (Learner, "set_rate"),
    (torch.optim.SGD, "zero_grad"),
    (Learner, "forward"),
    (Objective, "__call__"),
    (Learner, "backward"),
    (torch.optim.SGD, "step"),
)
RECIPE = Recipe.model_validate(
    {
        "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0001},
        "schedule": {"name": "cosine"},
        "batch": BATCH,
        "steps": WARM_UP + COUNTED,
    }
)


class Clocked(Progress):
    """Reads the clock after the last step of the warm-up and after the last of all."""

    def __init__(self) -> None:
        self.steps = 0
        self.seconds = 0.0

    def stepped(self) -> None:
        """Counts."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.seconds = -time.process_time()
        elif self.steps == WARM_UP + COUNTED:
            self.seconds += time.process_time()


def main() -> None:
    """Measures and prints."""
    parser = ArgumentParser(
        "tools/bench loop", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    images = made_up_images()
    turns: dict[str, list[float]] = {"trainer": [], "bare": []}
    sides = {"trainer": trainer_seconds, "bare": bare_seconds}
    for number in range(-1, rounds):  # the first round warms up
        for side in list(sides)[:: -1 if number % 2 else 1]:
            seconds = sides[side](images)
            if number >= 0:
                turns[side].append(seconds / COUNTED)
    ratio = ratio_of_medians("a step of the trainer", turns["trainer"], turns["bare"], AIM)
    title = f"loop: CPU time of a step, medians of {rounds} turns of {COUNTED}; {versions('torch')}"
    within = ratio_of_medians("the same, within its steps", *shared_seconds(images, rounds), AIM)
    print_ratios(title, "bare loop", [ratio, within])
    for row in (ratio, within):
        extra = row.seconds - row.base
        print(f"{row.task}: {1e6 * extra:+.0f} us, {100 * extra / row.base:+.1f} %")


def shared_seconds(images: ImageSet, rounds: int) -> tuple[list[float], list[float]]:
    """For each round what a step takes, and what of it goes to the parts that a bare loop has too."""
    whole, shared = [], []
    for _ in range(rounds):
        spent = Spent()
        with ExitStack() as patches:
            for owner, name in SHARED:
                patches.enter_context(patch.object(owner, name, spent.timed(getattr(owner, name))))
            whole.append(trainer_seconds(images, spent) / COUNTED)
        shared.append(spent.inside / COUNTED)
    return whole, shared


class Spent(Clocked):
    """Adds up the time in the functions that were wrapped, in the counted steps alone."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0.0

    def timed(self, function: Callable[..., object]) -> Callable[..., object]:
        """The function, timed."""

        def wrapped(*args: object) -> object:
            started = time.process_time()
            made = function(*args)
            if self.steps >= WARM_UP:
                self.inside += time.process_time() - started
            return made

        return wrapped


def made_up_images() -> ImageSet:
    """As many as the steps take, so that an epoch is a run."""
    count = BATCH * (WARM_UP + COUNTED)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 16, 16), generator=generator).to(torch.uint8)
    classes = tuple(str(number) for number in range(10))
    return ImageSet("random", pixels, torch.arange(count) % 10, classes)


def network() -> nn.Module:
    """Three convolutions with batch norm, and dropout."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for channels, filters in ((3, 24), (24, 32), (32, 48)):
        layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(48, 10)]
    return nn.Sequential(*layers, *head).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # not in its stub


def trainer_seconds(images: ImageSet, clock: Clocked | None = None) -> float:
    """What the counted steps take in `fit`."""
    clock = clock or Clocked()
    few = ImageSet("few", images.images[:16], images.labels[:16], images.classes)
    with tempfile.TemporaryDirectory() as scratch:
        run = RunFolder.create(Path(scratch) / "run", spec="", recipe="")
        fit(network(), images, few, RECIPE, run, seed=0, progress=clock)
    return clock.seconds


def bare_seconds(images: ImageSet) -> float:
    """What the same steps take without the trainer; the optimizer is the same."""
    net = network().train()
    optimizer = build_optimizer(net, RECIPE.optimizer)
    timeline = Timeline.of(RECIPE, len(images))
    started = 0.0
    for step in range(WARM_UP + COUNTED):
        if step == WARM_UP:
            started = time.process_time()
        chosen = slice(step * BATCH, (step + 1) * BATCH)
        set_learning_rate(optimizer, learning_rate(RECIPE, timeline, step))
        optimizer.zero_grad()
        outputs = net(images.normalised(images.images[chosen]))
        F.cross_entropy(outputs, images.labels[chosen]).backward()
        optimizer.step()
    return time.process_time() - started


if __name__ == "__main__":
    main()
