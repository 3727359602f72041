"""The tool that made the embedded data set, on made-up originals."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from archgen.train.data import idx

TOOL = Path(__file__).parents[3] / "tools" / "make_fashion_mnist_subset.py"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = spec_from_file_location("make_fashion_mnist_subset", TOOL)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PER_CLASS", {"train": 4, "test": 2})
    return module


@pytest.fixture
def source(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for (images, labels), count in zip(idx.FILES.values(), (200, 100), strict=True):
        classes = random.permutation(np.arange(count, dtype=np.uint8) % 10)
        pixels = random.integers(0, 256, (count, 5, 6), dtype=np.uint8)
        (tmp_path / images).write_bytes(idx.encode(pixels))
        (tmp_path / labels).write_bytes(idx.encode(classes))
    return tmp_path


def test_the_subset_is_balanced_and_its_rows_are_the_recorded_ones(
    tool: ModuleType, source: Path
) -> None:
    made = tool.make_subset(source)
    indices = json.loads(made["indices.json"])
    for split, per_class in (("train", 4), ("test", 2)):
        images, labels = idx.FILES[split]  # type: ignore[index]  # the two splits
        original = idx.decode((source / images).read_bytes(), images, 3)
        assert np.array_equal(idx.decode(made[images], images, 3), original[indices[split]])
        assert np.bincount(idx.decode(made[labels], labels, 1)).tolist() == [per_class] * 10


def test_the_same_originals_give_the_same_bytes(tool: ModuleType, source: Path) -> None:
    assert tool.make_subset(source) == tool.make_subset(source)


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch, source: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "made").mkdir()
    made = ["tool", "--source", str(source), "--target", str(tmp_path / "made")]
    monkeypatch.setattr(sys, "argv", made)
    return made


def test_a_check_passes_on_what_was_made_and_fails_on_what_was_changed(
    tool: ModuleType, tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main() == 0
    arguments.append("--check")
    assert tool.main() == 0
    changed = tmp_path / "made" / idx.FILES["test"][1]
    changed.write_bytes(idx.encode(np.zeros(20, np.uint8)))
    assert tool.main() == 1
    assert capsys.readouterr().err == f"{changed} differs\n"
