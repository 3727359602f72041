"""Both sides of a difference as a picture or as a page; what a missing engine means is said here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from archgen.diff import Difference
from archgen.diff.compare import Findings
from archgen.diff.wording import verdict
from archgen.ir.shaped import ShapedNetwork
from archgen.render.engine import CannotDraw

Names = tuple[str, str]
BothFindings = tuple[Findings, Findings]


def side_by_side(
    difference: Difference, names: Names, findings: BothFindings, output_format: str
) -> str:
    """The text of an `svg` or `html` file."""
    with _drawing():
        from archgen.diff.page import difference_page
        from archgen.diff.panels import panels
        from archgen.diff.pictures import pictures, stacked

        drawn = list(panels(difference, findings))
        parts = list(pictures(drawn, names))
    titles = [panel.title for panel in drawn]
    if output_format == "svg":
        return stacked(parts, titles, verdict(difference))
    return difference_page(difference, names, list(zip(titles, parts, strict=True)))


def one_side(
    networks: tuple[ShapedNetwork | None, ShapedNetwork | None],
    names: Names,
    findings: BothFindings,
    output_format: str,
) -> str:
    """The same where a side is no network: the overview of the other."""
    from archgen.diff.alone import lone_verdict

    with _drawing():
        from archgen.diff.page import lone_page
        from archgen.diff.pictures import lone_picture, stacked
        from archgen.render.drafting import Drafter

        there = [(net, n) for net, n in zip(networks, names, strict=True) if net is not None]
        parts = [lone_picture(Drafter(network).overview(), name) for network, name in there]
    told = lone_verdict(networks, names)
    titles = ["The network"] * len(parts)
    if output_format == "svg":
        return stacked(parts, titles, told)
    lost = [found for net, f in zip(networks, findings, strict=True) if net is None for found in f]
    return lone_page(names, told, lost, list(zip(titles, parts, strict=True)))


@contextmanager
def _drawing() -> Iterator[None]:
    """Says in one line why there is no picture."""
    try:
        yield
    except ImportError as error:
        told = f"`{error.name}` is not installed: `pip install 'archgen[render]'` brings it"
        raise click.ClickException(told) from None
    except CannotDraw as error:
        raise click.ClickException(str(error)) from None
