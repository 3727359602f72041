"""`archgen build`: a network as the source of one plain PyTorch module."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, spec_argument
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write

STDOUT = "-"
_HASH = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)


@click.command(
    epilog=example(
        "archgen build inception_v4 -o inception_v4.py",
        "archgen build resnet_152 --set num_classes=10 > resnet_152.py",
        "archgen build inception_v4 -o inception_v4.py --check",
    )
)
@spec_argument
@click.option("-o", "--output", metavar="FILE.py", help="Write here instead of to stdout.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="TARGET=VALUE",
    help="Set a param of the network, or of a block's one use: reduction_a.k=256.",
)
@click.option(
    "--check",
    "is_check",
    is_flag=True,
    help="Write nothing; exit with 1 if the file is not what would be written.",
)
@common_options
@reports_findings
def build(spec: str, output: str | None, assignments: tuple[str, ...], is_check: bool) -> int:
    """Write a network as a plain PyTorch module.

    SPEC is a path, the name of a spec that comes with archgen, or - for standard input. The module
    imports only torch. It is written only if nothing is wrong with the spec, and then whole.
    """
    path = None if output in (None, STDOUT) else Path(str(output))
    if is_check and path is None:
        raise click.UsageError("--check compares a file: name it with -o FILE.py")
    text, sources = _module(spec, assignments)
    if path is None:
        write(text)
        return SOUND
    command = _command(spec, output, assignments)
    return _compare(path, text, command) if is_check else _write(path, text, sources)


def _module(spec: str, assignments: Sequence[str]) -> tuple[str, list[Path]]:
    """The module's text, and the files it is made from. Raises SpecError."""
    from archgen.api import spec_name
    from archgen.cli.locate import read_target
    from archgen.cli.networks import checked
    from archgen.cli.overriding import overridden
    from archgen.emit import emit

    compilation = checked(read_target(spec))
    network, sources = compilation.sound_network(), dict(compilation.sources)
    if assignments:
        network, sources = overridden(compilation, assignments)
    assert compilation.file is not None
    module = emit(network, sources, spec_name(compilation.file.text), assignments)
    return module.text, [Path(name) for name in compilation.sources]


def _write(path: Path, text: str, sources: Sequence[Path]) -> int:
    from archgen.cli.write_file import CannotWrite, write_file

    try:
        write_file(path, text, never=sources)
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    note(f"wrote {path}")
    return SOUND


def _compare(path: Path, text: str, command: str) -> int:
    """Says whether the file is what would be written; a hash that still fits means: not the spec."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        note(f"{path} does not exist; write it with `{command}`")
        return FINDINGS
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise click.ClickException(f"`{path}` cannot be read: {reason}") from None
    if found == text.encode():
        note(f"{path} is up to date")
        return SOUND
    same_spec = _HASH.findall(text) == _HASH.findall(found.decode(errors="replace"))
    reason = "was edited by hand, or by another archgen" if same_spec else "is older than its spec"
    note(f"{path} {reason}; refresh it with `{command}`")
    return FINDINGS


def _command(spec: str, output: str | None, assignments: Sequence[str]) -> str:
    sets = [word for assignment in assignments for word in ("--set", assignment)]
    return shlex.join(["archgen", "build", spec, *sets, "-o", str(output)])
