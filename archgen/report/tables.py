"""The tables of a report: what came of each run, where their settings differ, how to run them again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from archgen.report.runs import RunRecord, Tested

ABSENT = "–"
SURROUNDINGS = ("device", "processes", "threads", "torch", "python", "changes")
DATA = ("train", "test")


class Table(NamedTuple):
    """Heads, and rows of as many cells; the first column names the row."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


RESULTS: tuple[tuple[str, Callable[[RunRecord], str]], ...] = (
    ("network", lambda run: run.network),
    ("status", lambda run: run.status),
    ("epochs", lambda run: f"{run.epochs:.4g}"),
    ("top-1 error", lambda run: _last(run, lambda tested: tested.top1)),
    ("best", lambda run: _best(run, lambda tested: tested.top1)),
    ("top-5 error", lambda run: _last(run, lambda tested: tested.top5)),
    ("best", lambda run: _best(run, lambda tested: tested.top5)),
    ("test loss", lambda run: f"{run.tested[-1].loss:.4f}" if run.tested else ABSENT),
    ("img/s", lambda run: _typical("{:,.0f}", [t.images_per_second for t in run.trained])),
    ("data wait", lambda run: _typical("{:.1%}", [t.data_wait for t in run.trained])),
)


def results(runs: Sequence[RunRecord]) -> Table:
    """A row for each run: its last and its best evaluation, and how fast it went (medians)."""
    heads = ("run", *(head for head, _ in RESULTS))
    return Table(heads, tuple((run.name, *(cell(run) for _, cell in RESULTS)) for run in runs))


def _last(run: RunRecord, share: Callable[[Tested], float]) -> str:
    return f"{1 - share(run.tested[-1]):.2%}" if run.tested else ABSENT


def _best(run: RunRecord, share: Callable[[Tested], float]) -> str:
    if not run.tested:
        return ABSENT
    best = max(run.tested, key=share)  # the first of equals
    return f"{1 - share(best):.2%} at {best.epoch:.4g}"


def _typical(form: str, values: Sequence[float]) -> str:
    """The median, the first report left out: it pays for what is made once."""
    steady = values[1:] or values
    return form.format(median(steady)) if steady else ABSENT


def settings(runs: Sequence[RunRecord]) -> Table:
    """A row for each setting that is not the same in all runs; of one run, all that it has."""
    known = [_known(run) for run in runs]
    names = dict.fromkeys(name for settings in known for name in settings)
    rows = [(name, *(settings.get(name, ABSENT) for settings in known)) for name in names]
    kept = [row for row in rows if len(runs) == 1 or len(set(row[1:])) > 1]
    return Table(("setting", *(run.name for run in runs)), tuple(kept))


def _known(run: RunRecord) -> dict[str, str]:
    """What decides the numbers of a run: network, data, recipe, seed; then what it ran on."""
    facts = run.facts
    before = {
        "network": run.network,
        "network's sha256": facts.get("spec_sha256", ABSENT)[:16],
        **{f"{split} images": facts.get(split, ABSENT) for split in DATA},
        "seed": facts.get("seed", ABSENT),
    }
    recipe = {name: value for name, value in run.settings.items() if name != "seed"}
    return {**before, **recipe, **{name: facts.get(name, ABSENT) for name in SURROUNDINGS}}


def commands(run: RunRecord) -> tuple[str, ...]:
    """What to type to run it again, from the files that it keeps, and to measure its weights again."""
    spec, recipe = (shlex.quote(str(run.path / name)) for name in ("spec.yaml", "recipe.yaml"))
    data, seed = run.facts.get("data"), run.facts.get("seed")
    words = ["archgen train", spec, "--recipe", recipe]
    words += ["--data", shlex.quote(data)] if data else []
    words += ["--seed", shlex.quote(seed)] if seed else []
    return (" ".join([*words, "--out NEW"]), f"archgen eval {shlex.quote(str(run.path))}")
