"""The folder of one run: what was trained, how, and what came of it.

spec.yaml          the resolved network
recipe.yaml        the recipe
run.json           seed, versions, data, and the run's status
metrics.jsonl      one line a report, oldest first
model.safetensors  the weights of the last evaluation
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from archgen.train.errors import TrainingError
from archgen.train.files import replacing

Scalar = str | int | float | bool | None
Status = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder: at any moment each file is whole, and `metrics.jsonl` ends in a whole line."""

    path: Path
    spec_sha256: str

    @classmethod
    def create(cls, path: Path, *, spec: str, recipe: str) -> RunFolder:
        """Makes the folder and writes both texts. A folder that holds anything is refused."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            occupied = any(path.iterdir())
        except OSError as error:
            raise TrainingError(f"cannot make the run folder `{path}`: {error.strerror}") from error
        if occupied:
            raise TrainingError(f"the run folder `{path}` is not empty; name another one")
        _write_text(path / "spec.yaml", spec)
        _write_text(path / "recipe.yaml", recipe)
        return cls(path, sha256(spec.encode()).hexdigest())

    @property
    def metrics(self) -> Path:
        """Where the reports go."""
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        """Where the weights of the last evaluation are."""
        return self.path / "model.safetensors"

    def record(self, report: Mapping[str, Scalar]) -> None:
        """Appends one report as one line, written at once."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(report) + "\n")

    @contextmanager
    def attempt(self, facts: Mapping[str, Scalar]) -> Iterator[None]:
        """Keeps `run.json` up to date: running inside, and how it ended afterwards."""
        self._write_status("running", facts)
        status: Status = "failed"
        try:
            yield
            status = "finished"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._write_status(status, facts)

    def _write_status(self, status: Status, facts: Mapping[str, Scalar]) -> None:
        content = {"status": status, "spec_sha256": self.spec_sha256, **facts}
        _write_text(self.path / "run.json", json.dumps(content, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
