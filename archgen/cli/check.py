"""`archgen check`: every finding in every file, in one run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.options import common_options, example, format_option
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    from archgen.cli.locate import Found
    from archgen.diagnostics import Diagnostic

DEFAULT_FOLDER = "specs"


@click.command(
    epilog=example(
        "archgen check specs",
        "archgen check inception_v4 --format concise",
        "archgen check --as-printed specs/inception_resnet_v2.yaml",
    )
)
@click.argument("targets", nargs=-1, metavar="[PATH|NAME|-]...")
@click.option(
    "--as-printed",
    is_flag=True,
    help="Show what a spec would do with the values that its source prints, errata undone.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@format_option("full", "concise", "json", "github")
@common_options
def check(targets: tuple[str, ...], as_printed: bool, strict: bool, output_format: str) -> int:
    """Say what is wrong with specs, or that nothing is.

    Takes files, folders (searched for specs and recipes), names of specs that come with archgen,
    and - for standard input; without any, the folder specs. Exits with 0 where there are no errors,
    1 where there are, 2 where a file cannot be read.
    """
    from archgen.cli.checking import check_file
    from archgen.cli.report import ordered, print_findings, status_of

    files = _files(targets or _default_targets())
    checked = [check_file(file, as_printed=as_printed) for file in files]
    found = ordered(finding for file in checked for finding in file.diagnostics)
    if as_printed:
        _announce(sum(file.errata for file in checked), output_format)
    sources = {name: text for file in checked for name, text in file.sources.items()}
    if found or output_format == "json":
        print_findings(found, sources, output_format)
    if output_format != "json":
        _close(found, len(files), output_format)
    return status_of(found, strict=strict)


def _default_targets() -> tuple[str, ...]:
    if Path(DEFAULT_FOLDER).is_dir():
        return (DEFAULT_FOLDER,)
    raise click.UsageError(
        f"name a file, a folder or a network: there is no folder `{DEFAULT_FOLDER}` here"
    )


def _files(targets: tuple[str, ...]) -> list[Found]:
    """The files to check; a note tells of each that a folder holds and archgen does not know."""
    from archgen.cli.locate import expand

    files: list[Found] = []
    for found in expand(targets):
        if found.is_checked:
            files.append(found)
        elif found.text is not None:
            what = f"a file of kind {found.kind}" if found.kind else "neither spec nor recipe"
            note(f"passed over {found.text.source}: it is {what}")
    return files


def _announce(errata: int, output_format: str) -> None:
    """Says first that this is not the spec as written; a JSON document stays one."""
    count = f"{errata} erratum" if errata == 1 else f"{errata} errata"
    line = f"as printed: {count} undone, to show what the source as printed would do"
    if not errata:
        line = "as printed: no errata are recorded, so the spec as written is what is printed"
    if output_format == "json":
        note(line)
    else:
        write_lines([line, ""])


def _close(found: Iterable[Diagnostic], files: int, output_format: str) -> None:
    """The last line: how many findings, or how many files have none."""
    diagnostics = list(found)
    if not diagnostics:
        write_lines([f"found no problems in {files} {'file' if files == 1 else 'files'}"])
        return
    from archgen.cli.reporters import closing_line

    write_lines([*([""] if output_format == "full" else []), closing_line(diagnostics)])
