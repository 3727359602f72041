"""`archgen show`: a network as it was understood, step by step."""

from __future__ import annotations

import json

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, format_option, spec_argument
from archgen.cli.report import note_findings, paint_lines, reports_findings, status_of
from archgen.cli.terminal import write_lines


@click.command(epilog=example("archgen show inception_v4 --resolved"))
@spec_argument
@click.option(
    "--resolved",
    is_flag=True,
    required=True,
    help="The flat network: every step with all its settings and shapes.",
)
@format_option("text", "json")
@common_options
@reports_findings
def show(spec: str, resolved: bool, output_format: str) -> int:  # noqa: ARG001  # the one view
    """Show a network step by step, with every setting.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. Names are
    looked up, defaults filled in, expressions computed; equal instances of a repeat are one line
    (`inception_a.0..3`). What cannot be known because of an error is a question mark, and the exit
    status is 1.
    """
    from archgen.cli.networks import compile_network
    from archgen.render.steps import steps, steps_document, steps_text

    compiled = compile_network(spec)
    network = steps(compiled.network)
    if output_format == "json":
        write_lines([json.dumps(steps_document(network), indent=2)])
    else:
        write_lines(paint_lines(steps_text(network)))
    status = status_of(compiled.diagnostics)
    if status != SOUND:
        note_findings(compiled.diagnostics, compiled.sources, "concise")
    return FINDINGS if status != SOUND else SOUND
