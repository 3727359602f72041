"""The folder of one run: what was trained, how, and what came of it.

spec.yaml          the resolved network
recipe.yaml        the recipe
preparation.yaml   how images become what the network sees, and the names of its outputs
run.json           seed, versions, data, and the run's status
metrics.jsonl      one line a report, oldest first
model.safetensors  the weights of the last evaluation
checkpoints/       the state of training, from which a run that was stopped goes on
lock               held by the process that trains; of no meaning otherwise
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Self, TypeAlias

from archgen.train.errors import Interrupted, TrainingError, Unwritable, naming
from archgen.train.files import TEMPORARIES, is_temporary, remove_temporaries, replacing
from archgen.train.locking import LOCK_FILE, locked

Scalar = str | int | float | bool | None
Facts: TypeAlias = Mapping[str, "Scalar | Mapping[str, Scalar] | Sequence[Mapping[str, Scalar]]"]
Status = Literal["created", "running", "finished", "interrupted", "failed"]
STATUS_FILE = "run.json"
PREPARATION_FILE = "preparation.yaml"
DIVERGENCE = "divergence.json"  # what a loss that is not a number leaves to look at
NO_FACTS: Facts = {}
_MAX_STATUS_BYTES = 2**20
_MAX_SPEC_BYTES = 2**26
# what a run has written before its first step, the word that it is a run going first
_OF_A_START = (
    *(STATUS_FILE, "spec.yaml", "recipe.yaml", PREPARATION_FILE, "metrics.jsonl", TEMPORARIES),
    *("tensorboard/events.*", LOCK_FILE),
)


class Change(NamedTuple):
    """A setting that a run changed on purpose: from which step on, and what that does to its numbers."""

    step: int
    setting: str
    before: str
    after: str
    effect: str

    @classmethod
    def read(cls, content: object) -> Self | None:
        """What `recorded` gave; None for anything else."""
        if not isinstance(content, dict) or content.keys() != set(cls._fields):
            return None
        texts = [content[name] for name in cls._fields[1:]]
        if type(content["step"]) is not int or not all(isinstance(text, str) for text in texts):
            return None
        return cls(content["step"], *texts)

    def recorded(self) -> Mapping[str, Scalar]:
        """The change as `run.json` has it."""
        return self._asdict()

    def __str__(self) -> str:
        return f"{self.setting} was {self.before} and is {self.after} now: {self.effect}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder: at any moment each file is whole, and `metrics.jsonl` ends in a whole line."""

    path: Path
    spec_sha256: str

    @classmethod
    def create(
        cls, path: Path, *, spec: str, recipe: str, preparation: str = "", facts: Facts = NO_FACTS
    ) -> RunFolder:
        """Makes the folder with the texts and `facts`. A folder that holds anything is refused.

        What a run that was killed in this very moment, or that diverged at its first step, left
        behind is not in the way.
        """
        texts = {"spec.yaml": spec, "recipe.yaml": recipe, PREPARATION_FILE: preparation}
        if not preparation:
            del texts[PREPARATION_FILE]
        try:
            path.mkdir(parents=True, exist_ok=True)
            occupied = _is_occupied(path, texts)
        except OSError as error:
            raise TrainingError(f"cannot make the run folder `{path}`: {error.strerror}") from error
        if occupied:
            raise TrainingError(f"the run folder `{path}` is not empty; name another one")
        run = cls(path, sha256(spec.encode()).hexdigest())
        try:
            with run.locked():
                if _is_occupied(path, texts):
                    raise TrainingError(f"another process has just begun a run in `{path}`")
                remove_temporaries(path)
                (path / DIVERGENCE).unlink(missing_ok=True)
                for name, text in texts.items():
                    _write_text(path / name, text)
                run._write_status("created", facts)
        except Unwritable:
            run.withdraw()
            raise
        return run

    def withdraw(self) -> None:
        """Takes back what was written of a run that was refused before its first step.

        Its folder is free for another one then; only a report on a divergence stays. Where a step was
        reported or saved, or another process is at work, everything stays.
        """
        if self.reports("train") or any(self.checkpoints.glob("*")):
            return
        with suppress(OSError, TrainingError):
            with self.locked():
                for pattern in _OF_A_START:
                    for file in self.path.glob(pattern):
                        file.unlink(missing_ok=True)
            for folder in (self.checkpoints, self.path / "tensorboard", self.path):
                if folder.is_dir():
                    folder.rmdir()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run that is in a folder. Raises `TrainingError` where there is none."""
        facts = _read_facts(path)
        try:
            with _opened(path / "spec.yaml") as file:
                spec = file.read(_MAX_SPEC_BYTES)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TrainingError(f"`{path / 'spec.yaml'}` cannot be read: {reason}") from error
        _demand_regular(path / "metrics.jsonl")
        digest = sha256(spec).hexdigest()
        if facts.get("spec_sha256") != digest:
            raise TrainingError(
                f"`{path / 'spec.yaml'}` is not the network that this run trains: "
                "it was changed since the run began"
            )
        return cls(path, digest)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether a folder holds a run."""
        return (path / STATUS_FILE).is_file()

    def locked(self) -> AbstractContextManager[str | None]:
        """Inside, no other process writes here; see `locking.locked`."""
        return locked(self.path)

    @property
    def facts(self) -> dict[str, Any]:
        """What `run.json` says: the status and what the run was started with."""
        return _read_facts(self.path)

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints; absent before the first one."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        """Where the reports go."""
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        """Where the weights of the last evaluation are."""
        return self.path / "model.safetensors"

    def keep(self, path: Path, writing: Callable[[Path], None]) -> None:
        """Calls what writes the file `path` of the folder."""
        with naming(path):
            writing(path)

    def keep_recipe(self, text: str) -> None:
        """Writes the recipe anew, where settings of it were changed on purpose."""
        _write_text(self.path / "recipe.yaml", text)

    def keep_report(self, name: str, report: Mapping[str, object]) -> None:
        """Writes a report of its own, as JSON."""
        _write_text(self.path / name, json.dumps(report, indent=2) + "\n")

    def record(self, report: Mapping[str, Scalar]) -> None:
        """Appends one report as one line, written at once; a figure that is no number is null there."""
        written = {name: value if _is_written(value) else None for name, value in report.items()}
        with naming(self.metrics), self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(written, allow_nan=False) + "\n")

    def reports(self, kind: str) -> list[dict[str, Any]]:
        """The whole lines of `metrics.jsonl` of that kind."""
        lines = self._lines()
        found = [json.loads(line) for line in lines if f'"{kind}"'.encode() in line]
        return [report for report in found if report["kind"] == kind]

    def _lines(self) -> list[bytes]:
        """The lines of `metrics.jsonl`, each with its end; none where there is no such file yet."""
        try:
            return self.metrics.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TrainingError(f"`{self.metrics}` cannot be read: {reason}") from error

    def rewind(self, step: int, evaluated: Collection[int]) -> None:
        """Takes back the reports on what the state after `step` steps does not know of.

        That is later steps, evaluations after others than `evaluated` steps, and a line that a
        killed process did not finish. Files that were never whole go too.
        """
        remove_temporaries(self.path)
        lines = self._lines()
        if not lines:
            return
        kept = b"".join(line for line in lines if _is_known(line, step, evaluated))
        with naming(self.metrics), replacing(self.metrics) as temporary:
            temporary.write_bytes(kept)

    @contextmanager
    def attempt(self, facts: Facts) -> Iterator[None]:
        """Keeps `run.json` up to date: running inside, and how it ended afterwards.

        What it said before stays where `facts` say nothing. Where the disk takes no other word, it
        goes on to say `running`, as after a crash.
        """
        facts = {**self.facts, **facts} if self.is_at(self.path) else facts
        self._write_status("running", facts)
        status: Status = "failed"
        try:
            yield
        except BaseException as stop:
            if isinstance(stop, (KeyboardInterrupt, Interrupted)):
                status = "interrupted"
            with suppress(Unwritable):
                self._write_status(status, facts)
            raise
        self._write_status("finished", facts)

    def _write_status(self, status: Status, facts: Facts) -> None:
        known = {"status": status, "spec_sha256": self.spec_sha256}
        content = {**known, **facts, **known}
        _write_text(self.path / STATUS_FILE, json.dumps(content, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    with naming(path), replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _is_occupied(path: Path, texts: Mapping[str, str]) -> bool:
    """Whether a folder holds what `create` must not write over."""
    return not all(_is_left_over(file, texts) for file in path.iterdir())


def _is_left_over(file: Path, texts: Mapping[str, str]) -> bool:
    """Whether a file is one that `create` would write, word for word, or half of it."""
    if is_temporary(file) or file.name in (LOCK_FILE, DIVERGENCE):
        return True
    return file.name in texts and file.read_bytes() == texts[file.name].encode()


def _opened(path: Path) -> IO[bytes]:
    _demand_regular(path)
    return path.open("rb")


def _demand_regular(path: Path) -> None:
    """Refuses a pipe or a device in a folder that somebody else may have written: it is not waited for."""
    if path.exists() and not path.is_file():
        raise TrainingError(f"`{path}` is not a regular file, so archgen did not write it")


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        with _opened(path / STATUS_FILE) as file:
            facts = json.loads(file.read(_MAX_STATUS_BYTES))
    except FileNotFoundError:
        raise TrainingError(f"`{path}` holds no run: there is no `{STATUS_FILE}` in it") from None
    except NotADirectoryError:
        raise TrainingError(
            f"`{path}` is a file, and a run is a folder: name the one that --out named "
            f"(`archgen train {path}` trains a spec)"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrainingError(f"`{path / STATUS_FILE}` cannot be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(
            f"`{path / STATUS_FILE}` is damaged: it is no JSON any more; `archgen train {path / 'spec.yaml'} "
            f"--recipe {path / 'recipe.yaml'} --out OTHER` trains the same network anew"
        ) from error
    if not isinstance(facts, dict) or not isinstance(facts.get("identity", {}), dict):
        raise TrainingError(f"`{path / STATUS_FILE}` does not describe a run")
    return facts


def _is_written(value: Scalar) -> bool:
    """Whether JSON has the value: it has neither NaN nor infinity."""
    return not isinstance(value, float) or math.isfinite(value)


def _is_known(line: bytes, step: int, evaluated: Collection[int]) -> bool:
    """Whether a line of `metrics.jsonl` is whole and about what a state knows of."""
    try:
        report = json.loads(line)
        is_known = report["kind"] != "test" or report["step"] in evaluated
        return line.endswith(b"\n") and is_known and int(report["step"]) <= step
    except (ValueError, OverflowError, KeyError, TypeError, RecursionError):
        return False
