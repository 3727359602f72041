"""`archgen profile`: where the time and the memory of a training step go, block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import (
    common_options,
    device_option,
    example,
    format_option,
    spec_argument,
)
from archgen.cli.report import paint_lines, reports_findings
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    from archgen.cli.training import Trainable
    from archgen.render import Line
    from archgen.render.outline import Row
    from archgen.train import Recipe
    from archgen.train.profiling import Spent, StepProfile

SCHEMA = 1
COLUMNS = ("block", "output", "forward ms", "backward ms", "both ms", "%", "kept MB")
REST = "loss, and what is no module"


@click.command(
    epilog=example(
        "archgen profile inception_resnet_mini",
        "archgen profile inception_v4 --batch 32 --depth 2 --device cuda",
    )
)
@spec_argument
@click.option(
    "--batch", type=click.IntRange(2, 10**6), default=8, show_default=True, help="Images a step."
)
@click.option(
    "--steps",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="How many to average.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Levels of blocks to show.",
)
@click.option(
    "--recipe", metavar="FILE", help="Whose optimizer and precision; without it the quick one."
)
@device_option
@format_option("table", "json")
@common_options
@reports_findings
def profile(
    spec: str,
    batch: int,
    steps: int,
    depth: int,
    recipe: str | None,
    device: str,
    output_format: str,
) -> int:
    """Show where the time and the memory of a training step go.

    Takes steps as training does, on random images of the network's input, and gives each block its
    share of the forward and of the backward pass, in milliseconds, and what its forward pass keeps for
    the backward pass, in MB. The profiler makes steps slower: the last lines say by how much.
    """
    from archgen.cli.training import named_recipe, require_training, told_plainly

    require_training()
    with told_plainly():
        said = {"batch": batch, "compile": False, "activation_checkpointing": False}
        plan = named_recipe(recipe).model_copy(update=said)
        shown = _measured(spec, plan, device, steps, depth)
    if output_format == "json":
        write_lines([json.dumps(shown.document(), indent=2)])
    else:
        write_lines(paint_lines(shown.table()))
    return SOUND


def _measured(spec: str, plan: Recipe, device: str, steps: int, depth: int) -> Shown:
    from archgen.cli.locate import read_target
    from archgen.cli.training import make_trainable
    from archgen.render.outline import outline
    from archgen.train.computing import described_device
    from archgen.train.devices import check_precision, choose_device
    from archgen.train.losses import Objective
    from archgen.train.profiling import profile_step

    place = choose_device(device)
    check_precision(plan.precision, place)
    made = make_trainable(read_target(spec), None, plan.seed)
    module = made.module.to(place)
    note(f"measuring on {described_device(module)}")
    shape = made.network.network.input
    assert shape.grid is not None
    objective = Objective(_classes(made), plan.label_smoothing, made.aux_weights)
    found = profile_step(module, plan, objective, (shape.channels, *shape.grid), steps)
    rows = outline(made.network, depth)
    return Shown(made.network.network.title, plan.batch, (*rows.rows, *rows.heads), found)


def _classes(made: Trainable) -> int:
    output = made.network.output
    assert output is not None
    return output.channels


class Shown(NamedTuple):
    """What was measured, beside the rows of the network."""

    name: str
    batch: int
    rows: tuple[Row, ...]
    found: StepProfile

    def table(self) -> Iterator[Line]:
        """A row for each block, in milliseconds and MB, then the totals and what the profiler costs."""
        from archgen.render.table import Line, aligned
        from archgen.train.profiling import Spent

        yield Line(
            f"{self.name}: a step of {self.batch} images, mean of {self.found.steps}", "head"
        )
        yield Line("")
        cells = [*self._cells(self.rows, 0), self._line(REST, self.found.modules.get("", Spent()))]
        step = self.found.optimizer
        cells += [("optimizer", "", "", "", _ms(step), self._share(step), "")]
        total = self._line("total", self.found.total)
        cells += [(*total[:4], _ms(self._seconds), self._share(self._seconds), total[6])]
        head, *body = aligned([COLUMNS, *cells], left=2)
        yield Line(head, "head")
        yield from map(Line, body)
        yield Line("")
        yield from map(Line, self._remarks())

    def _cells(self, rows: tuple[Row, ...], level: int) -> Iterator[tuple[str, ...]]:
        for row in rows:
            name = f"{row.repeat} x {row.name}" if row.repeat > 1 else row.name
            yield self._line("  " * level + name, self.found.within(row.path), str(row.output))
            yield from self._cells(row.children, level + 1)

    def _line(self, name: str, spent: Spent | None, output: str = "") -> tuple[str, ...]:
        """A row; empty cells for what is no module."""
        if spent is None:
            return (name, output, "", "", "", "", "")
        times = map(_ms, (spent.forward, spent.backward, spent.seconds))
        return (name, output, *times, self._share(spent.seconds), f"{spent.kept / 1e6:,.1f}")

    @property
    def _seconds(self) -> float:
        return self.found.total.seconds + self.found.optimizer

    def _share(self, seconds: float) -> str:
        return f"{100 * seconds / self._seconds:.1f}"

    def _remarks(self) -> Iterator[str]:
        found = self.found
        slower = found.profiled / found.plain - 1
        yield (
            f"a step takes {_ms(found.plain)} ms by the clock, and {_ms(found.profiled)} ms "
            f"under the profiler ({slower:+.0%}): the shares hold better than the milliseconds"
        )
        if found.peak is not None:
            yield f"most bytes of tensors at a time: {found.peak / 1e6:,.1f} MB"

    def document(self) -> dict[str, object]:
        """All of it as plain data, in seconds and bytes."""
        found = self.found
        return {
            "schema": SCHEMA,
            "name": self.name,
            "batch": self.batch,
            "steps": found.steps,
            "step_seconds": found.plain,
            "profiled_step_seconds": found.profiled,
            "peak_bytes": found.peak,
            "blocks": [self._document(row) for row in self.rows],
            "rest": _figures(found.modules.get("")),
            "optimizer_seconds": found.optimizer,
            "total": _figures(found.total),
        }

    def _document(self, row: Row) -> dict[str, object]:
        return {
            "path": row.path,
            "name": row.name,
            "repeat": row.repeat,
            **_figures(self.found.within(row.path)),
            "children": [self._document(child) for child in row.children],
        }


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}"


def _figures(spent: Spent | None) -> dict[str, float | None]:
    if spent is None:
        return {"forward_seconds": None, "backward_seconds": None, "kept_bytes": None}
    return {
        "forward_seconds": spent.forward,
        "backward_seconds": spent.backward,
        "kept_bytes": spent.kept,
    }
