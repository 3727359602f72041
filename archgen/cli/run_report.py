"""`archgen report`: runs beside each other, on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example
from archgen.cli.terminal import note

if TYPE_CHECKING:
    from archgen.report import RunRecord

MAX_RUNS = 32
READ = ("run.json", "spec.yaml", "recipe.yaml", "metrics.jsonl")


@click.command(
    epilog=example(
        "archgen report runs/mini -o report.html",
        "archgen report runs/v4 runs/resnet_v2 -o report.html",
    )
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", metavar="FILE", required=True, help="The page, as HTML.")
@common_options
def report(runs: tuple[str, ...], output: str) -> int:
    """Draw the error curves of runs on one page.

    The page has the errors, the loss and the learning rate by epoch, as the paper's Figures 21 to 26
    draw them, what came of each run, where their settings differ, and how to run them again. It is one
    file that loads nothing. A run may still be under way.
    """
    from archgen import __version__
    from archgen.report import CannotReport, page, read_run

    if len(runs) > MAX_RUNS:
        raise click.UsageError(
            f"{len(runs)} runs are more than a page can show: name up to {MAX_RUNS}"
        )
    try:
        records = named_apart([read_run(Path(run)) for run in runs])
    except CannotReport as error:
        raise click.UsageError(str(error)) from None
    _write(Path(output), page(records, __version__), [Path(run) for run in runs])
    return SOUND


def named_apart(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs; where folders share a name, each is called by its path, or by its number too."""
    from archgen.harmless import harmless

    shared = Counter(run.name for run in runs)
    named = [run if shared[run.name] == 1 else run.called(harmless(str(run.path))) for run in runs]
    shared = Counter(run.name for run in named)
    return [
        run if shared[run.name] == 1 else run.called(f"{run.name} ({number})")
        for number, run in enumerate(named, 1)
    ]


def _write(path: Path, text: str, runs: Sequence[Path]) -> None:
    from archgen.cli.write_file import CannotWrite, write_file

    try:
        write_file(path, text, never=[run / name for run in runs for name in READ])
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    note(f"wrote {path}")
