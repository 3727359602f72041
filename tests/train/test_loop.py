from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.train import (
    Evaluation,
    ImageSet,
    Interrupted,
    Progress,
    Recipe,
    RunFolder,
    TrainingError,
    evaluate,
    fit,
    load_weights,
)
from archgen.train.recipe import EMA, Augment
from archgen.train.stopping import SIGNALS

Maker = Callable[..., nn.Module]


class Recorder(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, steps: int, done: int = 0) -> None:
        self.told.append(f"start {steps}")

    def tested(self, step: int, evaluation: Evaluation) -> None:
        self.told.append(f"tested {step}")

    def stop(self) -> None:
        self.told.append("stop")


class Breaking(nn.Module):
    """A linear network that does something at its third training step."""

    def __init__(self, breaks: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 3)
        self.breaks = breaks
        self.steps = 0

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1))
        self.steps += self.training
        return self.breaks(logits) if self.steps == 3 else logits


class WithHead(nn.Module):
    """Logits alone in eval mode, and an auxiliary head's beside them in training."""

    class Outputs(NamedTuple):
        """What it returns in training."""

        logits: Tensor
        aux: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 3)
        self.head = nn.Linear(64, 3)

    def forward(self, images: Tensor) -> Tensor | WithHead.Outputs:
        flat = images.flatten(1)
        logits: Tensor = self.linear(flat)
        return self.Outputs(logits, self.head(flat)) if self.training else logits


def new_run(folder: Path) -> RunFolder:
    return RunFolder.create(folder, spec="", recipe="")


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left.keys() | right.keys())


def test_a_tiny_network_learns(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    model = tiny(0)
    before = evaluate(model, images, 32)
    result = fit(model, images, images, recipe, run, seed=0, progress=Progress())
    assert result.steps == 25
    assert result.evaluation.loss < before.loss
    assert result.evaluation.top1 > 0.9
    assert result.evaluation == evaluate(model, images, recipe.batch)


def test_the_same_seed_gives_the_same_weights(
    images: ImageSet, recipe: Recipe, tmp_path: Path, tiny: Maker
) -> None:
    recipe = recipe.model_copy(update={"augment": Augment(flip=True, crop_padding=1)})
    trained: list[dict[str, Tensor]] = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        model = tiny(0)
        torch.rand(len(trained))  # what was drawn before a run must not matter
        fit(model, images, images, recipe, new_run(tmp_path / name), seed=seed, progress=Progress())
        trained.append(weights(model))
    assert same(trained[0], trained[1])
    assert not same(trained[0], trained[2])


def test_evaluating_on_the_way_changes_nothing(
    images: ImageSet, recipe: Recipe, tmp_path: Path, tiny: Maker
) -> None:
    trained: list[dict[str, Tensor]] = []
    for name, every in (("a", None), ("b", 4)):
        model, made = tiny(0), recipe.model_copy(update={"eval_every": every})
        fit(model, images, images, made, new_run(tmp_path / name), seed=1, progress=Progress())
        trained.append(weights(model))
    assert same(*trained)


def test_evaluations_come_when_due_and_always_at_the_end(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    recorder = Recorder()
    made = recipe.model_copy(update={"eval_every": 10})
    result = fit(tiny(0), images, images, made, run, seed=0, progress=recorder)
    assert recorder.told == ["start 25", "tested 10", "tested 20", "tested 25", "stop"]
    assert len(result.evaluations) == 3


def test_the_run_folder_holds_the_final_weights_and_where_they_come_from(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    model, loaded = tiny(0), tiny(1)
    result = fit(model, images, images, recipe, run, seed=4, progress=Progress())
    metadata = load_weights(run.weights, loaded)
    assert same(weights(model), weights(loaded))
    assert metadata["step"] == "25"
    assert metadata["seed"] == "4"
    assert metadata["averaged"] == "false"
    assert json.loads(metadata["classes"]) == ["dark", "middle", "bright"]
    assert float(metadata["top1"]) == pytest.approx(result.evaluation.top1, abs=1e-6)
    assert json.loads((run.path / "run.json").read_text())["status"] == "finished"


def test_averaged_weights_are_what_is_evaluated_and_saved(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    model, loaded = tiny(0), tiny(1)
    made = recipe.model_copy(update={"ema": EMA(decay=0.9)})
    result = fit(model, images, images, made, run, seed=4, progress=Progress())
    assert load_weights(run.weights, loaded)["averaged"] == "true"
    assert not same(weights(model), weights(loaded))
    again = evaluate(loaded, images, recipe.batch)
    assert result.evaluation.correct_top1 == again.correct_top1
    assert result.evaluation.loss == pytest.approx(again.loss, rel=1e-6)


def test_averaging_does_not_change_the_training(
    images: ImageSet, recipe: Recipe, tmp_path: Path, tiny: Maker
) -> None:
    trained: list[dict[str, Tensor]] = []
    for name, ema in (("without", None), ("with", EMA(decay=0.9))):
        model, made = tiny(0), recipe.model_copy(update={"ema": ema, "eval_every": 5})
        fit(model, images, images, made, new_run(tmp_path / name), seed=1, progress=Progress())
        trained.append(weights(model))
    assert same(*trained)


def test_metrics_come_at_least_every_ten_steps(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    fit(tiny(0), images, images, recipe, run, seed=0, progress=Progress())
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [(line["kind"], line["step"]) for line in lines] == [
        ("train", 1),
        ("train", 10),
        ("train", 20),
        ("train", 25),
        ("test", 25),
    ]


def test_a_nan_loss_stops_with_its_step_and_saves_nothing(
    images: ImageSet, recipe: Recipe, run: RunFolder
) -> None:
    recorder = Recorder()
    model = Breaking(lambda logits: logits * float("nan"))
    made = recipe.model_copy(update={"eval_every": 4})
    with pytest.raises(TrainingError, match="the loss became nan at step 3"):
        fit(model, images, images, made, run, seed=0, progress=recorder)
    assert not run.weights.exists()
    assert not run.checkpoints.exists()
    assert recorder.told[-1] == "stop"
    assert json.loads((run.path / "run.json").read_text())["status"] == "failed"


def test_a_nan_leaves_its_batch_and_gradients_and_the_weights_before_it(
    images: ImageSet, recipe: Recipe, run: RunFolder
) -> None:
    model = Breaking(lambda logits: logits * float("nan"))
    with pytest.raises(TrainingError, match=r"divergence\.json"):
        fit(model, images, images, recipe, run, seed=0, progress=Progress())
    report = json.loads((run.path / "divergence.json").read_text())
    assert report["step"] == 3
    assert report["loss"] == "nan"
    assert len(set(report["samples"])) == recipe.batch
    assert report["gradient_norms"] == {"linear.weight": "nan", "linear.bias": "nan"}
    assert all(bool(value.isfinite().all()) for value in model.state_dict().values())


@pytest.fixture
def _hangups_end() -> Iterator[None]:
    """Under nohup, as some run their tests, a hangup is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_hangups_end")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_at_the_step_it_comes_in_and_the_run_goes_on_as_if_nothing_had_been(
    images: ImageSet, recipe: Recipe, tmp_path: Path, number: signal.Signals
) -> None:
    def signalled(logits: Tensor) -> Tensor:
        signal.raise_signal(number)
        return logits

    made = recipe.model_copy(update={"eval_every": 4})
    torch.manual_seed(0)
    whole = Breaking(lambda logits: logits)
    stopped, resumed = Breaking(signalled), Breaking(lambda logits: logits)
    stopped.load_state_dict(whole.state_dict())
    run, handlers = new_run(tmp_path / "stopped"), signal.getsignal(number)
    with pytest.raises(Interrupted) as caught:
        fit(stopped, images, images, made, run, seed=0, progress=Progress())
    assert caught.value.signal == number
    assert signal.getsignal(number) is handlers
    assert run.facts["status"] == "interrupted"
    assert [path.name for path in sorted(run.checkpoints.iterdir())] == ["step-3.json", "step-3.pt"]
    fit(resumed, images, images, made, run, seed=0, progress=Progress())
    result = fit(
        whole, images, images, made, new_run(tmp_path / "whole"), seed=0, progress=Progress()
    )
    assert len(result.evaluations) == 7
    assert same(weights(resumed), weights(whole))


def test_a_second_signal_stops_at_once(images: ImageSet, recipe: Recipe, run: RunFolder) -> None:
    def impatient(logits: Tensor) -> Tensor:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        return logits

    with pytest.raises(KeyboardInterrupt):
        fit(Breaking(impatient), images, images, recipe, run, seed=0, progress=Progress())
    assert run.facts["status"] == "interrupted"
    assert not run.checkpoints.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system knows no hangups")
@pytest.mark.usefixtures("_hangups_end")
def test_a_hangup_that_is_told_twice_is_one_and_an_ignored_one_is_none(
    images: ImageSet, recipe: Recipe, run: RunFolder
) -> None:
    def hung_up(logits: Tensor) -> Tensor:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        return logits

    with pytest.raises(Interrupted) as caught:
        fit(Breaking(hung_up), images, images, recipe, run, seed=0, progress=Progress())
    assert caught.value.signal == signal.SIGHUP
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        fit(Breaking(hung_up), images, images, recipe, run, seed=0, progress=Progress())
    finally:
        signal.signal(signal.SIGHUP, before)
    assert run.facts["status"] == "finished"


def test_a_signal_during_an_evaluation_waits_for_no_more_than_a_batch_of_it(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    class Stopped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.seen = tiny(0), 0

        def forward(self, x: Tensor) -> Tensor:
            self.seen += not self.training
            if self.seen == 2 and not self.training:
                signal.raise_signal(signal.SIGTERM)
            logits: Tensor = self.inner(x)
            return logits

    made, model = recipe.model_copy(update={"eval_every": 10}), Stopped()
    with pytest.raises(Interrupted):
        fit(model, images, images, made, run, seed=0, progress=Progress())
    assert model.seen == 2
    recorder = Recorder()
    fit(model, images, images, made, run, seed=0, progress=recorder)
    told = [line for line in recorder.told if line.startswith("tested")]
    assert told == ["tested 10", "tested 20", "tested 25"]


def test_an_interrupt_leaves_the_run_folder_consistent(
    images: ImageSet, recipe: Recipe, run: RunFolder
) -> None:
    def interrupt(_: Tensor) -> Tensor:
        raise KeyboardInterrupt

    recorder = Recorder()
    made = recipe.model_copy(update={"eval_every": 2})
    with pytest.raises(KeyboardInterrupt):
        fit(Breaking(interrupt), images, images, made, run, seed=0, progress=recorder)
    assert json.loads((run.path / "run.json").read_text())["status"] == "interrupted"
    assert load_weights(run.weights, Breaking(interrupt))["step"] == "2"
    assert [json.loads(line)["step"] for line in run.metrics.read_text().splitlines()] == [1, 2, 2]
    assert not [path for path in run.path.iterdir() if path.suffix == ".tmp"]
    assert recorder.told[-1] == "stop"


def test_auxiliary_heads_are_trained_by_their_weights(
    images: ImageSet, recipe: Recipe, tmp_path: Path
) -> None:
    moved = []
    for name, weight in (("without", 0.0), ("with", 0.4)):
        torch.manual_seed(0)
        model = WithHead()
        before = model.head.weight.clone()
        fit(
            model,
            images,
            images,
            recipe,
            new_run(tmp_path / name),
            seed=0,
            progress=Progress(),
            aux_weights={"aux": weight},
        )
        moved.append(not torch.equal(before, model.head.weight))
    assert moved == [False, True]


def test_a_network_for_fewer_classes_is_refused(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    with pytest.raises(TrainingError, match="give its last layer 3 outputs"):
        fit(tiny(0, classes=2), images, images, recipe, run, seed=0, progress=Progress())


def test_training_leaves_the_images_as_they_were(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    before = images.images.clone()
    made = recipe.model_copy(update={"augment": Augment(flip=True, crop_padding=2)})
    fit(tiny(0), images, images, made, run, seed=0, progress=Progress())
    assert torch.equal(images.images, before)


@pytest.mark.parametrize("wanted", [True, False])
def test_only_deterministic_algorithms_run_where_the_recipe_says_so(
    wanted: bool, images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    seen: set[bool] = set()
    model = tiny(0)
    model.register_forward_hook(lambda *_: seen.add(torch.are_deterministic_algorithms_enabled()))
    made = recipe.model_copy(update={"deterministic": wanted, "steps": 2})
    fit(model, images, images, made, run, seed=0, progress=Progress())
    assert seen == {wanted}
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_recipe_says_in_how_many_parts_a_batch_is_computed(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    seen: list[int] = []
    model = tiny(0)
    model.register_forward_hook(lambda *at: seen.append(len(at[2])) if at[0].training else None)
    made = recipe.model_copy(update={"accumulate": 3, "steps": 2})
    fit(model, images, images, made, run, seed=0, progress=Progress())
    assert seen == [6, 5, 5] * 2


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_average_scale_and_schedule_go_on_after_a_crash(
    precision: str, images: ImageSet, tmp_path: Path, tiny: Maker
) -> None:
    recipe = Recipe.model_validate(
        {
            "optimizer": {"name": "rmsprop_tf", "lr": 0.05, "weight_decay": 0.001},
            "schedule": {"name": "cosine"},
            "batch": 16,
            "steps": 20,
            "ema": {"decay": 0.9},
            "clip_norm": 1.0,
            "accumulate": 2,
            "precision": precision,
        }
    )

    def trained(folder: Path, *, crashes: bool) -> dict[str, Tensor]:
        def crash(*_: object) -> None:
            passes.append(1)
            if len(passes) == 25:
                raise ZeroDivisionError

        passes: list[int] = []
        run = RunFolder.open(folder) if folder.exists() else new_run(folder)
        model = tiny(0)
        if crashes:
            model.register_forward_hook(crash)
        fit(
            model,
            images,
            images,
            recipe,
            run,
            seed=0,
            progress=Progress(),
            checkpoint_every=5,
        )
        return load_file(run.weights)

    with pytest.raises(ZeroDivisionError):
        trained(tmp_path / "crashed", crashes=True)
    again = trained(tmp_path / "crashed", crashes=False)
    assert same(again, trained(tmp_path / "whole", crashes=False))
