"""A run whose disk takes no more: what is told, what is sound, and that it goes on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from archgen.train import ImageSet, Progress, Recipe, RunFolder, fit
from archgen.train.errors import Unwritable
from tests.train.test_loop import Breaking, new_run, same, weights

resource = pytest.importorskip("resource")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def untouched(logits: Tensor) -> Tensor:
    return logits


def network() -> Breaking:
    torch.manual_seed(0)
    return Breaking(untouched)


@pytest.mark.parametrize(
    ("size", "name", "sound"),
    [
        (2_000, "checkpoints/step-5.pt", "there is no checkpoint yet, so the run begins again at step 0"),
        (200, "run.json", "there is no checkpoint yet, so the run begins again at step 0"),
    ],
)  # fmt: skip
def test_the_file_the_sound_step_and_what_to_type_are_told(
    images: ImageSet, recipe: Recipe, run: RunFolder, size: int, name: str, sound: str
) -> None:
    with files_of_at_most(size), pytest.raises(Unwritable) as caught:
        fit(network(), images, images, recipe, run, seed=0, progress=Progress(), checkpoint_every=5)
    assert str(caught.value) == (
        f"`{run.path / name}` cannot be written: file too large; "
        f"once it can be, type `archgen train --resume {run.path}`: {sound}"
    )


class Filling(Progress):
    """The disk is full from the twelfth step on."""

    def __init__(self) -> None:
        self.steps = 0

    def stepped(self) -> None:
        self.steps += 1
        if self.steps == 12:
            resource.setrlimit(
                resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
            )


@pytest.mark.parametrize("every", [5, 11])
def test_a_run_goes_on_from_its_checkpoint_once_there_is_room(
    every: int, images: ImageSet, recipe: Recipe, tmp_path: Path
) -> None:
    run, whole, resumed = new_run(tmp_path / "stopped"), network(), network()
    with files_of_at_most(10**9), pytest.raises(Unwritable) as caught:
        fit(
            network(),
            images,
            images,
            recipe,
            run,
            seed=0,
            progress=Filling(),
            checkpoint_every=every,
        )
    step = every * (12 // every)
    assert f"`{run.metrics}` cannot be written" in str(caught.value)
    assert f"the checkpoint of step {step} is sound, and the run goes on from there" in str(
        caught.value
    )
    fit(resumed, images, images, recipe, run, seed=0, progress=Progress())
    fit(whole, images, images, recipe, new_run(tmp_path / "whole"), seed=0, progress=Progress())
    assert same(weights(resumed), weights(whole))


def test_a_full_disk_is_called_one() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        told = str(Unwritable(Path("run/metrics.jsonl"), OSError(number, "No space left")))
        assert told == "`run/metrics.jsonl` cannot be written: the disk is full"


def test_what_stopped_a_run_is_told_though_its_status_cannot_be_written(run: RunFolder) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fail() -> None:
        with run.attempt({}):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            fail()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.facts["status"] == "running"
