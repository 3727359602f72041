"""Whatever a run meets on its way, no step is lost, and it goes on to the end of one that met nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from archgen.train import ImageSet, Loading, Progress, Recipe, RunFolder, StreamedSet, fit
from archgen.train.data import Split
from archgen.train.data.bad import OnBad
from archgen.train.data.image_folder import list_image_folder
from archgen.train.data.images import InputShape
from archgen.train.learner import Learner
from tests.train.crashing import end_of, newest_step

Maker = Callable[..., nn.Module]
RECIPE = {
    "optimizer": {"name": "adamw", "lr": 0.01},
    "batch": 8,
    "steps": 9,
    "eval_every": 4,
    "ema": {"decay": 0.9},
}


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(line)


class Failing(nn.Module):
    """A network that fails from its `at`-th pass in a mode on, for `times` passes.

    By then its statistics have changed.
    """

    def __init__(
        self,
        inner: nn.Module,
        error: Exception | None = None,
        *,
        training: bool = True,
        at: int = 0,
        times: int = 1,
    ) -> None:
        super().__init__()
        self.inner, self.error, self.fails_in = inner, error, training
        self.failing = range(at, at + times)
        self.passes = 0

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.inner(images)
        if self.training is self.fails_in:
            self.passes += 1
            if self.error is not None and self.passes in self.failing:
                raise self.error
        return logits


def recipe(on_bad: OnBad = "error") -> Recipe:
    return Recipe.model_validate({**RECIPE, "on_bad": on_bad, "max_bad": 0.2})


def trained(
    path: Path,
    model: nn.Module,
    train: ImageSet | StreamedSet,
    test: ImageSet | StreamedSet,
    plan: Recipe,
) -> list[str]:
    """What a run says that is begun in a folder, or goes on there; with what stopped it, if anything."""
    heard = Heard()
    run = RunFolder.open(path) if path.exists() else RunFolder.create(path, spec="", recipe="")
    try:
        fit(model, train, test, plan, run, seed=3, progress=heard)
    except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
        heard.lines.append(f"{type(error).__name__}: {error}")
    return heard.lines


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("error", "training", "at", "times", "step"),
    [
        (RuntimeError("device-side assert"), True, 7, 1, 6),
        (ZeroDivisionError("a bug"), True, 1, 1, 0),
        (OUT_OF_MEMORY, True, 7, 100, 6),
        (ZeroDivisionError("a bug"), False, 15, 1, 8),
        (OUT_OF_MEMORY, False, 3, 100, 4),
    ],
)
def test_an_error_in_a_step_or_an_evaluation_costs_no_step(
    error: Exception,
    training: bool,
    at: int,
    times: int,
    step: int,
    images: ImageSet,
    tiny: Maker,
    tmp_path: Path,
) -> None:
    run, plan = tmp_path / "run", recipe()
    failing = Failing(tiny(0), error, training=training, at=at, times=times)
    told = trained(run, failing, images, images, plan)
    assert newest_step(run) == step
    saved = (
        f"the state after step {step} is saved: `archgen train --resume {run}` goes on from there"
    )
    assert (saved in told) is (step > 0)
    again = trained(run, Failing(tiny(0)), images, images, plan)
    if error is OUT_OF_MEMORY and training:
        return  # it goes on in pieces, whose statistics are others
    assert not any("Error" in line for line in again)
    trained(tmp_path / "whole", Failing(tiny(0)), images, images, plan)
    assert end_of(run) == end_of(tmp_path / "whole")


def test_a_step_that_is_half_done_is_not_saved(
    images: ImageSet, tiny: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plan, step = tmp_path / "run", recipe(), Learner.step

    def half_done(learner: Learner) -> None:
        step(learner)
        if learner.updates == 7:
            raise RuntimeError("the device is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Learner, "step", half_done)
        assert "the state after" not in str(trained(run, tiny(0), images, images, plan))
    assert newest_step(run) == 4
    trained(run, tiny(0), images, images, plan)
    trained(tmp_path / "whole", tiny(0), images, images, plan)
    assert end_of(run) == end_of(tmp_path / "whole")


def test_an_evaluation_that_runs_out_of_memory_goes_on_in_pieces(
    images: ImageSet, tiny: Maker, tmp_path: Path
) -> None:
    cramped = Failing(tiny(0), OUT_OF_MEMORY, training=False, at=2, times=2)
    told = trained(tmp_path / "run", cramped, images, images, recipe())
    assert [line for line in told if "memory" in line] == [
        f"out of memory in an evaluation: from here on 8 images go through the network in {n} pieces"
        for n in (2, 4)
    ]
    trained(tmp_path / "whole", tiny(0), images, images, recipe())
    assert end_of(tmp_path / "run") != ""
    assert figures(tmp_path / "run") == pytest.approx(figures(tmp_path / "whole"), rel=1e-6)


def figures(run: Path) -> list[float]:
    """The loss and the shares of every evaluation."""
    reports = RunFolder.open(run).reports("test")
    return [each[name] for each in reports for name in ("loss", "top1", "top5")]


def pictures(root: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    for number, pixels in enumerate(torch.randint(0, 255, (80, 12, 12), generator=generator)):
        path = root / ("train" if number < 40 else "test") / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.to(torch.uint8).numpy()).save(path)


def streamed(root: Path, split: Split, on_bad: OnBad) -> StreamedSet:
    listing = list_image_folder(root, split, on_bad)
    return StreamedSet.of(listing, InputShape(1, 8, 8), Loading("torchvision", 0, on_bad, 0.2))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_bad_image_met_on_the_way_is_skipped_by_a_run_that_goes_on(
    split: Split, tiny: Maker, tmp_path: Path
) -> None:
    pictures(tmp_path / "images")
    for path in sorted((tmp_path / "images" / split / "b").iterdir())[:2]:
        path.write_bytes(b"")

    def run(name: str, on_bad: OnBad) -> list[str]:
        train = streamed(tmp_path / "images", "train", on_bad)
        test = streamed(tmp_path / "images", "test", on_bad)
        return trained(tmp_path / name, tiny(0), train, test, recipe(on_bad))

    told = run("run", "error")
    assert "out with `--on-bad skip`" in told[-1]
    step = newest_step(tmp_path / "run")
    assert f"the state after step {step} is saved" in told[-2] or step == 0
    again = run("run", "skip")
    assert "on_bad was error and is skip now" in str(again) or step == 0
    run("whole", "skip")
    assert end_of(tmp_path / "run") == end_of(tmp_path / "whole")
    assert figures(tmp_path / "run") == figures(tmp_path / "whole")


def test_the_share_of_bad_images_counts_those_from_before_the_run_was_resumed(
    tiny: Maker, tmp_path: Path
) -> None:
    pictures(tmp_path / "images")
    bad = sorted((tmp_path / "images" / "train" / "b").iterdir())[:9]
    for path in bad:
        path.write_bytes(b"")
    sets = [streamed(tmp_path / "images", split, "skip") for split in ("train", "test")]
    plan = recipe("skip").model_copy(update={"steps": 40})
    told = trained(tmp_path / "run", tiny(0), sets[0], sets[1], plan)
    assert "`--max-bad` allows 20 % of them, and these are 22 %" in told[-1]
    step = newest_step(tmp_path / "run")
    assert step > 0
    sets = [streamed(tmp_path / "images", split, "skip") for split in ("train", "test")]
    told = trained(tmp_path / "run", tiny(0), sets[0], sets[1], plan)
    assert "`--max-bad` allows 20 % of them, and these are 22 %" in told[-1]
    assert newest_step(tmp_path / "run") == step
