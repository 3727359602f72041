"""Short versions; `python -m tests.train.crashing` has the long ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.compiling import SPECS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
]


def ends(*arguments: str) -> dict[str, Any]:
    made = subprocess.run(
        [sys.executable, "-m", "tests.train.crashing", *arguments],
        cwd=SPECS.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    result = json.loads(made.stdout)
    assert isinstance(result, dict)
    return result


def test_runs_killed_at_random_end_as_the_one_that_was_not() -> None:
    result = ends("kills", "4")
    assert result["kills"] == 4
    assert set(result["ends"]) == {result["whole"]}


def test_runs_on_files_end_equal_whichever_processes_read_and_however_often_they_are_killed() -> (
    None
):
    result = ends("streamed", "2")
    assert result["kills"] >= 2
    assert set(result["ends"]) == {result["whole"]}


def test_runs_that_are_gone_at_any_call_to_the_disk_end_as_the_one_that_was_not() -> None:
    result = ends("phases", "13")
    assert result["kills"] >= 5
    assert set(result["ends"]) == {result["whole"]}
    assert max(result["resumed_at"]) > 0
