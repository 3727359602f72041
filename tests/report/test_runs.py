from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from archgen.report import CannotReport, read_run
from archgen.report.runs import MAX_SETTINGS, MAX_TEXT
from tests.report.conftest import MakeRun, evaluated, trained


def test_a_run_is_read_as_it_was_reported(make_run: MakeRun) -> None:
    run = read_run(
        make_run("mini", [trained(1), trained(10), evaluated(10, 0.75)], body="residual")
    )
    assert (run.name, run.network, run.status, run.is_residual) == ("mini", "net", "finished", True)
    assert [point.step for point in run.trained] == [1, 10]
    assert [(point.epoch, point.top1) for point in run.tested] == [(1.0, 0.75)]
    assert run.settings == {"batch": "16", "schedule.name": "cosine"}
    assert (run.epochs, run.unread) == (1.0, 0)


def test_a_torn_last_line_is_none_of_the_reports_and_no_fault(make_run: MakeRun) -> None:
    run = read_run(make_run(lines=[trained(1)], tail='{"kind": "train", "st'))
    assert len(run.trained) == 1
    assert run.unread == 0


def test_an_image_that_was_left_out_is_no_point_of_a_curve_and_no_fault(make_run: MakeRun) -> None:
    left_out = {"kind": "left_out", "step": 1, "split": "train", "image": "x", "reason": "empty"}
    run = read_run(make_run(lines=[left_out, trained(1)]))
    assert (len(run.trained), run.unread) == (1, 0)


def test_what_a_resumed_run_says_again_counts(make_run: MakeRun) -> None:
    lines = [trained(1), trained(20, top1=0.1), trained(10), trained(20, top1=0.9)]
    run = read_run(make_run(lines=lines))
    assert [(point.step, point.top1) for point in run.trained] == [(1, 0.5), (10, 0.5), (20, 0.9)]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        '{"kind": "train"}',
        "[" * 50_000,
        "not json",
        '{"kind": ["train"]}',
        json.dumps({**trained(2), "loss": "0.5"}),
        json.dumps({**trained(2), "loss": True}),
        json.dumps({**trained(2), "loss": float("nan")}),
        json.dumps({**trained(2), "epoch": float("inf")}),
        json.dumps({**trained(2), "step": -1}),
        json.dumps({**trained(2), "step": 10**400}),
        json.dumps({**evaluated(2, 0.5), "top1": 1.5}),
        "x" * 200_000,
    ],
    ids=lambda line: line[:20],
)
def test_a_line_that_is_no_report_is_counted_and_left_out(make_run: MakeRun, line: str) -> None:
    run = read_run(make_run(lines=[trained(1)], tail=f"{line}\n{json.dumps(trained(10))}\n"))
    assert [point.step for point in run.trained] == [1, 10]
    assert run.unread == 1


def test_a_run_without_reports_is_a_run(make_run: MakeRun) -> None:
    folder = make_run(facts={"status": "running"})
    (folder / "metrics.jsonl").unlink()
    run = read_run(folder)
    assert (run.trained, run.tested, run.epochs, run.status) == ((), (), 0.0, "running")


def test_spec_and_recipe_may_be_gone_or_broken(make_run: MakeRun) -> None:
    folder = make_run(lines=[evaluated(10, 0.5)])
    (folder / "spec.yaml").unlink()
    (folder / "recipe.yaml").write_text("recipe: [")
    run = read_run(folder)
    assert (run.network, run.is_residual, run.settings) == ("unknown", False, {})
    assert len(run.tested) == 1


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "3", "\udcff"])
def test_a_folder_that_describes_no_run_is_named(make_run: MakeRun, text: str) -> None:
    folder = make_run()
    (folder / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CannotReport, match=r"run\.json"):
        read_run(folder)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotReport, match="holds no run"):
        read_run(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", "spec.yaml", "recipe.yaml"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_waited_for(make_run: MakeRun, name: str, kind: str) -> None:
    folder = make_run(lines=[trained(1)])
    path = folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    if name.endswith("yaml"):
        assert len(read_run(folder).trained) == 1
    else:
        with pytest.raises(CannotReport, match=name):
            read_run(folder)


def test_reports_beyond_the_limit_are_left_out(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archgen.report.runs.MAX_METRICS_BYTES", 1000)
    run = read_run(make_run(lines=[trained(step) for step in range(1, 100)]))
    assert 0 < len(run.trained) < 5


def test_a_recipe_of_countless_settings_is_cut(make_run: MakeRun) -> None:
    recipe = "{" + ", ".join(f"key_{number}: {number}" for number in range(5000)) + "}"
    assert len(read_run(make_run(recipe=recipe)).settings) == MAX_SETTINGS


def test_texts_of_a_run_are_short_and_harmless(make_run: MakeRun) -> None:
    run = read_run(make_run(facts={"data": "\x1b[2J" + "x" * 10_000, "status": "\u202e"}))
    assert run.facts["data"].startswith("<U+001B>[2J")
    assert len(run.facts["data"]) < MAX_TEXT + 20
    assert run.status == "<U+202E>"
