"""A training that is refused before its first step leaves nothing, and the mended command is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archgen.train.errors import Diverged
from tests.cli.conftest import TINY, Command

SHORT = ("--data", "synthetic", "--max-steps", "1", "--out", "runs/x")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (TINY, ("--batch", "100000"), "larger than the training set"),
        (TINY.replace("num_classes}", "3}"), ("--batch", "8"), "3 classes apart"),
    ],
)
def test_a_refused_start_leaves_nothing_and_the_mended_command_is_taken(
    archgen: Command, spec: Callable[..., Path], text: str, options: tuple[str, ...], words: str
) -> None:
    refused = archgen("train", str(spec(text)), *options, *SHORT)
    assert refused.status == 2
    assert words in refused.err
    assert not Path("runs/x").exists()
    assert archgen("train", str(spec()), "--batch", "8", *SHORT).status == 0


def test_a_run_that_has_begun_is_not_taken_back_by_a_refusal(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    order = ("train", str(spec()), "--batch", "8", *SHORT)
    assert archgen(*order).status == 0
    facts = json.loads(Path("runs/x/run.json").read_text())
    Path("runs/x/run.json").write_text(json.dumps({**facts, "status": "running"}))
    for checkpoint in Path("runs/x/checkpoints").glob("*.pt"):
        checkpoint.write_bytes(b"")
    assert archgen(*order).status == 2
    assert Path("runs/x/metrics.jsonl").exists()


def test_a_run_killed_before_its_first_step_goes_on(
    archgen: Command, spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ("train", str(spec()), "--batch", "8", *SHORT)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("archgen.train.fit", killed)
        assert archgen(*order).status == 130
    assert json.loads(Path("runs/x/run.json").read_text())["status"] == "created"
    assert archgen("train", "--resume", "runs/x").status == 0


def test_a_run_that_diverges_at_its_first_step_leaves_its_report_and_a_folder_for_the_next(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    recipe = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, lr: 0.1}\n  batch: 8\n  steps: 1\n"
    order = ("train", str(spec()), "--recipe", str(spec(recipe, "recipe.yaml")), *SHORT)

    def diverged(*_: object, **__: object) -> None:
        raise Diverged("the loss became nan at step 1")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("archgen.train.fit", diverged)
        assert archgen(*order).status == 2
    assert not Path("runs/x").exists()
    Path("runs/x").mkdir(parents=True)
    Path("runs/x/divergence.json").write_text("{}")
    assert archgen(*order).status == 0
    assert not Path("runs/x/divergence.json").exists()
