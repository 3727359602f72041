"""What is said of a folder with another run in it, of a damaged one, and of a batch that is too large."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Command

SHORT = ("--data", "synthetic", "--max-steps", "1", "--batch", "8")


@pytest.fixture
def run(archgen: Command, spec: Callable[..., Path]) -> Path:
    """A finished run of the small network."""
    assert archgen("train", str(spec()), *SHORT, "--out", "run").status == 0
    return Path("run")


@pytest.mark.parametrize("named", [(*SHORT, "--out"), ("--resume",)])
def test_the_tensors_in_which_networks_differ_are_named(
    archgen: Command, spec: Callable[..., Path], run: Path, named: tuple[str, ...]
) -> None:
    other = spec(TINY.replace("filters: 8", "filters: 6"), "other.yaml")
    refused = archgen("train", str(other), *named, str(run))
    assert refused.status == 2
    told = "`conv.weight` is 8 x 3 x 1 x 1 there and 6 x 3 x 1 x 1 here"
    assert f"  its network is another one: {told}; " in refused.err
    assert "`archgen diff run/spec.yaml other.yaml` shows what differs" in refused.err
    assert "`archgen train --resume run` alone goes on with it as it began" in refused.err


def test_a_tensor_that_is_gone_is_told_with_the_nearest_name(
    archgen: Command, spec: Callable[..., Path], run: Path
) -> None:
    other = spec(TINY.replace("narrow:", "narow:"), "other.yaml")
    refused = archgen("train", str(other), "--resume", str(run))
    assert "narrow.conv.weight` is 4 x 8 x 1 x 1 there and absent here, where `" in refused.err
    assert "narow.conv.weight` is near" in refused.err


def test_equal_tensors_of_another_network_are_told_to_be(
    archgen: Command, spec: Callable[..., Path], run: Path
) -> None:
    other = spec(TINY.replace("act: relu", "act: silu"), "other.yaml")
    refused = archgen("train", str(other), "--resume", str(run))
    assert "its network has the same tensors and other settings: `archgen diff" in refused.err


@pytest.mark.parametrize("command", ["train --resume", "eval"])
def test_a_damaged_status_file_is_told_without_the_words_of_a_parser(
    archgen: Command, run: Path, command: str
) -> None:
    status = run / "run.json"
    status.write_bytes(status.read_bytes()[:100])
    refused = archgen(*command.split(), str(run))
    assert refused.status == 2
    assert "`run/run.json` is damaged" in refused.err
    assert "line 1" not in refused.err
    assert "column" not in refused.err


def test_a_batch_that_is_too_large_is_told_where_it_is_written(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    recipe = "archgen: 1\nrecipe:\n  optimizer: {name: sgd, lr: 0.1}\n  batch: 80000\n  steps: 5\n"
    options = ("--data", "synthetic", "--recipe", str(spec(recipe, "big.yaml")))
    refused = archgen("train", str(spec()), *options)
    told = "a batch of 80,000 is larger than the training set of 512 images"
    written = "write `batch: 512` or less, or give --batch 512"
    assert refused.err == f"Error: big.yaml:4: {told}; {written}\n"
    refused = archgen("train", str(spec()), *options, "--batch", "600")
    assert refused.err.endswith("training set of 512 images; give --batch 512 or less\n")


def test_a_status_file_with_another_identity_and_metrics_that_are_a_folder_are_refused(
    archgen: Command, run: Path
) -> None:
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "identity": [1], "status": "running"}))
    refused = archgen("train", "--resume", str(run))
    assert (refused.status, "does not describe a run" in refused.err) == (2, True)
    (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    refused = archgen("train", "--resume", str(run))
    assert (refused.status, "not a regular file" in refused.err) == (2, True), refused.err
