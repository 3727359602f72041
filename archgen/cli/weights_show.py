"""`archgen weights show`: what a file of weights holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example, format_option, part_option
from archgen.cli.report import paint_lines, reports_findings
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.render import Line
    from archgen.weights.checkpoint import Checkpoint

SCHEMA = 1
MAX_METADATA = 200  # letters of a value in the table; the document for programs has all


@click.command(
    "show",
    epilog=example(
        "archgen weights show model.safetensors",
        "archgen weights show inception_v4.ckpt --format json",
    ),
)
@click.argument("file", metavar="FILE")
@part_option
@format_option("table", "json")
@common_options
@reports_findings
def show(file: str, part: str, output_format: str) -> int:
    """Show the tensors of a file: names, shapes, types, sizes; its metadata and its hash.

    FILE is of safetensors, torch or TensorFlow, told by its content. Of a TensorFlow checkpoint
    of several files, name the index, or what the names of all begin with.
    """
    from archgen.cli.checkpoints import opened, require_weights

    require_weights()
    with opened(file, part) as checkpoint:
        if output_format == "json":
            write_lines([json.dumps(_document(checkpoint), indent=2)])
        else:
            write_lines(paint_lines(_table(checkpoint)))
    return SOUND


def _document(checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "file": str(checkpoint.path),
        "format": checkpoint.format,
        "sha256": checkpoint.sha256(),
        "metadata": dict(checkpoint.metadata),
        "tensors": [
            {"name": name, "shape": list(entry.shape), "dtype": entry.dtype, "bytes": entry.size}
            for name, entry in checkpoint.entries.items()
        ],
    }


def _table(checkpoint: Checkpoint) -> Iterator[Line]:
    from archgen.render import Line, aligned
    from archgen.weights.leaves import shown_shape

    entries = checkpoint.entries.values()
    yield Line(f"{checkpoint.path}: {checkpoint.format}, {len(entries):,} tensors", "head")
    for note in checkpoint.notes:
        yield Line(f"  {note}")
    yield Line("")
    rows = [
        (name, shown_shape(entry.shape), entry.dtype, _bytes(entry.size))
        for name, entry in checkpoint.entries.items()
    ]
    total = (
        "",
        f"{sum(math.prod(e.shape) for e in entries):,} numbers",
        "",
        _bytes(sum(e.size for e in entries)),
    )
    head, *lines = aligned([("tensor", "shape", "type", "size"), *rows, total], left=3)
    yield Line(f"  {head}", "head")
    yield from (Line(f"  {line}") for line in lines)
    yield Line("")
    for key, value in checkpoint.metadata.items():
        yield Line(f"  {key}: {_brief(value)}")
    yield Line(f"  sha256: {checkpoint.sha256()}")


def _bytes(size: int) -> str:
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= least:
            return f"{size / least:,.1f} {unit}"
    return f"{size} B"


def _brief(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= MAX_METADATA else f"{line[:MAX_METADATA]}..."
