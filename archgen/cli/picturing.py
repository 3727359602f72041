"""A compiled spec as the picture that a file name asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.networks import Compiled
from archgen.cli.report import ordered
from archgen.cli.reporters import full
from archgen.diagnostics import Diagnostic, did_you_mean, listed
from archgen.ir.shaped import ShapedNetwork
from archgen.render.drafting import Drafter, uses
from archgen.render.drawing import Drawing
from archgen.render.engine import CannotDraw, laid_out
from archgen.render.mermaid import mermaid_text
from archgen.render.styles import STYLES

if TYPE_CHECKING:
    from archgen.render.page import Finding

PNG_DPI = 160
WHOLE = {"html": "a page", "json": "a graph for Model Explorer"}


class Wish(NamedTuple):
    """What is asked for: a format, a block or the whole, how many levels of blocks are open, a style."""

    picture_format: str
    block: str | None = None
    depth: int = 1
    style: str = "paper"


def picture(compiled: Compiled, wish: Wish) -> bytes:
    """The picture. Raises ClickException where it cannot be made, and UsageError for no such block."""
    if wish.block is not None and wish.picture_format in WHOLE:
        kind = WHOLE[wish.picture_format]
        raise click.UsageError(f"{kind} has the whole network: leave out --block")
    if wish.depth > 1 and wish.picture_format == "json":
        raise click.UsageError("a graph for Model Explorer has every level: leave out --depth")
    if wish.picture_format == "json":
        return _model_explorer(compiled)
    if wish.picture_format == "mmd":
        return mermaid_text(_drawing(compiled, wish), STYLES[wish.style]).encode()
    try:
        return _page(compiled, wish) if wish.picture_format == "html" else _drawn(compiled, wish)
    except CannotDraw as error:
        raise click.ClickException(str(error)) from None
    except ImportError as error:
        told = f"`{error.name}` is not installed: `pip install 'archgen[render]'` brings it"
        raise click.ClickException(told) from None


def _drawn(compiled: Compiled, wish: Wish) -> bytes:
    """A picture of one drawing, by way of Graphviz."""
    from archgen.render.dot import dot_text

    drawing, style = _drawing(compiled, wish), STYLES[wish.style]
    if wish.picture_format == "tex":
        from archgen.render.layout import layouts
        from archgen.render.tikz import tikz_text

        return tikz_text(layouts([drawing], style)[0], style).encode()
    text = dot_text(drawing, style, PNG_DPI if wish.picture_format == "png" else 0)
    return text.encode() if wish.picture_format == "dot" else laid_out(text, wish.picture_format)


def _page(compiled: Compiled, wish: Wish) -> bytes:
    """The explorer of the whole network, whatever is open in it."""
    from archgen.render.explorer import explorer
    from archgen.render.page import Look, explorer_page

    found = _findings(compiled.diagnostics, compiled.sources)
    made = explorer(compiled.network, compiled.diagnostics)
    return explorer_page(made, found, Look(wish.style, wish.depth)).encode()


def live_page(
    name: str,
    network: ShapedNetwork | None,
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    style: str,
    edition: str,
) -> str:
    """The page of a spec that is being worked on: of its network if there is one, of its findings anyway."""
    from archgen.render.page import Look, explorer_page, findings_page

    found, look = _findings(diagnostics, sources), Look(style, edition=edition)
    if network is None:
        return findings_page(name, found, look)
    try:
        from archgen.render.explorer import explorer

        return explorer_page(explorer(network, diagnostics), found, look)
    except CannotDraw as error:
        return findings_page(name, found, look, str(error))


def _findings(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> tuple[Finding, ...]:
    """Findings for a page, each with what the terminal would show."""
    from archgen.render.page import Finding

    return tuple(
        Finding(diagnostic, "\n".join(full([diagnostic], sources)))
        for diagnostic in ordered(diagnostics)
    )


def _model_explorer(compiled: Compiled) -> bytes:
    from archgen.render.model_explorer import model_explorer_document

    document = model_explorer_document(compiled.network, compiled.diagnostics)
    return (json.dumps(document, indent=1) + "\n").encode()


def _drawing(compiled: Compiled, wish: Wish) -> Drawing:
    drafter = Drafter(compiled.network, compiled.diagnostics)
    block = wish.block
    if block is None:
        return drafter.overview(wish.depth)
    found = list(uses(compiled.network))
    for use in found:
        if block in (use.path, use.block.block.name, use.block.block.name.rpartition(".")[2]):
            return drafter.block(use.block, use.path, use.start, wish.depth)
    names = [use.path for use in found]
    if not names:
        raise click.UsageError("the network uses no blocks: leave out --block")
    near = did_you_mean(block, names)
    hint = f"did you mean `{near}`?" if near else f"there are {listed(names)}"
    raise click.UsageError(f"the network uses no block `{block}`: {hint}")
