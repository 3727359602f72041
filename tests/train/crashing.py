"""Training that is killed again and again, each time in a process of its own.

    python -m tests.train.crashing kills 20     # SIGKILL at random moments, until 20 have hit
    python -m tests.train.crashing streamed 20  # 20 runs on files, 0, 1, 2 processes reading in turn
    python -m tests.train.crashing phases 1     # the process is gone at each call to the disk in turn

Prints a line of JSON: how often a run was killed, the hash of the end of one that was not, and of the
ends that the others reached, after resuming at which steps; `equal` counts those that are as it.
torch is loaded once and the process forks, so that a kill costs a fraction of a second.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from archgen.train import ImageSet, Loading, Progress, Recipe, RunFolder, StreamedSet, fit
from archgen.train.checkpoints import Checkpoints
from archgen.train.data.image_folder import list_image_folder
from archgen.train.data.images import InputShape
from archgen.train.data.presets import PresetName

CRASHED = 77
PRESET: PresetName = "inception_tf"
MAX_ATTEMPTS = 2000


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "warm", 2)  # what torch loads on first use, the forks then share
        crash = {"kills": killed_at_random, "streamed": killed_while_reading}
        result = crash.get(arguments[0], killed_in_phases)(Path(folder), int(arguments[1]))
        sys.stdout.write(json.dumps(result) + "\n")


def killed_at_random(folder: Path, wanted: int) -> dict[str, Any]:
    """Runs that are killed at random moments and resumed until `wanted` kills have hit."""
    whole, steps = folder / "whole", 60
    started = time.monotonic()
    assert _waited(_forked(lambda: train(whole, steps))) == 0
    seconds = time.monotonic() - started
    chance = random.Random(1602)  # noqa: S311  # no secret
    kills, ends, resumed_at = 0, [], []
    for number in range(MAX_ATTEMPTS):
        run = folder / f"killed-{number}"
        hits = 0
        while hits < 5 and kills < wanted:
            child = _forked(lambda run=run: train(run, steps))  # type: ignore[misc]
            time.sleep(chance.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
            if _waited(child) == 0:
                break
            kills, hits = kills + 1, hits + 1
            resumed_at.append(newest_step(run))
        assert _waited(_forked(lambda run=run: train(run, steps))) == 0  # type: ignore[misc]
        check_story(run, steps)
        ends.append(end_of(run))
        if kills >= wanted:
            break
    return _result(kills, whole, ends, resumed_at)


def killed_while_reading(folder: Path, runs: int) -> dict[str, Any]:
    """`runs` runs on streamed images, each killed up to three times, each time with other workers."""
    whole, steps = folder / "whole", 60
    write_images(folder / "images")
    assert _waited(_forked(lambda: train(whole, steps, workers=0))) == 0
    chance = random.Random(1602)  # noqa: S311  # no secret
    kills, ends, resumed_at = 0, [], []
    for number in range(runs):
        run = folder / f"killed-{number}"
        for hit in range(1 + number % 3):
            child = _forked(lambda run=run, n=number + hit: train(run, steps, workers=n % 3))  # type: ignore[misc]
            first = hit == 0 and number % 4 == 0
            goal = 0 if first else newest_step(run) + chance.randrange(3, 18)
            kills += _killed_after(child, run, goal, chance.uniform(0, 0.2))
            resumed_at.append(newest_step(run))
        last = (number + 2) % 3
        assert _waited(_forked(lambda run=run, n=last: train(run, steps, workers=n))) == 0  # type: ignore[misc]
        check_story(run, steps)
        ends.append(end_of(run))
    return _result(kills, whole, ends, resumed_at)


def _killed_after(child: int, run: Path, steps: int, seconds: float) -> bool:
    """Kills a process some time after its run has a checkpoint of that step; False came too late."""
    deadline = time.monotonic() + 60
    while newest_step(run) < steps and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return _waited(child) == -signal.SIGKILL


def _result(kills: int, whole: Path, ends: list[str], resumed_at: list[int]) -> dict[str, Any]:
    return {
        "kills": kills,
        "whole": end_of(whole),
        "ends": ends,
        "resumed_at": resumed_at,
        "equal": ends.count(end_of(whole)),
    }


def killed_in_phases(folder: Path, stride: int) -> dict[str, Any]:
    """Runs of which each is gone at another call to the disk: every `stride`-th there is."""
    whole, steps = folder / "whole", 6
    assert _waited(_forked(lambda: train(whole, steps))) == 0
    ends: list[str] = []
    resumed_at: list[int] = []
    for n in count(stride, stride):
        run = folder / f"phase-{n}"
        status = _waited(_forked(lambda run=run, n=n: _crashing(run, steps, n)))  # type: ignore[misc]
        if status == 0:
            return _result(len(ends), whole, ends, resumed_at)
        assert status == CRASHED
        resumed_at.append(newest_step(run))
        assert _waited(_forked(lambda run=run: train(run, steps))) == 0  # type: ignore[misc]
        check_story(run, steps)
        ends.append(end_of(run))
    raise AssertionError("a run ends")


def train(folder: Path, steps: int, workers: int | None = None) -> None:
    """The run in `folder`, begun or resumed; on the images beside it where `workers` is a number."""
    run = (
        RunFolder.open(folder)
        if RunFolder.is_at(folder)
        else RunFolder.create(folder, spec="name: tiny\n", recipe="")
    )
    recipe = Recipe.model_validate(
        {
            "optimizer": {"name": "adamw", "lr": 0.01, "weight_decay": 0.1},
            "schedule": {"name": "cosine", "warmup_steps": 2},
            "augment": {"flip": True, "crop_padding": 1} if workers is None else {"preset": PRESET},
            "batch": 16,
            "steps": steps,
            "eval_every": 4,
            "ema": {"decay": 0.99},
            "clip_norm": 1.0,
        }
    )
    images = made_images() if workers is None else streamed(folder.parent / "images", workers)
    fit(tiny(), images, images, recipe, run, seed=3, progress=Progress(), checkpoint_every=3)


def made_images() -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 255, (100, 1, 8, 8), generator=generator).to(torch.uint8)
    return ImageSet("noise", pixels, torch.arange(100) % 3, ("a", "b", "c"))


def write_images(root: Path) -> None:
    """A folder of 90 small JPEGs of 3 classes."""
    generator = torch.Generator().manual_seed(0)
    for index, pixels in enumerate(
        torch.randint(0, 255, (90, 20, 24), generator=generator).to(torch.uint8)
    ):
        path = root / "train" / "abc"[index % 3] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.numpy()).save(path)


def streamed(root: Path, workers: int) -> StreamedSet:
    """Those images, never held in memory."""
    return StreamedSet.of(
        list_image_folder(root, "train"), InputShape(1, 8, 8), Loading(PRESET, workers)
    )


def tiny() -> nn.Module:
    """A small network with all that a state may forget: statistics, dropout, moments."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(6, 3),
    )


def end_of(run: Path) -> str:
    """A hash of every tensor and number of the last checkpoint's parts."""
    content = torch.load(Checkpoints(run / "checkpoints", {}).entries()[0].path, weights_only=True)
    hashed = sha256()
    _take(content["parts"], hashed.update)
    return hashed.hexdigest()


def newest_step(run: Path) -> int:
    """After how many steps the run has its newest sound checkpoint; 0 where it has none."""
    sound = [e for e in Checkpoints(run / "checkpoints", {}).entries() if e.fault() is None]
    return sound[0].step if sound else 0


def check_story(run: Path, steps: int) -> None:
    """The reports tell of each step once and of each evaluation once, in order."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    trained = [line["step"] for line in lines if line["kind"] == "train"]
    tested = [line["step"] for line in lines if line["kind"] == "test"]
    assert trained == sorted(set(trained)), trained
    assert trained[-1] == steps
    assert max(b - a for a, b in zip([0, *trained], trained, strict=False)) <= 10
    assert tested == sorted({*range(4, steps + 1, 4), steps}), tested
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    left = [path for path in run.rglob("*") if path.name.endswith(".tmp")]
    assert not left, left


def _take(content: object, update: Callable[[bytes], object]) -> None:
    if isinstance(content, torch.Tensor):
        update(content.contiguous().numpy().tobytes())
    elif isinstance(content, dict):
        for name, value in content.items():
            update(str(name).encode())
            _take(value, update)
    elif isinstance(content, (list, tuple)):
        for value in content:
            _take(value, update)
    else:
        update(repr(content).encode())


def _crashing(run: Path, steps: int, calls: int) -> None:
    """Trains, and is gone just before the `calls`-th call that changes what is on the disk."""
    left = [calls]

    def watched(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if not left[0]:
                os._exit(CRASHED)
            return original(*arguments, **named)

        return call

    for owner, name in (
        (os, "open"),
        (os, "fsync"),
        (Path, "replace"),
        (Path, "unlink"),
        (Path, "mkdir"),
        (Path, "write_text"),
        (Path, "write_bytes"),
    ):
        setattr(owner, name, watched(getattr(owner, name)))
    torch.save = watched(torch.save)  # type: ignore[assignment]
    train(run, steps)


def _forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001  # a child never returns into the parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _waited(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(sys.argv[1:])
