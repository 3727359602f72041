from __future__ import annotations

import json

import torch

from archgen.train import Progress, RunFolder
from archgen.train.journal import Journal
from archgen.train.schedule import Timeline

LOGITS, LABELS = torch.eye(4), torch.tensor([0, 1, 2, 0])


def journal(run: RunFolder) -> Journal:
    return Journal(run, Progress(), Timeline(steps=30, steps_per_epoch=8))


def test_reports_come_after_the_first_and_every_tenth_step(run: RunFolder) -> None:
    told = journal(run)
    for step in range(24):
        told.stepped(step, 0.5, torch.tensor(float(step)), LOGITS, LABELS)
    told.catch_up()
    told.catch_up()
    reports = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [report["step"] for report in reports] == [1, 10, 20, 24]
    assert [report["loss"] for report in reports] == [0.0, 5.0, 14.5, 21.5]
    assert [report["epoch"] for report in reports] == [0, 1, 2, 2]
    assert all(report["accuracy"] == 0.75 for report in reports)
    assert all(report["images_per_second"] > 0 for report in reports)
