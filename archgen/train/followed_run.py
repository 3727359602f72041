"""A run folder as every process but the first has it: the first one keeps it, the others know its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from archgen.train.checkpoints import Checkpoints
from archgen.train.run import Facts, RunFolder, Scalar
from archgen.train.state import TrainingState


class FollowedRun(RunFolder):
    """Writes nothing and reads nothing: the folder may be on a disk that this process cannot see."""

    __slots__ = ()

    @classmethod
    def of(cls, run: RunFolder) -> FollowedRun:
        """The same folder, left alone."""
        return cls(run.path, run.spec_sha256)

    @property
    def facts(self) -> dict[str, Any]:
        """None."""
        return {}

    def locked(self) -> AbstractContextManager[str | None]:
        """The first process has the lock."""
        return nullcontext()

    def keep(self, path: Path, writing: Callable[[Path], None]) -> None:
        """Nothing."""

    def keep_recipe(self, text: str) -> None:
        """Nothing."""

    def keep_report(self, name: str, report: Mapping[str, object]) -> None:
        """Nothing."""

    def record(self, report: Mapping[str, Scalar]) -> None:
        """Nothing."""

    def reports(self, kind: str) -> list[dict[str, Any]]:
        """None."""
        return []

    def rewind(self, step: int, evaluated: Collection[int]) -> None:
        """Nothing."""

    @contextmanager
    def attempt(self, facts: Facts) -> Iterator[None]:
        """Nothing, whatever happens inside."""
        yield


class FollowedCheckpoints(Checkpoints):
    """Those of the first process, which never are due here."""

    def are_due(self, step: int) -> bool:
        """Never: the first process knows."""
        return False

    def save(self, state: TrainingState) -> None:
        """Nothing."""

    def restore(self, state: TrainingState) -> list[str]:
        """Nothing: the state comes from the first process."""
        return []
