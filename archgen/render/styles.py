"""The colours of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from archgen.render.drawing import Kind, Mark

RED = "#C62828"
SMALLEST = 5.0


class Style(NamedTuple):
    """Colours: of the paper behind, of text and arrows, of borders, and of each kind of box.

    `page` has those that only the explorer page needs.
    """

    background: str
    ink: str
    border: str
    fills: Mapping[Kind, str]
    page: Mapping[str, str]


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
_DAY = {
    "muted": "#57606A",
    "faint": "#DDE1E6",
    "red": RED,
    "hit": "#B7791F",
    "focus": "#0969DA",
    "params": "#4A7BB7",
    "macs": "#C77700",
}
_NIGHT = {
    "muted": "#A3ADBA",
    "faint": "#363B44",
    "red": "#FF8A80",
    "hit": "#E3B341",
    "focus": "#79B8FF",
    "params": "#79A9E0",
    "macs": "#E0A54A",
}
STYLES = {
    "paper": Style("#FFFFFF", "#000000", "#6D9EEB", _PAPER, _DAY),
    "color": Style(
        "#FFFFFF",
        "#000000",
        "#4D4D4D",
        _PAPER | {Kind.CONV: "#DCEEDA", Kind.STRIP: "#FFF3D1", Kind.POOL: "#F9E1DD"},
        _DAY,
    ),
    "dark": Style("#16181D", "#ECECEC", "#8FA3BF", _DARK, _NIGHT),
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
ROOM = 16  # as many letters stand in a box of a figure at its full size
ROOM_IN_OVERVIEW = 24


def font_size(lines: Iterable[str], *, is_overview: bool) -> float:
    """The size in points at which the words fit into their box; long ones are set smaller, as in Figure 3."""
    letters = max(map(len, lines), default=0)
    full, room = (12.0, ROOM_IN_OVERVIEW) if is_overview else (11.0, ROOM)
    return full if letters <= room else max(SMALLEST, round(full * room / letters, 1))
