"""A difference of which only one side, or none, is a network: that one, and why the other is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from archgen.cli.report import paint_lines

if TYPE_CHECKING:
    from archgen.cli.sides import Side
    from archgen.ir.shaped import ShapedNetwork


def shown_alone(sides: tuple[Side, Side], output_format: str) -> str:
    """What can be said of the side that there is, in the format asked for."""
    names = sides[0].name, sides[1].name
    networks = sides[0].network, sides[1].network
    findings = sides[0].findings, sides[1].findings
    match output_format:
        case "json":
            from archgen.diff.alone import lone_document

            return json.dumps(lone_document(networks, names, findings), indent=2) + "\n"
        case "markdown":
            from archgen.diff.alone import lone_markdown

            return lone_markdown(networks, names, findings)
        case "html" | "svg":
            from archgen.cli.side_by_side import one_side

            return one_side(networks, names, findings, output_format)
    return _text(next((network for network in networks if network is not None), None))


def _text(network: ShapedNetwork | None) -> str:
    """The summary of the network that there is."""
    if network is None:
        return ""
    from archgen.render.outline import outline
    from archgen.render.summary import summary_table

    return "\n".join(paint_lines(summary_table(outline(network, 1, ()), {}))) + "\n"
