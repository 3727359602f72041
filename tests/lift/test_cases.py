"""Small modules that were once lifted wrongly, or refused without need."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from archgen.lift.lifting import Lifted, lift, noise
from archgen.lift.source import original
from archgen.pipeline import check
from archgen.spec.files import SpecText

CASES = Path(__file__).parents[1] / "cases" / "lift"
OF_3_CHANNELS = (
    *("Half Minus Minus2 ReluSum ReluSum2 Glu Glu2 TwoOut ThreeOut Nested Taps".split()),
    *("TapsDeepFirst Up1 Up2 Up3 C2f C2fRes c2f2".split()),
)
OF_4_CHANNELS = (
    *(f"mini.py:{name}" for name in ("Rep", "Rep2", "rep3", "Rep4")),
    *(f"mini2.py:{name}" for name in "n1 n2 n3 n1x2 n12 n22 n2x2 n1F Add2".split()),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("mini.py", "mini2.py"):
        shutil.copy(CASES / f"{name}.txt", tmp_path / name)
    return tmp_path


def lifted(target: str, channels: int) -> Lifted:
    found = original(target)._replace(grid=(16, 16), channels=channels)
    return lift(found, noise(found))


@pytest.mark.parametrize(
    ("target", "channels"),
    [*((f"mini.py:{name}", 3) for name in OF_3_CHANNELS), *((name, 4) for name in OF_4_CHANNELS)],
)
def test_a_small_module_is_lifted_and_equal_to_the_bit(target: str, channels: int) -> None:
    found = lifted(target, channels)
    assert found.proof is not None
    assert found.proof.is_exact
    assert check(SpecText("lifted.yaml", found.text)).diagnostics == ()


def test_counts_of_repeats_are_not_taken_for_parts_of_widths() -> None:
    text = lifted("mini.py:Rep4", 4).text
    assert "repeat: n" in text
    assert "repeat: filters" not in text
