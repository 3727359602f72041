"""`archgen summary`: what a network consists of and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, format_option, spec_argument
from archgen.cli.report import note_findings, paint_lines, reports_findings, status_of
from archgen.cli.terminal import write, write_lines

if TYPE_CHECKING:
    from archgen.ir.shape import Shape
    from archgen.ir.shaped import ShapedNetwork
    from archgen.legal_sizes import LegalSizes

FACTS = {"grid": "input sizes", "height": "input heights", "width": "input widths"}


def _read_input(_ctx: click.Context, _option: click.Parameter, text: str | None) -> Shape | None:
    """`3x299x299` as a shape."""
    if text is None:
        return None
    from archgen.ir.shape import Grid, Shape

    sides = text.lower().split("x")
    if len(sides) != 3 or not all(side.isascii() and side.isdigit() for side in sides):
        raise click.BadParameter("write channels, height and width, as in 3x299x299")
    channels, height, width = map(int, sides)
    if not all(1 <= side <= 65536 for side in (channels, height, width)):
        raise click.BadParameter("each number must be from 1 to 65536")
    return Shape(channels, Grid(height, width))


@click.command(
    epilog=example(
        "archgen summary inception_v4",
        "archgen summary specs/inception_v4.yaml --depth 2 --input 3x512x512",
        "archgen summary resnet_152 --format json",
    )
)
@spec_argument
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many levels of blocks and branches to show.",
)
@click.option("--input", "size", metavar="CxHxW", callback=_read_input, help="Another input.")
@format_option("table", "markdown", "csv", "json")
@common_options
@reports_findings
def summary(spec: str, depth: int, size: Shape | None, output_format: str) -> int:
    """Show shapes, params and MACs of a network.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. Params and
    MACs are those of evaluation; the rows under a row add up to it, repeats multiplied. What cannot
    be known because of an error is a question mark, and the exit status is 1.
    """
    from archgen.cli.networks import compile_network
    from archgen.render.outline import outline
    from archgen.render.summary import (
        summary_csv,
        summary_document,
        summary_markdown,
        summary_table,
    )

    compiled = compile_network(spec, size)
    network = compiled.network
    status = status_of(compiled.diagnostics)
    sizes = _input_sizes(network) if status == SOUND else {}
    rows = outline(network, depth, compiled.diagnostics)
    if output_format == "json":
        document = summary_document(rows, {k: _size_document(s) for k, s in sizes.items()})
        write_lines([json.dumps(document, indent=2)])
    elif output_format == "csv":
        write(summary_csv(rows))
    elif output_format == "markdown":
        write(f"{summary_markdown(rows)}\n")
    else:
        facts = {FACTS[name]: _phrase(found) for name, found in sizes.items()}
        if compiled.smallest is not None:
            facts["smallest input"] = f"{compiled.smallest}x{compiled.smallest}"
        write_lines(paint_lines(summary_table(rows, facts)))
    if status != SOUND:
        note_findings(compiled.diagnostics, compiled.sources, "concise")
    return FINDINGS if status != SOUND else SOUND


def _input_sizes(network: ShapedNetwork) -> dict[str, tuple[LegalSizes, LegalSizes | None]]:
    """The legal sizes in evaluation, and those in training where these are others."""
    from archgen.legal_sizes import legal_sizes

    sizes = legal_sizes(network)
    has_training_heads = any(head.head.training_only for head in network.heads)
    training = legal_sizes(network, in_training=True) if has_training_heads else sizes
    return {
        name: (found, training[name] if str(training[name]) != str(found) else None)
        for name, found in sizes.items()
    }


def _phrase(sizes: tuple[LegalSizes, LegalSizes | None]) -> str:
    found, training = sizes
    return f"{found}; in training {training}" if training is not None else str(found)


def _size_document(sizes: tuple[LegalSizes, LegalSizes | None]) -> dict[str, object]:
    found, training = sizes
    more = {"training": {"text": str(training), **training._asdict()}} if training else {}
    return {"text": str(found), **found._asdict(), **more}
