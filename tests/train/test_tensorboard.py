from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.train import TrainingError
from archgen.train.evaluation import Evaluation
from archgen.train.tensorboard import TensorBoardProgress
from tests.train.test_progress import report

EVALUATION = Evaluation(count=200, loss=0.5, correct_top1=170, correct_top5=199)


def points(folder: Path) -> Mapping[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads of a folder."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    ).EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        name: [(event.step, event.value) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def test_tensorboard_reads_what_was_reported(tmp_path: Path) -> None:
    progress = TensorBoardProgress(tmp_path)
    progress.start(20)
    progress.trained(report(10))
    progress.trained(replace(report(20), loss=0.75))
    progress.tested(20, EVALUATION)
    progress.stop()
    read = points(tmp_path)
    assert read["train/loss"] == [(10, 1.25), (20, 0.75)]
    ((step, top1),) = read["test/top1"]
    assert (step, round(top1, 6)) == (20, 0.85)
    assert "train/mfu" not in read


def test_a_run_that_goes_on_takes_back_what_it_no_longer_knows_of(tmp_path: Path) -> None:
    killed, resumed = TensorBoardProgress(tmp_path), TensorBoardProgress(tmp_path)
    killed.start(30)
    for step in (10, 20):
        killed.trained(report(step))
    killed.stop()
    resumed.start(30, done=15)
    resumed.trained(replace(report(20), loss=0.5))
    resumed.stop()
    assert points(tmp_path)["train/loss"] == [(10, 1.25), (20, 0.5)]


def test_stopping_what_never_started_leaves_nothing(tmp_path: Path) -> None:
    progress = TensorBoardProgress(tmp_path / "never")
    progress.trained(report(10))
    progress.stop()
    assert not (tmp_path / "never").exists()


def test_without_the_extra_one_line_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "archgen.train.tensorboard.find_spec",
        lambda name: None if name == "tensorboard" else find_spec(name),
    )
    with pytest.raises(TrainingError, match=r"pip install 'archgen\[tensorboard\]'"):
        TensorBoardProgress(tmp_path)
    out = tmp_path / "run"
    assert main(["train", "inception_resnet_mini", "--tensorboard", "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "archgen[tensorboard]" in err
    assert not out.exists()


def test_a_run_writes_it_only_when_asked(tmp_path: Path) -> None:
    made = ["inception_resnet_mini", "--data", "synthetic", "--max-steps", "2", "--batch", "8"]
    assert main(["train", *made, "--tensorboard", "--out", str(tmp_path / "seen")]) == 0
    assert main(["train", *made, "--out", str(tmp_path / "unseen")]) == 0
    assert [step for step, _ in points(tmp_path / "seen" / "tensorboard")["test/top1"]] == [2]
    assert not (tmp_path / "unseen" / "tensorboard").exists()
