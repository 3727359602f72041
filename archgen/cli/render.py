"""`archgen render`: pictures of a network and of its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, complete_blocks, example, spec_argument
from archgen.cli.report import note_findings, reports_findings, status_of
from archgen.cli.terminal import note

if TYPE_CHECKING:
    from archgen.cli.networks import Compiled
    from archgen.render.drawing import Drawing

FORMATS = ("svg", "png", "pdf", "mmd", "dot")
PNG_DPI = 160


@click.command(
    epilog=example(
        "archgen render inception_v4 -o inception_v4.svg",
        "archgen render inception_v4 --block reduction_a -o reduction_a.pdf",
    )
)
@spec_argument
@click.option("-o", "--output", metavar="FILE", required=True, help="svg, png, pdf, mmd or dot.")
@click.option(
    "--block",
    metavar="NAME",
    shell_complete=complete_blocks,
    help="Draw this block, by its name or its path.",
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
def render(spec: str, output: str, block: str | None, style: str) -> int:
    """Draw a network, or one of its blocks, as the paper's figures do.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. The suffix of
    FILE says the format. What an error hides is a question mark, what is wrong is red, and the exit
    status is then 1.
    """
    from archgen.cli.networks import compile_network

    picture_format = Path(output).suffix.lower().removeprefix(".")
    if picture_format not in FORMATS:
        raise click.UsageError(f"`{output}` must end in .{', .'.join(FORMATS[:-1])} or .dot")
    compiled = compile_network(spec)
    picture = _picture(_drawing(compiled, block), style, picture_format)
    _write(Path(output), picture, [Path(name) for name in compiled.sources])
    status = status_of(compiled.diagnostics)
    if status != SOUND:
        note_findings(compiled.diagnostics, compiled.sources, "concise")
    return FINDINGS if status != SOUND else SOUND


def _drawing(compiled: Compiled, block: str | None) -> Drawing:
    from archgen.diagnostics import did_you_mean, listed
    from archgen.render.drafting import Drafter, uses

    drafter = Drafter(compiled.network, compiled.diagnostics)
    if block is None:
        return drafter.overview()
    found = list(uses(compiled.network))
    for use in found:
        if block in (use.path, use.block.block.name, use.block.block.name.rpartition(".")[2]):
            return drafter.block(use.block, use.path, use.start)
    names = [use.path for use in found]
    near = did_you_mean(block, names)
    hint = f"did you mean `{near}`?" if near else f"there are {listed(names)}"
    raise click.UsageError(f"the network uses no block `{block}`: {hint}")


def _picture(drawing: Drawing, style: str, picture_format: str) -> bytes:
    from archgen.render.styles import STYLES

    if picture_format == "mmd":
        from archgen.render.mermaid import mermaid_text

        return mermaid_text(drawing, STYLES[style]).encode()
    try:
        from archgen.render.dot import dot_text
    except ImportError as error:
        told = f"`{error.name}` is not installed: `pip install 'archgen[render]'` brings it"
        raise click.ClickException(told) from None
    from archgen.render.engine import CannotDraw, laid_out

    text = dot_text(drawing, STYLES[style], PNG_DPI if picture_format == "png" else 0)
    if picture_format == "dot":
        return text.encode()
    try:
        return laid_out(text, picture_format)
    except CannotDraw as error:
        raise click.ClickException(str(error)) from None


def _write(path: Path, picture: bytes, sources: list[Path]) -> None:
    from archgen.cli.write_file import CannotWrite, write_file

    try:
        write_file(path, picture, never=sources)
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    note(f"wrote {path}")
