from __future__ import annotations

import json

import pytest
import torch

from archgen.train import Evaluation, Progress, RunFolder
from archgen.train.gradients import Outcome
from archgen.train.journal import Journal
from archgen.train.schedule import Timeline
from archgen.train.utilisation import Utilisation


def journal(run: RunFolder) -> Journal:
    return Journal(run, Progress(), Timeline(steps=30, steps_per_epoch=8))


def test_reports_come_after_the_first_and_every_tenth_step(run: RunFolder) -> None:
    told = journal(run)
    for step in range(24):
        told.stepped(step, 0.5, Outcome(torch.tensor(float(step)), torch.tensor(3)), 4)
    told.catch_up()
    told.catch_up()
    reports = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [report["step"] for report in reports] == [1, 10, 20, 24]
    assert [report["loss"] for report in reports] == [0.0, 5.0, 14.5, 21.5]
    assert [report["epoch"] for report in reports] == [0.125, 1.25, 2.5, 3.0]
    assert all(report["top1"] == 0.75 for report in reports)
    assert all(report["images_per_second"] > 0 for report in reports)
    assert all(report["mfu"] is None for report in reports)


def test_waiting_for_batches_is_a_share_of_the_time(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([1.0, 3.0, 8.0, 8.0])
    monkeypatch.setattr("archgen.train.journal.perf_counter", lambda: next(clock))
    told = journal(run)
    told._since = 0.0
    with told.waiting():
        pass
    told.stepped(0, 0.5, Outcome(torch.tensor(1.0), torch.tensor(3)), 4)
    (report,) = map(json.loads, run.metrics.read_text().splitlines())
    assert report["data_wait"] == 2 / 8
    assert report["images_per_second"] == 4 / 8


def test_a_known_device_has_its_share_of_use_in_the_report(run: RunFolder) -> None:
    told = Journal(run, Progress(), Timeline(30, 8), utilisation=Utilisation(6e9, 1e12))
    told.stepped(0, 0.5, Outcome(torch.tensor(1.0), torch.tensor(3)), 4)
    (report,) = map(json.loads, run.metrics.read_text().splitlines())
    assert report["mfu"] == pytest.approx(6e9 * report["images_per_second"] / 1e12)


def test_an_evaluation_says_after_how_many_epochs_it_was(run: RunFolder) -> None:
    told = Journal(run, Progress(), Timeline(30, 8), done=12)
    told.tested(Evaluation(count=10, loss=0.5, correct_top1=7, correct_top5=9))
    (report,) = map(json.loads, run.metrics.read_text().splitlines())
    assert (report["kind"], report["step"], report["epoch"]) == ("test", 12, 1.5)
