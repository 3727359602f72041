"""The recipes that come with archgen: sound, and with the figures of their sources."""

from __future__ import annotations

import pytest

from archgen.cli.recipes import read_recipe
from archgen.diagnostics import Findings
from archgen.spec.files import SpecText, read_spec
from archgen.train.recipe import Recipe, RMSPropTF
from archgen.train.schedule import Timeline, learning_rate
from tests.compiling import SPECS

FILES = sorted((SPECS / "recipes").glob("*.yaml"))
IMAGENET = 1_281_167


def recipe(name: str) -> Recipe:
    findings = Findings()
    made = read_recipe(read_spec(SPECS / "recipes" / f"{name}.yaml"), findings)
    assert not findings.diagnostics
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        ("precision: bf61", "`bf61` is none of auto, float32, bf16, fp16", "`bf16`"),
        ("ema: {dekay: 0.9}", "unknown key `dekay` in `ema`", "`decay`"),
        ("clip_norm: 0", "`clip_norm` must be above 0, and `0` is not", ""),
        (
            "schedule: {name: two_phase, low_lr: 1, low_steps: 2, then: {name: cosien}}",
            "`cosien` is none of constant, cosine, staircase",
            "`cosine`",
        ),
        (
            "schedule: {name: two_phase, low_lr: 1, low_steps: 2, then: {name: cosine, flor: 0}}",
            "unknown key `flor` in `schedule`",
            "`floor`",
        ),
    ],
)
def test_a_wrong_value_is_told_with_what_to_type(line: str, message: str, help: str) -> None:
    head = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, lr: 0.1}\n  batch: 8\n  steps: 5\n"
    findings = Findings()
    assert read_recipe(SpecText("r.yaml", f"{head}  {line}\n"), findings) is None
    (found,) = findings.diagnostics
    assert found.message == message
    assert help in found.help
    assert found.span.start.line == 6


@pytest.mark.parametrize(
    ("right", "slip", "help"),
    [
        ("lr:", "lrr:", "`lr`"),
        ("lr:", "learning_rate:", "`lr`"),
        ("batch:", "bach:", "`batch`"),
        ("batch:", "batch_size:", "`batch`"),
        ("optimizer:", "optimzer:", "`optimizer`"),
        ("name: sgd", "nmae: sgd", "`name`"),
        ("archgen:", "archgn:", "`archgen`"),
        ("steps:", "stpes:", "`steps`"),
    ],
)
def test_a_misspelt_key_is_one_finding_at_its_place(right: str, slip: str, help: str) -> None:
    text = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, lr: 0.1}\n  batch: 8\n  steps: 5\n"
    findings = Findings()
    read_recipe(SpecText("r.yaml", text.replace(right, slip)), findings)
    (found,) = findings.diagnostics
    assert found.message.startswith(f"unknown key `{slip.partition(':')[0]}` in")
    assert found.help == f"did you mean {help}?"


def test_a_slip_for_one_key_does_not_hide_that_another_is_missing() -> None:
    text = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, nesterv: true}\n  batch: 8\n  steps: 5\n"
    findings = Findings()
    assert read_recipe(SpecText("r.yaml", text), findings) is None
    assert {found.message.partition(" in ")[0] for found in findings.diagnostics} == {
        "unknown key `nesterv`",
        "the key `lr` is missing",
    }


def rate_at(made: Recipe, epoch: float) -> float:
    timeline = Timeline.of(made, IMAGENET)
    return learning_rate(made, timeline, int(epoch * timeline.steps_per_epoch))


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_recipe_is_sound_and_keeps_its_rate_at_its_own_batch(name: str) -> None:
    made = recipe(name)
    if made.lr_for_batch is not None:
        assert made.lr_for_batch == made.batch


def test_all_five_are_there() -> None:
    assert [path.stem for path in FILES] == [
        "inception_momentum",
        "inception_rmsprop",
        "quick",
        "sgd_cosine",
        "warmup_two_phase",
    ]


@pytest.mark.parametrize("name", ["inception_rmsprop", "inception_momentum"])
@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.045), (1.99, 0.045), (2, 0.0423), (50, 9.58e-3), (100, 2.04e-3)]
)
def test_the_papers_rate_falls_as_printed(name: str, epoch: float, rate: float) -> None:
    assert rate_at(recipe(name), epoch) == pytest.approx(rate, rel=1e-2)


def test_the_papers_optimizer_is_tensorflows() -> None:
    optimizer = recipe("inception_rmsprop").optimizer
    assert isinstance(optimizer, RMSPropTF)
    assert (optimizer.decay, optimizer.eps, optimizer.momentum) == (0.9, 1.0, 0.9)


def test_the_first_phase_is_low_and_the_second_the_papers() -> None:
    made = recipe("warmup_two_phase")
    timeline = Timeline.of(made, IMAGENET)
    rates = [learning_rate(made, timeline, step) for step in (0, 399, 400)]
    assert rates == [1e-5, 1e-5, 0.045]


def test_a_smaller_batch_trains_at_a_smaller_rate() -> None:
    made = recipe("inception_rmsprop").model_copy(update={"batch": 64})
    assert rate_at(made, 0) == pytest.approx(0.0045)
