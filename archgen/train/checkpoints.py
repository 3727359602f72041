"""Checkpoints that a crash cannot spoil: written whole, hashed, and believed only if the hash fits.

checkpoints/step-120.pt     the state after 120 steps: tensors and plain Python values
checkpoints/step-120.json   its file, size and sha256, written last

At each moment of a save the checkpoints before it are whole, and none of them is deleted before
the new one is. A file whose manifest is missing or damaged is believed by the checksums that are in it
(CRC-32 of each record), and gets a manifest again.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from io import FileIO
from itertools import chain, count
from pathlib import Path
from pickle import UnpicklingError
from time import monotonic
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from archgen.train.errors import Diverged, TrainingError, naming
from archgen.train.evaluation import Evaluation
from archgen.train.files import remove_temporaries, replacing
from archgen.train.identity import Identity, check_identity
from archgen.train.state import Content, TrainingState

KEPT = 2
SECONDS_BETWEEN = 600.0
_MAX_MANIFEST_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Entry:
    """One checkpoint by its manifest; the file it speaks of may be damaged all the same."""

    path: Path
    step: int
    sha256: str
    bytes: int
    top1: float | None

    @property
    def manifest(self) -> Path:
        """The file beside the checkpoint that vouches for it."""
        return self.path.with_name(f"step-{self.step}.json")

    def fault(self) -> str | None:
        """What is wrong with the file, or None where it is what was written."""
        if self.path.exists() and not self.path.is_file():
            return "it is not a regular file"
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                if size != self.bytes:
                    return f"it has {size:,} bytes of {self.bytes:,}"
                file.seek(0)
                is_same = file_digest(file, sha256).hexdigest() == self.sha256
        except FileNotFoundError:
            return "it is gone"
        except OSError as error:
            return f"it cannot be read: {(error.strerror or str(error)).lower()}"
        return None if is_same else "its sha256 is not the one written beside it"


@dataclass(slots=True)
class Checkpoints:
    """The checkpoints of one run: the last `KEPT` and the one with the best evaluation.

    `identity` says whose they are; a checkpoint of another run is refused. `every` is the number of
    steps between two; without it they come by the clock.
    """

    folder: Path
    identity: Identity
    every: int | None = None
    _saved: float = field(default_factory=monotonic, init=False)
    _newest: int = field(default=0, init=False)

    @property
    def newest(self) -> int:
        """The step of the newest one that this process has written or read; 0 where there is none."""
        return self._newest

    def are_due(self, step: int) -> bool:
        """Whether one is to be saved after `step` steps."""
        if step == self._newest:
            return False
        if self.every is not None:
            return step % self.every == 0
        return monotonic() - self._saved >= SECONDS_BETWEEN

    def save(self, state: TrainingState) -> None:
        """Adds a checkpoint of `state`, then deletes what is no longer kept.

        Raises `Unwritable`, the older ones intact, where the disk does not take it, and `Diverged`
        for a state with an infinite or missing number.
        """
        if not state.is_finite():
            raise Diverged(
                f"after step {state.step} the state holds numbers that are not finite; "
                "it is not saved over good ones"
            )
        path = self._free_name(state.step)
        with naming(path):
            self.folder.mkdir(exist_ok=True)
            digest, size = _write(path, {"identity": dict(self.identity), **state.state_dict()})
            evaluation = state.evaluations.get(state.step)
            top1 = None if evaluation is None else evaluation.top1
            entry = Entry(path, state.step, digest, size, top1)
            _write_manifest(entry)
        self._prune(entry)
        self._saved, self._newest = monotonic(), state.step

    def restore(self, state: TrainingState) -> list[str]:
        """Takes the newest sound checkpoint into `state`; without any, `state` stays as it is.

        Returns a line for each newer one that is damaged, and for each manifest that was. Raises
        `TrainingError` where all are, and where the checkpoint is another run's.
        """
        remove_temporaries(self.folder)
        recovered, passed_over = self._recovered()
        for entry in self.entries():
            content = entry.fault() or _read(entry.path)
            if isinstance(content, str):
                passed_over.append(f"the checkpoint `{entry.path}` is not used: {content}")
            else:
                self._take(entry, content, state)
                self._newest = state.step
                return [*recovered, *passed_over]
        if passed_over:
            raise TrainingError(
                "\n".join(passed_over)
                + f"\nno checkpoint is left; delete `{self.folder}` to begin again at step 0"
            )
        return passed_over

    def _recovered(self) -> tuple[list[str], list[str]]:
        """Gives sound checkpoints without a readable manifest a new one.

        Returns a line for each of them, and one for each manifest or file that is of no use.
        """
        recovered, lost = [], []
        vouched = {entry.step for entry in self.entries()}
        for step in sorted(
            {*map(_step_of, self.folder.glob("step-*"))} - vouched - {0}, reverse=True
        ):
            manifest = self.folder / f"step-{step}.json"
            state = "is damaged" if manifest.exists() else "is missing"
            files = [
                path for path in self.folder.glob(f"step-{step}*.pt") if _step_of(path) == step
            ]
            for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
                entry = self._entry_from(path, step)
                if isinstance(entry, Entry):
                    with naming(entry.manifest):
                        _write_manifest(entry)
                    recovered.append(
                        f"the manifest `{manifest}` {state}; the checksums in `{path.name}` itself "
                        "are right, and it has a manifest again"
                    )
                    break
                lost.append(
                    f"the checkpoint `{path}` is not used: its manifest {state}, and {entry}"
                )
            if not files:
                lost.append(f"the manifest `{manifest}` {state}, and its checkpoint is gone")
        return recovered, lost

    def _entry_from(self, path: Path, step: int) -> Entry | str:
        """What a manifest would say of a file that is sound by its own checksums; else what is wrong."""
        try:
            with ZipFile(path) as archive:
                if archive.testzip() is not None:
                    return "its own checksums are wrong"
            with path.open("rb") as file:
                digest = file_digest(file, sha256).hexdigest()
        except (OSError, BadZipFile, NotImplementedError, EOFError, ValueError, zlib.error):
            return "it is cut or damaged"
        content = _read(path)
        if isinstance(content, str):
            return content
        try:
            if content["step"] != step:
                return "it is of another step"
            check_identity(self.identity, content["identity"], "it")
            evaluation = content["evaluations"].get(step)
            top1 = None if evaluation is None else Evaluation(**evaluation).top1
        except TrainingError as error:
            return str(error)
        except (KeyError, TypeError, AttributeError, ArithmeticError):
            return "it holds no training state"
        return Entry(path, step, digest, path.stat().st_size, top1)

    def entries(self) -> list[Entry]:
        """What the manifests speak of, newest first."""
        found = (_read_manifest(path) for path in self.folder.glob("step-*.json"))
        return sorted((e for e in found if e is not None), key=lambda e: e.step, reverse=True)

    def what_is_sound(self) -> str:
        """Which step a run that goes on begins with."""
        newest = next((entry for entry in self.entries() if entry.fault() is None), None)
        if newest is None:
            return "there is no checkpoint yet, so the run begins again at step 0"
        return f"the checkpoint of step {newest.step} is sound, and the run goes on from there"

    def _free_name(self, step: int) -> Path:
        """A file of this step that is not there yet: a checkpoint is replaced, never rewritten."""
        names = (f"step-{step}{suffix}.pt" for suffix in chain(("",), (f"-{n}" for n in count(2))))
        return next(path for name in names if not (path := self.folder / name).exists())

    def _take(self, entry: Entry, content: Content, state: TrainingState) -> None:
        try:
            check_identity(self.identity, content["identity"], f"the checkpoint `{entry.path}`")
            state.load_state_dict(content)
        except TrainingError as error:
            raise TrainingError(f"`{entry.path}`: {error}") from error
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise TrainingError(
                f"`{entry.path}` does not fit this run: {str(error).splitlines()[0]}"
            ) from error

    def _prune(self, newest: Entry) -> None:
        """Deletes all but the last ones and the best, and what interrupted saves left behind.

        What lies ahead of the newest was written before the run went back: it is made again. What has
        a damaged manifest is left alone: it may be sound.
        """
        entries = [entry for entry in self.entries() if entry.step <= newest.step]
        best = max((e for e in entries if e.top1 is not None), key=_merit, default=None)
        kept = {*entries[:KEPT], *([] if best is None else [best])}
        files = {file for entry in kept for file in (entry.path, entry.manifest)}
        vouched = {entry.step for entry in self.entries()}
        damaged = {
            step
            for path in self.folder.glob("step-*.json")
            if (step := _step_of(path)) not in vouched and step < newest.step
        }
        for suffix in ("json", "pt"):
            for path in self.folder.glob(f"step-*.{suffix}"):
                if path not in files and _step_of(path) not in damaged:
                    path.unlink(missing_ok=True)
        remove_temporaries(self.folder)


def _merit(entry: Entry) -> tuple[float, int]:
    return (entry.top1 or 0.0, entry.step)


class _Hashed:
    """A file that hashes what is written to it, and keeps what the disk refuses for later.

    `torch.save` writes from C++, which an exception does not leave in order.
    """

    def __init__(self, file: FileIO) -> None:
        self.refusal: OSError | None = None
        self.size = 0
        self._file = file
        self._hash = sha256()

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        try:
            while view and self.refusal is None:
                view = view[self._file.write(view) :]
        except OSError as error:
            self.refusal = error
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _write(path: Path, content: Content) -> tuple[str, int]:
    """Puts `content` at `path`, whole; returns the sha256 and the size of what was written."""
    with replacing(path) as temporary:
        with FileIO(temporary, "wb") as file:
            hashed = _Hashed(file)
            torch.save(content, hashed)  # type: ignore[arg-type]  # it only writes
        if hashed.refusal is not None:
            raise hashed.refusal
    return hashed.hexdigest(), hashed.size


def _step_of(path: Path) -> int:
    """The step in the name of a checkpoint or its manifest; 0 where there is none."""
    found = re.fullmatch(r"step-(\d{1,18})(-\d+)?\.(pt|json)", path.name, re.ASCII)
    return int(found[1]) if found else 0


def _write_manifest(entry: Entry) -> None:
    content = {
        "step": entry.step,
        "file": entry.path.name,
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "top1": entry.top1,
    }
    with replacing(entry.manifest) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read_manifest(path: Path) -> Entry | None:
    """The entry that a manifest speaks of; None where it is not a manifest of ours."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_MANIFEST_BYTES))
        step, name, top1 = int(content["step"]), content["file"], content["top1"]
        if path.name != f"step-{step}.json" or not re.fullmatch(rf"step-{step}(-\d+)?\.pt", name):
            return None
        merit = None if top1 is None else float(top1)
        entry = Entry(
            path.with_name(name), step, str(content["sha256"]), int(content["bytes"]), merit
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry


def _read(path: Path) -> dict[str, Any] | str:
    """The content of a checkpoint, or what is wrong with it. Runs no code from the file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        return "it holds more than tensors and plain values, and such a file could run code"
    except (OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        return f"it cannot be read: {str(error).splitlines()[0]}"
    return content if isinstance(content, dict) else "it holds no training state"
