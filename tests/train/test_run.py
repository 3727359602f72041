from __future__ import annotations

import json
import math
from hashlib import sha256
from pathlib import Path

import pytest

from archgen.train import RunFolder, TrainingError


def status(run: RunFolder) -> dict[str, object]:
    content = json.loads((run.path / "run.json").read_text())
    assert isinstance(content, dict)
    return content


def test_a_run_folder_keeps_both_texts_as_they_are(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "a" / "b", spec="name: é\n", recipe="batch: 1\n")
    assert (run.path / "spec.yaml").read_text(encoding="utf-8") == "name: é\n"
    assert (run.path / "recipe.yaml").read_text() == "batch: 1\n"
    assert run.spec_sha256 == sha256("name: é\n".encode()).hexdigest()


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, spec="", recipe="")
    with pytest.raises(TrainingError, match="is not empty"):
        RunFolder.create(tmp_path, spec="", recipe="")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot make the run folder"):
        RunFolder.create(tmp_path / "file", spec="", recipe="")


def test_reports_are_on_the_disk_at_once_one_a_line(run: RunFolder) -> None:
    for step in (1, 2):
        run.record({"step": step, "note": "two\nlines"})
        lines = run.metrics.read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == list(range(1, step + 1))


def test_a_figure_that_is_no_number_is_null_and_the_line_stays_json(run: RunFolder) -> None:
    run.record({"kind": "test", "loss": math.nan, "top1": 0.1, "top5": math.inf})
    assert json.loads(run.metrics.read_text(), parse_constant=pytest.fail) == {
        "kind": "test",
        "loss": None,
        "top1": 0.1,
        "top5": None,
    }


def test_the_status_says_that_a_run_is_under_way_and_then_finished(run: RunFolder) -> None:
    with run.attempt({"seed": 3}):
        assert status(run)["status"] == "running"
    assert status(run) == {"status": "finished", "spec_sha256": run.spec_sha256, "seed": 3}


@pytest.mark.parametrize(
    ("stop", "word"), [(KeyboardInterrupt, "interrupted"), (TrainingError, "failed")]
)
def test_the_status_says_how_a_run_stopped(
    run: RunFolder, stop: type[BaseException], word: str
) -> None:
    def stopped_run() -> None:
        with run.attempt({}):
            raise stop

    with pytest.raises(stop):
        stopped_run()
    assert status(run)["status"] == word


def test_going_back_keeps_what_the_state_knows_of_and_no_nonsense(run: RunFolder) -> None:
    kept = [b'{"kind": "train", "step": 2}\n', b'{"kind": "test", "step": 2}\n']
    lost = [
        b'{"kind": "train", "step": 3}\n',
        b'{"kind": "test", "step": 1}\n',
        b'{"kind": "train", "step": Infinity}\n',
        b'{"kind": "train", "step": "x"}\n',
        b"[]\n",
        b"\xff\n",
        b'{"kind": "train", "step": 2}',
    ]
    run.metrics.write_bytes(b"".join([kept[0], *lost[:-1], kept[1], lost[-1]]))
    run.rewind(2, [2])
    assert run.metrics.read_bytes() == b"".join(kept)
