"""`archgen render`: pictures of a network and of its blocks."""

from __future__ import annotations

from pathlib import Path

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, complete_blocks, example, spec_argument
from archgen.cli.report import note_findings, reports_findings, status_of
from archgen.cli.terminal import note

FORMATS = ("svg", "png", "pdf", "html", "tex", "mmd", "dot", "json")


@click.command(
    epilog=example(
        "archgen render inception_v4 -o inception_v4.svg",
        "archgen render inception_v4 --block reduction_a -o reduction_a.pdf",
        "archgen render inception_v4 -o inception_v4.html",
    )
)
@spec_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="svg, png, pdf, html, tex, mmd, dot or json.",
)
@click.option(
    "--block",
    metavar="NAME",
    shell_complete=complete_blocks,
    help="Draw this block, by its name or its path.",
)
@click.option(
    "--depth",
    type=click.IntRange(1, 9),
    default=1,
    show_default=True,
    help="Draw blocks opened, so many levels deep.",
)
@click.option(
    "--style",
    type=click.Choice(["paper", "color", "dark"]),
    default="paper",
    show_default=True,
    help="Which colours.",
)
@common_options
@reports_findings
def render(spec: str, output: str, block: str | None, depth: int, style: str) -> int:
    """Draw a network, or one of its blocks, as the paper's figures do.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. The suffix of
    FILE says the format: html is a page to explore, tex a TikZ picture, mmd is for Mermaid, dot for
    Graphviz and json for Model Explorer. What an error hides is a question mark, what is wrong is
    red, and the exit status is then 1.
    """
    from archgen.cli.networks import compile_network
    from archgen.cli.picturing import Wish, picture

    picture_format = Path(output).suffix.lower().removeprefix(".")
    if picture_format not in FORMATS:
        *others, last = FORMATS
        raise click.UsageError(f"`{output}` must end in .{', .'.join(others)} or .{last}")
    compiled = compile_network(spec)
    made = picture(compiled, Wish(picture_format, block, depth, style))
    _write(Path(output), made, [Path(name) for name in compiled.sources])
    status = status_of(compiled.diagnostics)
    if status != SOUND:
        note_findings(compiled.diagnostics, compiled.sources, "concise")
    return FINDINGS if status != SOUND else SOUND


def _write(path: Path, made: bytes, sources: list[Path]) -> None:
    from archgen.cli.write_file import CannotWrite, write_file

    try:
        write_file(path, made, never=sources)
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    note(f"wrote {path}")
