"""`archgen show`: a network as it was understood, step by step, and who set a value of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, format_option, spec_argument
from archgen.cli.report import note_findings, paint_lines, reports_findings, status_of
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.cli.networks import Compiled
    from archgen.render import Line


@click.command(
    epilog=example(
        "archgen show inception_v4 --resolved",
        "archgen show inception_v4 --why reduction_a.b3x3.conv.filters",
        "archgen show inception_v4 --why inception_a.0.pool.avg_pool",
    )
)
@spec_argument
@click.option(
    "--resolved",
    is_flag=True,
    help="The flat network: every step with all its settings and shapes.",
)
@click.option(
    "--why", "path", metavar="PATH", help="Who set a setting, or every one of a step: line by line."
)
@format_option("text", "json")
@common_options
@reports_findings
def show(spec: str, resolved: bool, path: str | None, output_format: str) -> int:
    """Show a network step by step, with every setting.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. Names are
    looked up, defaults filled in, expressions computed; equal instances of a repeat are one line
    (`inception_a.0..3`). What cannot be known because of an error is a question mark, and the exit
    status is 1.

    --why PATH says where a value comes from: the step's own line, the use of its block, a variant, a
    param, `defaults:` of a file or library, the op, an `edit:`; and what it took the place of. PATH is
    that of a step or of one of its settings, as --resolved or an edit writes it.
    """
    from archgen.cli.networks import compile_network

    if resolved == (path is not None):
        raise click.UsageError("say what to show: --resolved, or --why PATH")
    compiled = compile_network(spec)
    document, lines = _steps(compiled) if path is None else _why(compiled, path)
    if output_format == "json":
        write_lines([json.dumps(document, indent=2)])
    else:
        write_lines(paint_lines(lines))
    status = status_of(compiled.diagnostics)
    if status != SOUND:
        note_findings(compiled.diagnostics, compiled.sources, "concise")
    return FINDINGS if status != SOUND else SOUND


def _steps(compiled: Compiled) -> tuple[object, Iterable[Line]]:
    from archgen.render.steps import steps, steps_document, steps_text

    network = steps(compiled.network)
    return steps_document(network), steps_text(network)


def _why(compiled: Compiled, path: str) -> tuple[object, Iterable[Line]]:
    from archgen.render.why import why_document, why_text
    from archgen.why import NoSuchPlace, why

    try:
        found = why(compiled.network, path, compiled.edits)
    except NoSuchPlace as error:
        raise click.UsageError(str(error)) from None
    return why_document(found, compiled.sources), why_text(found, compiled.sources)
