"""The two sides of a difference: each a spec, compiled as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from archgen import pipeline
from archgen.cli.exit_codes import SOUND
from archgen.cli.locate import read_target
from archgen.cli.report import ordered, status_of
from archgen.cli.revisions import open_revision, split_revision
from archgen.diagnostics import Diagnostic, SpecError
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation
from archgen.spec.files import read_spec


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


def read_side(target: str, at: Path | None = None) -> Side:
    """A spec that is named on the command line; with `at`, as if it stood at that place."""
    try:
        compilation = _compile(target, at)
        network = compilation.network
        if network is None and status_of(compilation.diagnostics) == SOUND:
            network = compilation.sound_network()
    except SpecError as error:
        return Side(target, None, tuple(ordered(error.diagnostics)), error.sources)
    found = tuple(ordered(compilation.diagnostics))
    return Side(target, network, found, compilation.sources)


def _compile(target: str, at: Path | None) -> Compilation:
    parts = split_revision(target)
    if parts is not None:
        revision = open_revision(target, parts[0])
        start = Path.cwd() if parts[1].startswith(("./", "../")) else revision.root
        text = revision.read(start / parts[1], within=revision.root)
        return pipeline.check(text, read=revision.read)
    if at is None:
        return pipeline.check(read_target(target))
    return pipeline.check(read_spec(Path(target), str(at))._replace(path=at))
