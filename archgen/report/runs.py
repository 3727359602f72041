"""What a run folder says, read as what a stranger may have written: bounded, and nothing trusted."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

from archgen.diagnostics import Findings, SpecError
from archgen.harmless import harmless
from archgen.spec.document import MappingNode, Node, SequenceNode, parse, plain
from archgen.spec.files import read_spec

MAX_METRICS_BYTES = 2**28  # a million reports
MAX_LINE_BYTES = 2**16
MAX_TEXT = 200
MAX_SETTINGS = 500
MAX_FIGURE = 1e15
_OPENING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
Facts: TypeAlias = Mapping[str, object]


class CannotReport(Exception):
    """There is no run to report on; the message says where and why."""


class Trained(NamedTuple):
    """Training over a few steps, up to one."""

    step: int
    epoch: float
    loss: float
    top1: float
    learning_rate: float
    images_per_second: float
    data_wait: float


class Tested(NamedTuple):
    """An evaluation after a step; top-1 and top-5 are shares of the `images`."""

    step: int
    epoch: float
    images: int
    loss: float
    top1: float
    top5: float


class LeftOut(NamedTuple):
    """An image that the run goes without; no curve shows it."""

    step: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: what it is called, what was trained and how, and its reports in the order of steps.

    Texts are harmless to show and bounded. `settings` are those of the recipe, by dotted name, and
    `unread` counts the lines of `metrics.jsonl` that are no report, a torn last one left out.
    """

    name: str
    path: Path
    network: str
    is_residual: bool
    facts: Mapping[str, str]
    settings: Mapping[str, str]
    trained: tuple[Trained, ...]
    tested: tuple[Tested, ...]
    unread: int

    @property
    def status(self) -> str:
        """What the run last said of itself."""
        return self.facts.get("status", "unknown")

    @property
    def epochs(self) -> float:
        """How far its reports go."""
        trained = [point.epoch for point in self.trained]
        return max([*trained, *(point.epoch for point in self.tested)], default=0.0)

    def called(self, name: str) -> RunRecord:
        """The same run under another name."""
        return replace(self, name=name)


def read_run(path: Path) -> RunRecord:
    """The record of the run in a folder. Raises `CannotReport` where there is none.

    A run that is under way or was killed is read as far as it is.
    """
    facts = _facts(path / "run.json")
    spec = _document(path / "spec.yaml")
    recipe = _document(path / "recipe.yaml")
    trained, tested, unread = _reports(path / "metrics.jsonl")
    return RunRecord(
        name=_text(path.resolve().name),
        path=path,
        network=_text(plain(found) if (found := spec and spec.get("name")) else "unknown"),
        is_residual=spec is not None and _mentions(spec, "residual"),
        facts=facts,
        settings=_settings(recipe),
        trained=trained,
        tested=tested,
        unread=unread,
    )


def _text(value: object) -> str:
    """A value that a stranger wrote, as a short line."""
    text = value if isinstance(value, str) else json.dumps(value)
    return harmless(text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}...")


def _facts(path: Path) -> dict[str, str]:
    """The texts and numbers of `run.json`; those of a mapping under dotted names."""
    try:
        facts = json.loads(read_spec(path).text)
    except SpecError as error:
        if not path.exists():
            raise CannotReport(f"`{path.parent}` holds no run: there is no `{path.name}`") from None
        raise CannotReport(f"`{path}`: {error.diagnostics[0].message}") from None
    except (ValueError, RecursionError) as error:
        raise CannotReport(f"`{path}` does not describe a run: {error}") from None
    if not isinstance(facts, dict):
        raise CannotReport(f"`{path}` does not describe a run")
    changes = _changes(facts.pop("changes", None))
    found = {_text(name): _text(value) for name, value in _flat(facts)}
    return {**found, "changes": changes} if changes else found


def _changes(recorded: object) -> str:
    """What the run changed on its way, as one text: `from step 12 on: processes 1 -> 2`."""
    told = []
    for change in islice(recorded if isinstance(recorded, list) else [], MAX_SETTINGS):
        if isinstance(change, dict) and {"step", "setting", "before", "after"} <= change.keys():
            step, *words = (_text(change[key]) for key in ("step", "setting", "before", "after"))
            told.append("from step {} on: {} {} -> {}".format(step, *words))
    return _text("; ".join(told))


def _document(path: Path) -> MappingNode | None:
    """A YAML file of the run; None where there is none or it cannot be read."""
    try:
        text = read_spec(path)
    except SpecError:
        return None
    root = parse(text.text, text.source, Findings())
    return root if isinstance(root, MappingNode) else None


def _mentions(node: Node, key: str) -> bool:
    """Whether a mapping somewhere in a document has a key."""
    match node:
        case MappingNode():
            return node.get(key) is not None or any(_mentions(v, key) for _, v in node.entries)
        case SequenceNode():
            return any(_mentions(item, key) for item in node.items)
        case _:
            return False


def _settings(root: MappingNode | None) -> dict[str, str]:
    recipe = root.get("recipe") if root else None
    if not isinstance(recipe, MappingNode):
        return {}
    settings = plain(recipe)
    assert isinstance(settings, dict)
    return {_text(name): _text(value) for name, value in islice(_flat(settings), MAX_SETTINGS)}


def _flat(settings: Mapping[str, object], owner: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{owner}{name}.")
        else:
            yield f"{owner}{name}", value


def _reports(path: Path) -> tuple[tuple[Trained, ...], tuple[Tested, ...], int]:
    """What was reported, by step, the later word on a step counting; and how much was no report."""
    trained: dict[int, Trained] = {}
    tested: dict[int, Tested] = {}
    unread = 0
    for line in _lines(path):
        point = _report(line)
        match point:
            case Trained():
                trained[point.step] = point
            case Tested():
                tested[point.step] = point
            case LeftOut():
                pass
            case None:
                unread += line.endswith(b"\n")  # without it, a process may be writing it right now
    in_order = tuple(trained[step] for step in sorted(trained))
    return in_order, tuple(tested[step] for step in sorted(tested)), unread


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a regular file, up to `MAX_METRICS_BYTES`; nothing where there is none yet."""
    try:
        with os.fdopen(os.open(path, _OPENING), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CannotReport(f"`{path}` is no regular file")
            yield from _bounded(file)
    except FileNotFoundError:
        return
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotReport(f"`{path}` cannot be read: {reason}") from None


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    left = MAX_METRICS_BYTES
    while left > 0 and (line := file.readline(min(left, MAX_LINE_BYTES))):
        left -= len(line)
        yield line


def _report(line: bytes) -> Trained | Tested | LeftOut | None:
    """A whole line as what it reports; None where it is none."""
    try:
        report = json.loads(line)
        match report["kind"]:
            case "train":
                return _trained(report)
            case "test":
                return _tested(report)
            case "left_out":
                return LeftOut(_count(report, "step"))
    except (ValueError, OverflowError, KeyError, TypeError, RecursionError):
        pass
    return None


def _trained(report: Facts) -> Trained:
    return Trained(
        step=_count(report, "step"),
        epoch=_number(report, "epoch"),
        loss=_number(report, "loss"),
        top1=_share(report, "top1"),
        learning_rate=_number(report, "learning_rate"),
        images_per_second=_number(report, "images_per_second"),
        data_wait=_share(report, "data_wait"),
    )


def _tested(report: Facts) -> Tested:
    return Tested(
        step=_count(report, "step"),
        epoch=_number(report, "epoch"),
        images=_count(report, "count"),
        loss=_number(report, "loss"),
        top1=_share(report, "top1"),
        top5=_share(report, "top5"),
    )


def _number(report: Facts, name: str) -> float:
    """A figure of a report. Raises TypeError or ValueError for what is none: ours are not below 0."""
    value = report[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(name)
    if not (math.isfinite(value) and 0 <= value < MAX_FIGURE):
        raise ValueError(name)
    return float(value)


def _count(report: Facts, name: str) -> int:
    return int(_number(report, name))


def _share(report: Facts, name: str) -> float:
    value = _number(report, name)
    if value > 1:
        raise ValueError(name)
    return value
