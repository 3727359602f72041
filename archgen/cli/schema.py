"""`archgen schema`: the JSON Schema with which an editor knows specs and recipes."""

from __future__ import annotations

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example
from archgen.cli.report import reports_findings
from archgen.cli.terminal import write


@click.command(
    epilog=example(
        "archgen schema > archgen.schema.json",
        "archgen schema --for specs/inception_v4.yaml > inception_v4.schema.json",
    )
)
@click.option(
    "--for",
    "spec",
    metavar="SPEC",
    help="Know the blocks of this file and of its libraries too, and their params.",
)
@common_options
@reports_findings
def schema(spec: str | None) -> int:
    """Print the JSON Schema (draft-07) of specs, recipes and the other kinds of file.

    An editor with a YAML language server completes and checks keys and values with it, and shows
    what they mean. With --for, SPEC is a path, the name of a spec that comes with archgen, or - for
    standard input, and a misspelt block is found as well.
    """
    from archgen.schema import general_schema, schema_text

    write(schema_text(general_schema() if spec is None else _schema_for(spec)))
    return SOUND


def _schema_for(target: str) -> dict[str, object]:
    """The schema of one file, where it has blocks; else the general one. Raises SpecError without a file."""
    from archgen.cli.locate import kind_of_text, read_target
    from archgen.diagnostics import Findings, SpecError
    from archgen.schema import file_schema, general_schema
    from archgen.spec.loader import load

    text = read_target(target)
    if kind_of_text(text.text) in ("recipe", "preparation", "weights"):
        return general_schema()
    file = load(text, findings := Findings())
    if file is None:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return file_schema(file)
