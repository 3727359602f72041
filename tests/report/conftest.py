"""Run folders as the trainer leaves them, and as nobody should."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

Line = dict[str, object]
MakeRun = Callable[..., Path]


def trained(step: int, top1: float = 0.5, loss: float = 1.0) -> Line:
    return {
        "kind": "train",
        "step": step,
        "steps": 100,
        "epoch": step / 10,
        "epochs": 10.0,
        "loss": loss,
        "top1": top1,
        "learning_rate": 0.1,
        "images_per_second": 640.0,
        "data_wait": 0.02,
        "seconds_left": 3.0,
        "mfu": None,
    }


def evaluated(step: int, top1: float, top5: float = 0.9) -> Line:
    figures = {"count": 200, "loss": 2 * (1 - top1), "top1": top1, "top5": top5}
    return {"kind": "test", "step": step, "epoch": step / 10, **figures}


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A maker of run folders."""

    def make(
        name: str = "one",
        lines: Iterable[Line] = (),
        *,
        network: str = "net",
        body: str = "conv",
        recipe: str = "{batch: 16, schedule: {name: cosine}}",
        facts: Line | None = None,
        tail: str = "",
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "spec.yaml").write_text(
            f"archgen: 1\nname: {network}\nnetwork:\n  - {body}: {{}}\n", encoding="utf-8"
        )
        (folder / "recipe.yaml").write_text(f"archgen: 1\nrecipe: {recipe}\n", encoding="utf-8")
        known: Line = {"status": "finished", "spec_sha256": "ab" * 32, "seed": 3, "data": "photos"}
        (folder / "run.json").write_text(json.dumps({**known, **(facts or {})}))
        text = "".join(f"{json.dumps(line)}\n" for line in lines) + tail
        (folder / "metrics.jsonl").write_text(text)
        return folder

    return make
