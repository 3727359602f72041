"""How far each target has come: kept in a JSON file, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.fuzzing.outcome import Outcome

KEPT = 200  # so many failing inputs of a target are kept as files


@dataclass
class Progress:
    """What has come of one target so far; `first` is the seed it began with."""

    first: int
    cases: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_seed: int | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)
    tally: dict[str, int] = field(default_factory=dict)

    @property
    def next(self) -> int:
        """The seed to go on with."""
        return self.first + self.cases

    def take(self, outcomes: tuple[Outcome, ...], seconds: float) -> None:
        """Counts outcomes that follow those so far."""
        for outcome in outcomes:
            if outcome.seconds > self.slowest:
                self.slowest, self.slowest_seed = outcome.seconds, outcome.seed
            if outcome.failure is not None:
                self.failures.append({"seed": outcome.seed, "what": outcome.failure.what})
        counts = Counter(self.tally)
        counts.update(outcome.what for outcome in outcomes)
        self.tally = dict(counts)
        self.cases += len(outcomes)
        self.seconds += seconds


class State:
    """The progress of every target, in a file that is replaced whole; without a path, in memory."""

    def __init__(self, path: Path | None) -> None:
        """Raises ValueError where the file is no state of ours."""
        self._path = path
        self.targets: dict[str, Progress] = {}
        if path is None or not path.exists():
            return
        try:
            stored = json.loads(path.read_text())
            self.targets = {name: Progress(**progress) for name, progress in stored.items()}
        except (ValueError, TypeError, AttributeError, OSError) as error:
            raise ValueError(f"{path} is no state of the fuzzer: {error}") from None

    def progress(self, name: str, first: int) -> Progress:
        """The progress of a target. Raises ValueError where it began with another seed."""
        progress = self.targets.setdefault(name, Progress(first))
        if progress.first != first:
            raise ValueError(f"{self._path}: {name} began with the seed {progress.first}")
        return progress

    def keep(self, name: str, outcomes: tuple[Outcome, ...]) -> None:
        """Writes the state, and each failing input as a file beside it."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = len(self.targets[name].failures)
        for outcome in outcomes:
            if outcome.failure is not None and kept <= KEPT:
                file = self._path.with_name(f"{self._path.stem}.{name}.{outcome.seed}.txt")
                file.write_bytes(outcome.failure.text.encode("utf-8", "surrogateescape"))
        draft = self._path.with_name(f"{self._path.name}.part")
        stored = {target: asdict(progress) for target, progress in self.targets.items()}
        draft.write_text(json.dumps(stored, indent=1) + "\n")
        draft.replace(self._path)
