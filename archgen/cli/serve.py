"""`archgen serve`: the explorer page of a spec, which follows the file as it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.options import common_options, example, spec_argument
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    from archgen.cli.serving import Edition
    from archgen.diagnostics import Diagnostic


class Reading(NamedTuple):
    """A spec as it is now: its page, the names of the files that it was made from, a line about it."""

    edition: Edition
    names: tuple[str, ...]
    words: str


@click.command(epilog=example("archgen serve specs/inception_v4.yaml"))
@spec_argument
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Which port; any free one by default."
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
def serve(spec: str, port: int, style: str) -> int:
    """Show a network as a page that follows the spec as it is saved.

    The page is for this machine alone; its address is printed. Findings stand on it, and a library
    that the spec uses is followed too. Ctrl-C ends it.
    """
    from archgen.catalog import find
    from archgen.cli.locate import read_target
    from archgen.cli.serving import HOST, PageServer
    from archgen.cli.watching import Watch

    if spec == "-":
        raise click.UsageError("a page follows a file: name one in the place of `-`")
    name = str(find(spec))
    read_target(spec)  # a slip in the name is told here, and is no page
    watch, begun = Watch([name]), time_ns()
    reading = _read(spec, style)
    try:
        server = PageServer(port, reading.edition)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise click.ClickException(f"port {port} cannot be used: {reason}") from None
    server.start()
    write_lines([f"http://{HOST}:{server.server_port}/"])
    while True:
        note(f"{reading.words}; Ctrl-C ends this")
        watch.follow((name, *reading.names), begun)
        watch.wait()
        begun = time_ns()
        reading = _read(spec, style)
        server.publish(reading.edition)


def _read(spec: str, style: str) -> Reading:
    """The spec as it is now, whatever is wrong with it."""
    from archgen.cli.networks import compile_network
    from archgen.cli.picturing import live_page
    from archgen.cli.reporters import closing_line
    from archgen.cli.serving import Edition
    from archgen.diagnostics import SpecError

    try:
        network, found, sources, *_ = compile_network(spec)
    except SpecError as error:
        network, found, sources = None, error.diagnostics, error.sources
    version = _version(found, sources)
    page = live_page(spec, network, found, sources, style, version)
    return Reading(Edition(version, page.encode()), tuple(sources), closing_line(found))


def _version(found: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """The same as long as the files are, from one start of the server to the next."""
    told = [str(finding.key) for finding in found]
    return sha256(repr((told, sorted(sources.items()))).encode()).hexdigest()[:16]
