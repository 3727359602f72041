"""The fuzzer: seeds make the same cases, runs go on, and a process that dies is a failure told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.fuzzing import breaking, edits, runner
from tools.fuzzing import bytes as random_bytes
from tools.fuzzing.child import run_batch
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.promises import ROOT, checked


def test_a_seed_makes_the_same_case_whatever_ran_before() -> None:
    alone = random_bytes.case(17)
    assert [random_bytes.case(seed) for seed in range(16, 19)][1] == alone
    assert edits.case(17) == edits.case(17)


@pytest.mark.parametrize("target", [random_bytes, edits])
def test_a_target_yields_one_outcome_a_seed(target: object) -> None:
    outcomes = list(target.run(range(5, 25)))  # type: ignore[attr-defined]  # a module
    assert [outcome.seed for outcome in outcomes] == list(range(5, 25))
    assert [outcome.failure for outcome in outcomes] == [None] * 20


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state.json"
    for cases in ("20", "50"):
        assert runner.main(["bytes", "--cases", cases, "--state", str(state)]) == 0
    assert json.loads(state.read_text())["bytes"]["cases"] == 50
    assert "failures" in capsys.readouterr().out


def test_a_state_of_another_first_seed_is_refused(tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    assert runner.main(["bytes", "--cases", "3", "--state", state]) == 0
    assert runner.main(["bytes", "--cases", "3", "--seed", "9", "--state", state]) == 2


def _dies_at_five(seeds: range) -> Iterator[Outcome]:
    for seed in seeds:
        if seed == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Outcome(seed, 0.0, None, "fine")


def test_a_process_that_dies_is_a_failure_of_the_case_in_flight() -> None:
    target = SimpleNamespace(NAME="dying", BATCH=10, run=_dies_at_five)
    batch = run_batch(target, range(10), float("inf"))
    assert [outcome.seed for outcome in batch.outcomes] == list(range(6))
    assert batch.outcomes[-1].failure is not None
    assert batch.outcomes[-1].failure.what == "the process ended by SIGKILL"


def _dies_at_five_before_all(seeds: range) -> Iterator[Outcome]:
    if 5 in seeds:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from (Outcome(seed, 0.0, None, "fine") for seed in seeds)


def _dies_in_company(seeds: range) -> Iterator[Outcome]:
    if len(seeds) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from (Outcome(seed, 0.0, None, "fine") for seed in seeds)


def test_a_batch_that_dies_as_a_whole_is_searched_for_its_case() -> None:
    target = SimpleNamespace(NAME="dying", BATCH=10, run=_dies_at_five_before_all)
    batch = run_batch(target, range(10), float("inf"))
    assert [outcome.seed for outcome in batch.outcomes] == list(range(6))
    assert [outcome.failure is None for outcome in batch.outcomes] == [True] * 5 + [False]


def test_cases_that_only_die_together_are_told() -> None:
    target = SimpleNamespace(NAME="dying", BATCH=10, run=_dies_in_company)
    *sound, last = run_batch(target, range(10), float("inf")).outcomes
    assert [outcome.failure for outcome in sound] == [None] * 9
    assert last.failure is not None
    assert last.failure.what.startswith("only after seeds 0 to 8 in one process")


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "tools.fuzzing", "bytes", "--cases", "1", "-v"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ran = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    assert ran.stderr == b""


def test_a_single_case_is_shown_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Outcome(7, 0.0, Failure("it is wrong", "the text"), "wrong")
    target = SimpleNamespace(NAME="bytes", BATCH=1, run=lambda _: [failed], show=_shown)
    monkeypatch.setattr(runner, "_target", lambda _: target)
    assert runner.main(["bytes", "--cases", "1", "--seed", "7", "-v"]) == 1
    assert capsys.readouterr().out.count("the text") == 1


def _shown(seed: int) -> str:
    return f"case {seed}: the text, and what is found"


SPEC = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 32}
blocks:
  unit:
    params: {width: int}
    body:
      - conv: {filters: width, kernel: 3, padding: same}
  other:
    body: [norm: batch]
network:
  - unit: {width: 8}
    id: body
  - other
  - concat:
      near: [norm: batch]
      far:
        - conv: {filters: 8, kernel: 1}
"""


def _site(line: int, text: str) -> breaking.Site:
    return next(s for s in breaking.sites(SPEC) if s.line == line - 1 and s.text == text)


def test_another_name_of_the_file_is_no_misspelling_where_a_name_is_used() -> None:
    used, made = _site(12, "unit"), _site(5, "unit")
    assert not breaking.is_slip(SPEC, used, "other")
    assert breaking.is_slip(SPEC, used, "otter")
    assert breaking.is_slip(SPEC, made, "other")
    assert not breaking.is_slip(SPEC, used, "conv")


def test_the_names_made_on_a_line_are_its_own_words() -> None:
    assert "width" in breaking.own_words(SPEC, 5)
    assert "body" in breaking.own_words(SPEC, 12)
    assert "padding" not in breaking.own_words(SPEC, 7)


def test_what_a_dropped_key_held_falls_to_the_key_before_it() -> None:
    lines = SPEC.split("\n")
    assert breaking.held(lines, lines.index("      far:")) == {16, 17}
    assert breaking.held(lines, lines.index("    id: body")) == frozenset()


def test_a_list_that_lacks_a_step_is_told_by_its_key() -> None:
    lines = SPEC.split("\n")
    assert breaking.list_around(lines, lines.index("  - other")) == {11}
    assert breaking.list_around(lines, lines.index("    id: body")) == frozenset()


def test_a_step_that_moves_is_told_by_the_branch_in_a_sum() -> None:
    lines = SPEC.split("\n")
    at = next(i for i, line in enumerate(lines) if "filters: 8" in line)
    assert breaking.branch_of(lines, at) == ("far",)
    assert breaking.branch_of(lines, lines.index("    id: body")) == ()


def test_what_a_dropped_step_made_is_made_or_missed_by_one_beside_it() -> None:
    lines = SPEC.split("\n")
    first, last = lines.index("  - unit: {width: 8}"), lines.index("  - other")
    assert breaking.steps_beside(lines, last) == {12, 14}
    assert breaking.steps_beside(lines, first) == {13, 14}
    assert breaking.steps_beside(lines, lines.index("    id: body")) == frozenset()


@pytest.mark.parametrize(("line", "is_named"), [(5, True), (6, False)])
def test_a_finding_that_stands_elsewhere_fails_the_edit(line: int, is_named: bool) -> None:
    text = "archgen: 1\nname: a\ninput: {channels: 3, grid: 8}\nnetwork:\n  - wrong\n  - flatten\n"
    (found,) = checked(text.encode()).errors
    edit = breaking.Edit("value", text, frozenset({line}), ("nothing",))
    assert edits.names(found, edit) is is_named


def test_every_other_case_of_the_edits_breaks_several_tokens() -> None:
    counts = [edits.case(seed)[1].tokens for seed in range(40)]
    assert set(counts[1::2]) == {1}
    assert set(counts[::2]) == {2, 3}
