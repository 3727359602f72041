"""`archgen diff`: what a change of a network means in shapes, params, cost and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, format_option
from archgen.cli.report import note_findings, paint_lines, reports_findings, status_of
from archgen.cli.terminal import write, write_lines
from archgen.diagnostics import SpecError

if TYPE_CHECKING:
    from archgen.diff import Difference
    from archgen.ir.shaped import ShapedNetwork

BREAKING = {"numerics": "NUMERICS", "weights": "WEIGHT_BREAKING", "shape": "SHAPE_BREAKING"}


class Side(NamedTuple):
    """One of the two specs: its network, where there is one, and the status of its findings."""

    name: str
    network: ShapedNetwork | None
    status: int


@click.command(
    epilog=example(
        "archgen diff inception_resnet_v1 inception_resnet_v2",
        "archgen diff main:specs/net.yaml specs/net.yaml --format markdown",
        "archgen diff HEAD~1:specs/net.yaml HEAD:specs/net.yaml --breaking weights",
    )
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the networks differ.")
@click.option(
    "--breaking",
    type=click.Choice(tuple(BREAKING)),
    help="Exit with 1 where the change breaks this, or more: for CI.",
)
@format_option("text", "markdown", "json")
@common_options
@reports_findings
def diff(before: str, after: str, exit_code: bool, breaking: str | None, output_format: str) -> int:
    """Show what has become of the network A in B.

    A and B are paths, names of specs that come with archgen, or REV:path for a file as it was in a
    revision of git. First what was changed, each with its line; then what that does to each part:
    `~` was changed, `>` is another only by what it gets, `+` is new and `-` is gone. The status is 0
    unless --exit-code or --breaking asks for another, or a spec is wrong.
    """
    sides = _side(before), _side(after)
    broken = max(side.status for side in sides)
    if sides[0].network is None or sides[1].network is None:
        _show_alone(next((side for side in sides if side.network is not None), None))
        return broken or FINDINGS
    from archgen.diff import Severity, compare

    difference = compare(sides[0].network, sides[1].network)
    _show(difference, (sides[0].name, sides[1].name), output_format)
    if broken != SOUND:
        return broken
    fails = exit_code and difference.severity > Severity.EQUAL
    fails |= breaking is not None and difference.severity >= Severity[BREAKING[breaking]]
    return FINDINGS if fails else SOUND


def _side(target: str) -> Side:
    """One spec, compiled as far as it goes; what is wrong with it is told on stderr."""
    from archgen import pipeline
    from archgen.cli.locate import read_target
    from archgen.cli.revisions import open_revision, split_revision

    parts = split_revision(target)
    try:
        if parts is None:
            compilation = pipeline.check(read_target(target))
        else:
            revision = open_revision(target, parts[0])
            start = Path.cwd() if parts[1].startswith(("./", "../")) else revision.root
            text = revision.read(start / parts[1], within=revision.root)
            compilation = pipeline.check(text, read=revision.read)
        network = compilation.network or compilation.sound_network()
    except SpecError as error:
        note_findings(error.diagnostics, error.sources)
        return Side(target, None, status_of(error.diagnostics))
    status = status_of(compilation.diagnostics)
    if status != SOUND:
        note_findings(compilation.diagnostics, compilation.sources, "concise")
    return Side(target, network, status)


def _show(difference: Difference, names: tuple[str, str], output_format: str) -> None:
    from archgen.diff import difference_document, difference_markdown, difference_text

    if output_format == "json":
        write_lines([json.dumps(difference_document(difference, names), indent=2)])
    elif output_format == "markdown":
        write(difference_markdown(difference, names))
    else:
        write_lines(paint_lines(difference_text(difference, names)))


def _show_alone(side: Side | None) -> None:
    """The summary of the one spec that there is something to say of."""
    if side is None or side.network is None:
        return
    from archgen.render import outline, summary_table

    write_lines(paint_lines(summary_table(outline(side.network, 1, ()), {})))
