"""Training and evaluation in several processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archgen.train import (
    DataError,
    Evaluation,
    FitResult,
    ImageSet,
    Interrupted,
    Loading,
    Progress,
    Recipe,
    RunFolder,
    StreamedSet,
    TrainingError,
    evaluate,
    fit,
)
from archgen.train.data import Images
from archgen.train.data.image_folder import list_image_folder
from archgen.train.data.images import InputShape
from archgen.train.errors import Diverged, PeerLost
from archgen.train.world import World
from tests.train.crashing import end_of, made_images, newest_step, tiny, write_images
from tests.train.ranks import on_ranks, started

pytestmark = pytest.mark.slow
SPEC = "name: tiny\n"
RECIPE = {
    "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 0.01},
    "batch": 64,
    "steps": 10,
}
REHEARSALS = 2  # of the first step, before processes depend on each other


class Precise(nn.Module):
    """A network without a batch norm, in double precision."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
        ).double()

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images.double())
        return logits


class Result(NamedTuple):
    """What a process has at the end of a run."""

    weights: dict[str, NDArray[np.float64]]
    digest: str
    evaluations: tuple[Evaluation, ...]
    told: list[str]


class Listener(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(line)


def opened(world: World, folder: Path) -> RunFolder:
    """The folder of the run, which the first process makes where there is none."""
    if not world.is_first:
        return RunFolder(folder, sha256(SPEC.encode()).hexdigest())
    if RunFolder.is_at(folder):
        return RunFolder.open(folder)
    return RunFolder.create(folder, spec=SPEC, recipe="")


def begun(
    world: World,
    folder: Path,
    recipe: dict[str, Any],
    make: Callable[[], nn.Module],
    progress: Progress,
    images: Images | None = None,
    every: int | None = None,
) -> tuple[nn.Module, FitResult]:
    """A run, begun or resumed, on 100 made-up images or others, and the network that it trained."""
    model, chosen = make(), images or made_images()
    made = fit(
        model,
        chosen,
        chosen,
        Recipe.model_validate({**RECIPE, **recipe}),
        opened(world, folder),
        seed=3,
        progress=progress,
        checkpoint_every=every,
        world=world,
    )
    return model, made


def trained(
    world: World,
    folder: Path,
    recipe: dict[str, Any],
    make: Callable[[], nn.Module] = tiny,
    every: int | None = None,
) -> Result:
    """What came of a run."""
    listener = Listener()
    model, made = begun(world, folder, recipe, make, listener, every=every)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    hashed = sha256()
    for value in weights.values():
        hashed.update(value.tobytes())
    return Result(weights, hashed.hexdigest(), made.evaluations, listener.lines)


def furthest(one: Result, other: Result) -> float:
    """The largest difference of two weights, relative to the largest weight of its tensor."""
    return max(
        float(np.abs(other.weights[name] - value).max() / np.abs(value).max())
        for name, value in one.weights.items()
    )


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"accumulate": 4, "clip_norm": 0.1, "ema": {"decay": 0.9}},
        {"batch": 63, "label_smoothing": 0.1},
    ],
    ids=["plain", "in pieces", "odd shares"],
)
def test_two_halves_of_a_batch_are_the_batch(recipe: dict[str, Any], tmp_path: Path) -> None:
    (alone,) = on_ranks(1, trained, tmp_path / "alone", recipe, Precise)
    first, second = on_ranks(2, trained, tmp_path / "both", recipe, Precise)
    assert first.digest == second.digest
    assert furthest(alone, first) < 1e-12
    assert alone.evaluations[-1].correct_top1 == first.evaluations[-1].correct_top1


def test_all_processes_hold_the_same_and_one_alone_writes(tmp_path: Path) -> None:
    recipe = {"ema": {"decay": 0.9}, "eval_every": 4, "accumulate": 4, "batch": 50}
    results = on_ranks(3, trained, tmp_path / "run", recipe)
    assert len({result.digest for result in results}) == 1
    assert len({result.evaluations for result in results}) == 1
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "test"] == [4, 8, 10]
    assert [line["step"] for line in lines if line["kind"] == "train"] == [1, 4, 8, 10]
    assert json.loads((tmp_path / "run/run.json").read_text())["processes"] == 3


class Signalling(Progress):
    """Sends this process a signal after a step."""

    def __init__(self, step: int) -> None:
        self._left = step

    def stepped(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGTERM)


class Blocks(nn.Module):
    """A block, whose activations may be computed again, and a head."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(tiny().children())
        self.block = Block(layers[:4])
        self.head = nn.Sequential(*layers[4:])

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.block(images))
        return logits


class Block(nn.Module):
    """Layers, one after the other."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.layers(images)
        return made


def test_activations_may_be_computed_again_in_every_process(tmp_path: Path) -> None:
    recipe = {"precision": "bf16", "accumulate": 4}
    kept = on_ranks(2, trained, tmp_path / "kept", recipe, Blocks)
    again = on_ranks(
        2, trained, tmp_path / "again", {**recipe, "activation_checkpointing": True}, Blocks
    )
    assert len({result.digest for result in (*kept, *again)}) == 1


def stopped(world: World, folder: Path, rank: int) -> int:
    """Trains; process `rank` alone gets SIGTERM after 5 steps. Returns the signal that was told."""
    progress = Signalling(5) if world.share.rank == rank else Progress()
    try:
        begun(world, folder, {}, tiny, progress)
    except Interrupted as stop:
        return stop.signal
    return 0


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_process_saves_and_stops_all(rank: int, tmp_path: Path) -> None:
    assert on_ranks(2, stopped, tmp_path / "run", rank) == [signal.SIGTERM] * 2
    assert newest_step(tmp_path / "run") == 5
    resumed = on_ranks(2, trained, tmp_path / "run", {})
    whole = on_ranks(2, trained, tmp_path / "whole", {})
    assert {result.digest for result in resumed} == {result.digest for result in whole}
    assert resumed[0].told == ["going on after step 5"]


@pytest.mark.parametrize(("size", "victim"), [(2, 0), (2, 1), (3, 2)])
def test_a_run_of_which_one_process_is_killed_ends_as_one_that_was_not(
    size: int, victim: int, tmp_path: Path
) -> None:
    run, recipe = tmp_path / "run", {"ema": {"decay": 0.9}, "eval_every": 4}
    ranks = started(size, trained, run, recipe, tiny, 1, meet=tmp_path / "meet")
    wait_for(run, steps=3)
    os.kill(ranks[victim].process.pid or 0, signal.SIGKILL)
    found = [rank.result() for rank in ranks]
    assert found[victim] is None
    assert all(isinstance(each, PeerLost) for n, each in enumerate(found) if n != victim)
    assert 3 <= newest_step(run) < 10
    on_ranks(size, trained, run, recipe)
    on_ranks(size, trained, tmp_path / "whole", recipe)
    assert end_of(run) == end_of(tmp_path / "whole")


def wait_for(run: Path, steps: int) -> None:
    deadline = time.monotonic() + 600
    while newest_step(run) < steps:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_run_may_go_on_with_other_processes_and_says_so(tmp_path: Path) -> None:
    on_ranks(2, stopped, tmp_path / "run", 0)
    (alone,) = on_ranks(1, trained, tmp_path / "run", {})
    assert alone.told[0] == "going on after step 5"
    assert alone.told[1].startswith("processes was 2 and is 1 now: the weights will differ")
    (whole,) = on_ranks(1, trained, tmp_path / "whole", {})
    assert alone.evaluations[-1].loss == pytest.approx(whole.evaluations[-1].loss, rel=0.05)


class Cramped(nn.Module):
    """A network that, in one process, has no memory for more than 8 images."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = tiny()
        self.is_short = False

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.inner(images)
        if self.is_short and self.training and len(images) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return logits


def cramped(world: World, folder: Path) -> Result:
    def make() -> nn.Module:
        model = Cramped()
        model.is_short = world.share.rank == 1
        return model

    return trained(world, folder, {}, make)


def test_where_one_process_has_too_little_memory_all_halve_their_pieces(tmp_path: Path) -> None:
    first, second = on_ranks(2, cramped, tmp_path / "run")
    roomy, _ = on_ranks(2, trained, tmp_path / "roomy", {"accumulate": 8})
    assert first.told[-1].endswith("a batch of 64 goes through the network in 8 pieces")
    assert first.digest == second.digest == roomy.digest


class Diverging(nn.Module):
    """A network that gives no number in one process at its third step."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.inner, self.rank, self.steps = tiny(), rank, 0

    def forward(self, images: Tensor) -> Tensor:
        self.steps += self.training
        logits: Tensor = self.inner(images)
        return logits * float("nan") if self.rank == 1 and self.steps == 3 + REHEARSALS else logits


def diverging(world: World, folder: Path) -> str:
    try:
        trained(world, folder, {}, lambda: Diverging(world.share.rank), every=1)
    except Diverged as error:
        return str(error)
    return "went on"


def test_a_loss_that_is_no_number_in_one_process_stops_all_in_the_same_step(
    tmp_path: Path,
) -> None:
    for told in on_ranks(2, diverging, tmp_path / "run"):
        assert told.startswith("the loss became nan at step 3;")
    assert newest_step(tmp_path / "run") == 2
    report = json.loads((tmp_path / "run/divergence.json").read_text())
    assert len(report["samples"]) == 64


def trained_on_files(world: World, folder: Path, on_bad: str, max_bad: float) -> object:
    loading = Loading("inception_tf", 0, on_bad, max_bad)  # type: ignore[arg-type]
    images = StreamedSet.of(
        list_image_folder(folder / "images", "train"), InputShape(1, 8, 8), loading
    )
    recipe = {"augment": {"preset": "inception_tf"}, "batch": 30, "steps": 6}
    try:
        begun(world, folder / "run", recipe, tiny, Progress(), images)
    except DataError as error:
        return str(error)
    return sorted(images.bad.found)


@pytest.fixture
def folder_with_bad(tmp_path: Path) -> Path:
    """90 images, of which two cannot be read."""
    write_images(tmp_path / "images")
    for index in (40, 77):
        (tmp_path / "images/train" / "abc"[index % 3] / f"{index}.jpg").write_bytes(b"none")
    return tmp_path


def test_a_bad_image_in_one_process_ends_all(folder_with_bad: Path) -> None:
    first, second = on_ranks(2, trained_on_files, folder_with_bad, "error", 0.0)
    assert first == second
    assert "--on-bad skip" in str(first)


def test_bad_images_count_together_whoever_meets_them(folder_with_bad: Path) -> None:
    found = on_ranks(2, trained_on_files, folder_with_bad, "skip", 0.03)
    assert found[0] == found[1]
    assert len(found[0]) == 2  # type: ignore[arg-type]


def test_the_share_of_bad_images_is_that_of_all_processes(folder_with_bad: Path) -> None:
    first, second = on_ranks(2, trained_on_files, folder_with_bad, "skip", 0.012)
    assert first == second
    assert "2 of the 90 images" in str(first)


def measured(world: World, count: int, batch: int) -> Evaluation:
    images = made_images()
    few = ImageSet("few", images.images[:count], images.labels[:count], images.classes)
    return evaluate(tiny(), few, batch, world=world)


@pytest.mark.parametrize(("count", "batch"), [(97, 8), (5, 2), (1, 4)])
def test_evaluation_counts_each_image_once_in_any_number_of_processes(
    count: int, batch: int
) -> None:
    found = [result for size in (1, 2, 3) for result in on_ranks(size, measured, count, batch)]
    assert {each.count for each in found} == {count}
    assert len(set(found)) == 1  # the loss, too, to the last bit


def another(world: World, folder: Path) -> str:
    try:
        trained(world, folder, {"steps": 10 + world.share.rank})
    except TrainingError as error:
        return str(error)
    return "trained"


def test_processes_that_are_about_different_runs_are_refused(tmp_path: Path) -> None:
    told = "process 2 of 2 is another run's: `length` is 11 steps there and 10 steps here"
    assert on_ranks(2, another, tmp_path / "run") == [told] * 2


def small(world: World, folder: Path) -> str:
    try:
        trained(world, folder, {"batch": 2})
    except TrainingError as error:
        return str(error)
    return "trained"


def test_a_batch_of_fewer_images_than_processes_is_refused(tmp_path: Path) -> None:
    told = "a batch of 2 cannot be shared among 3 processes"
    assert all(each.startswith(told) for each in on_ranks(3, small, tmp_path / "run"))
