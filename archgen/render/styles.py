"""The colours of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archgen.render.drawing import Kind, Mark

RED = "#C62828"


class Style(NamedTuple):
    """Colours: of the paper behind, of text and arrows, of borders, and of each kind of box."""

    background: str
    ink: str
    border: str
    fills: Mapping[Kind, str]


def _fills(
    blue: str, orange: str, yellow: str, red: str, green: str, pink: str, grey: str
) -> dict[Kind, str]:
    return {
        **dict.fromkeys(Kind, blue),
        **dict.fromkeys((Kind.CONCAT, Kind.ACTIVATION), orange),
        **dict.fromkeys((Kind.INPUT, Kind.MEAN), yellow),
        Kind.MODULE: red,
        Kind.REDUCTION: green,
        Kind.STEM: pink,
        Kind.DROPOUT: grey,
    }


_PAPER = _fills("#CFE2F3", "#FCE5CD", "#FFF2CC", "#E6B8AF", "#D9EAD3", "#EAD1DC", "#D9D9D9")
_DARK = _fills("#1F3A57", "#5A4325", "#554A1E", "#5E2F28", "#2C4A2A", "#51304A", "#3A3A3A")
STYLES = {
    "paper": Style("#FFFFFF", "#000000", "#6D9EEB", _PAPER),
    "color": Style(
        "#FFFFFF",
        "#000000",
        "#4D4D4D",
        _PAPER | {Kind.CONV: "#DCEEDA", Kind.STRIP: "#FFF3D1", Kind.POOL: "#F9E1DD"},
    ),
    "dark": Style("#16181D", "#ECECEC", "#8FA3BF", _DARK),
}

# the colours of marks on white paper; what is the same steps back
MARKS = {
    Mark.SAME: "#F4F4F4",
    Mark.CHANGED: "#F5C542",
    Mark.INDUCED: "#FBE9A9",
    Mark.NEW: "#8FD19E",
    Mark.GONE: "#F19C9C",
    Mark.UNKNOWN: "#D9D9D9",
    Mark.ABSENT: "#FFFFFF",
}
ABSENT = "#9A9A9A"  # the border of what is only on the other side
