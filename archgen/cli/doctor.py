"""`archgen doctor`: what archgen finds of what it can use, and what to install for the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, format_option
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.cli.installed import Part

FEATURES = ("core", "render", "train", "git", "tensorboard", "export", "keras", "editor")
WIDTH = max(map(len, FEATURES))
SCHEMA = 1


@click.command(epilog=example("archgen doctor", "archgen doctor train render"))
@click.argument("features", nargs=-1, type=click.Choice(FEATURES), metavar="[FEATURE]...")
@format_option("text", "json")
@common_options
def doctor(features: tuple[str, ...], output_format: str) -> int:
    """Say what is installed of what archgen can use, and what is missing.

    Beside what is missing stands how to get it. FEATUREs are core, render, train, git, tensorboard,
    export, keras and editor. The status is 1 where something is missing that core needs, or one of
    the FEATUREs that are named.
    """
    from archgen.cli.installed import parts

    found = list(parts())
    if output_format == "json":
        document = {"schema": SCHEMA, "parts": [part._asdict() for part in found]}
        write_lines(json.dumps(document, indent=2).splitlines())
    else:
        write_lines(map(_line, found))
    wanted = {"core", *features}
    return (
        FINDINGS if any(not part.is_there and part.feature in wanted for part in found) else SOUND
    )


def _line(part: Part) -> str:
    from archgen.harmless import harmless

    sign = "ok" if part.is_there else "--"
    help = f": {part.help}" if part.help else ""
    return harmless(f"{sign}  {part.feature:<{WIDTH}}  {part.name:<14}  {part.found}{help}")
