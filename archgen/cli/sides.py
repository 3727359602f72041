"""The two sides of a difference: each a spec, compiled as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from archgen import pipeline
from archgen.cli.exit_codes import SOUND
from archgen.cli.locate import STDIN, read_target
from archgen.cli.report import ordered, status_of
from archgen.cli.revisions import demand_no_revision, open_revision, split_revision
from archgen.diagnostics import Diagnostic, SpecError
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation
from archgen.spec.files import read_spec
from archgen.spec.loader import Reader


class Side(NamedTuple):
    """One of the two specs: its network, where there is one, and what was found in it."""

    name: str
    network: ShapedNetwork | None
    findings: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def status(self) -> int:
        """The exit status for its findings."""
        return status_of(self.findings)


def read_sides(before: str, after: str, at: Path | None) -> tuple[Side, Side]:
    """Both specs. Raises ClickException where both are to come from standard input."""
    if before == after == STDIN:
        raise click.ClickException("standard input holds one spec: name a file for A or for B")
    return read_side(before, at, beside=after), read_side(after, at, beside=before)


def read_side(
    target: str, at: Path | None = None, *, beside: str = "", read: Reader | None = None
) -> Side:
    """A spec that is named on the command line, `beside` another; with `at`, as if it stood there.

    Its libraries are then read with `read`: those of a revision instead of the files as they are.
    """
    try:
        compilation = _compile(target, at, beside, read or read_spec)
        network = compilation.network
        if network is None and status_of(compilation.diagnostics) == SOUND:
            network = compilation.sound_network()
    except SpecError as error:
        return Side(target, None, tuple(ordered(error.diagnostics)), error.sources)
    found = tuple(ordered(compilation.diagnostics))
    return Side(target, network, found, compilation.sources)


def _compile(target: str, at: Path | None, beside: str, read: Reader) -> Compilation:
    parts = split_revision(target)
    if parts is not None:
        revision = open_revision(target, parts[0])
        return pipeline.check(revision.read_named(parts[1]), read=revision.read)
    if at is not None:
        return pipeline.check(read_spec(Path(target), str(at))._replace(path=at), read=read)
    try:
        return pipeline.check(read_target(target))
    except SpecError:
        demand_no_revision(target, beside)
        raise
