from __future__ import annotations

from pathlib import Path

import pytest

from archgen.cli import main
from tests.report.conftest import MakeRun, evaluated, make_run

__all__ = ["make_run"]


def test_runs_become_one_page(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(make_run(name, [evaluated(10, 0.5)])) for name in ("one", "two")]
    out = tmp_path / "report.html"
    assert main(["report", *runs, "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert capsys.readouterr().err == f"wrote {out}\n"


def test_runs_of_the_same_name_are_told_apart(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [str(make_run(f"{parent}/mini")) for parent in ("a", "b")]
    out = tmp_path / "report.html"
    assert main(["report", runs[0], runs[1], runs[1], "-o", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    for name in (runs[0], f"{runs[1]} (2)", f"{runs[1]} (3)"):
        assert f"<h3>{name}</h3>" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'RUN...'"),
        (["{run}"], "Missing option '-o'"),
        (["nowhere", "-o", "{out}"], "`nowhere` holds no run: there is no `run.json`"),
        (["{run}", "-o", "{run}/metrics.jsonl"], "stays as it is"),
        (["{run}", "-o", "{run}/none/report.html"], "there is no folder"),
        (["{run}"] * 33 + ["-o", "{out}"], "name up to 32"),
    ],
)
def test_what_cannot_be_reported_is_said_in_words(
    make_run: MakeRun,
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, out = make_run(lines=[evaluated(10, 0.5)]), tmp_path / "report.html"
    before = (run / "metrics.jsonl").read_bytes()
    given = [word.replace("{run}", str(run)).replace("{out}", str(out)) for word in arguments]
    assert main(["report", *given]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err
    assert not out.exists()
    assert (run / "metrics.jsonl").read_bytes() == before
