"""`archgen diff`: what a change of a network means in shapes, params, cost and weights."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, complete_specs, example, format_option
from archgen.cli.report import note_findings, paint_lines, reports_findings
from archgen.cli.terminal import note, write

if TYPE_CHECKING:
    from archgen.cli.sides import Side
    from archgen.diff import Difference

MAX_NAMED = 3  # networks of a library
BREAKING = {"numerics": "NUMERICS", "weights": "WEIGHT_BREAKING", "shape": "SHAPE_BREAKING"}


@click.command(
    epilog=example(
        "archgen diff inception_resnet_v1 inception_resnet_v2",
        "archgen diff main:specs/net.yaml specs/net.yaml --format markdown",
        "archgen diff HEAD~1:specs/net.yaml HEAD:specs/net.yaml --breaking weights",
        "archgen diff main:specs/net.yaml specs/net.yaml --format html -o diff.html",
    )
)
@click.argument("before", metavar="A", shell_complete=complete_specs)
@click.argument("after", metavar="B", shell_complete=complete_specs)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where the networks differ.")
@click.option(
    "--breaking",
    type=click.Choice(tuple(BREAKING)),
    help="Exit with 1 where the change breaks this, or more: for CI.",
)
@click.option("--full", is_flag=True, help="Show the parts that are as before too.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file and not to stdout.")
@click.option(
    "--at",
    metavar="PATH",
    help="Read both as if they stood at PATH, for the libraries that they use.",
)
@format_option("text", "markdown", "json", "html", "svg")
@common_options
@reports_findings
def diff(
    before: str,
    after: str,
    exit_code: bool,
    breaking: str | None,
    full: bool,
    output: str | None,
    at: str | None,
    output_format: str,
) -> int:
    """Show what has become of the network A in B.

    A and B are paths, names of specs that come with archgen, - for standard input, or REV:path for a
    file as it was in a revision of git, :path as it is in its index. First what was changed, each with
    its line; then what that does to each part: `~` was changed, `>` is another only by what it gets,
    `+` is new, `-` is gone, and `?` is hidden by an error. html and svg show both side by side. The
    status is 0 unless --exit-code or --breaking asks for another, or a spec is wrong, be it A or B.
    """
    from archgen.cli.sides import read_sides

    sides = read_sides(before, after, Path(at) if at is not None else None)
    broken = max(side.status for side in sides)
    difference = _difference(sides)
    _write(_shown(sides, difference, output_format, is_full=full), output, sides)
    if difference is None:
        _note_users(before, after)
        return broken or FINDINGS
    if broken != SOUND:
        note(_why_it_fails(sides))
        return broken
    return _status(difference, breaking, exit_code=exit_code)


def _why_it_fails(sides: tuple[Side, Side]) -> str:
    """Which side the status is due to: where that is A, nothing of what is shown need be wrong."""
    from archgen.harmless import harmless

    named = {f"`{harmless(side.name)}`": side.status for side in sides if side.status != SOUND}
    return f"the status is {max(named.values())}: there are errors in {' and '.join(named)}"


def _difference(sides: tuple[Side, Side]) -> Difference | None:
    """What both sides differ in; None, and the findings on stderr, where one is no network at all."""
    old, new = sides
    if old.network is not None and new.network is not None:
        from archgen.diff import compare

        return compare(old.network, new.network, (old.findings, new.findings))
    for side in sides:
        if side.network is None:
            note_findings(side.findings, side.sources)
    return None


def _note_users(before: str, after: str) -> None:
    """Where both sides are one library, now and in a commit: what compares the networks that it reaches."""
    from archgen.cli.git import GitFailed
    from archgen.cli.reach import since
    from archgen.cli.revisions import split_revision
    from archgen.diagnostics import SpecError

    parts = split_revision(before)
    if parts is None or not parts[0] or not Path(after).is_file():
        return
    try:
        root, reach = since(parts[0], [Path(after)])
    except (GitFailed, SpecError):
        return
    changed = Path(after).resolve().relative_to(root).as_posix()
    if reach.kinds.get(changed) != "blocks":
        return
    networks = reach.networks([changed])
    for network in networks[:MAX_NAMED]:
        note(f"compare a network that it reaches: archgen diff {parts[0]}:{network} {network}")
    if len(networks) > MAX_NAMED:
        note(f"... and {len(networks) - MAX_NAMED} more")


def _status(difference: Difference, breaking: str | None, *, exit_code: bool) -> int:
    from archgen.diff import Severity

    fails = exit_code and difference.severity > Severity.EQUAL
    fails |= breaking is not None and difference.severity >= Severity[BREAKING[breaking]]
    return FINDINGS if fails else SOUND


def _shown(
    sides: tuple[Side, Side], difference: Difference | None, output_format: str, *, is_full: bool
) -> str:
    """The difference, or the one side that there is, in the format asked for."""
    if difference is None:
        from archgen.cli.lone_side import shown_alone

        return shown_alone(sides, output_format)
    names = sides[0].name, sides[1].name
    match output_format:
        case "json":
            import json

            from archgen.diff.document import difference_document

            return json.dumps(difference_document(difference, names), indent=2) + "\n"
        case "markdown":
            from archgen.diff.markdown import difference_markdown

            return difference_markdown(difference, names)
        case "html" | "svg":
            from archgen.cli.side_by_side import side_by_side

            found = sides[0].findings, sides[1].findings
            return side_by_side(difference, names, found, output_format)
    from archgen.diff.text import difference_text

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = difference_text(difference, names, width, is_full=is_full)
    return "\n".join(paint_lines(lines)) + "\n"


def _write(text: str, output: str | None, sides: tuple[Side, Side]) -> None:
    if output is None:
        write(text)
        return
    from archgen.cli.write_file import CannotWrite, write_file

    sources = [Path(name) for side in sides for name in side.sources]
    try:
        write_file(Path(output), text, never=sources)
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    note(f"wrote {output}")
