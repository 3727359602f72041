"""The few colours of a report."""

from dataclasses import dataclass

from archgen.diagnostics import Severity

_END = "\x1b[0m"


@dataclass(frozen=True)
class Palette:
    """The escape sequence that begins each part of a report; an empty one leaves it plain."""

    error: str = ""
    warning: str = ""
    note: str = ""
    message: str = ""
    label: str = ""
    gutter: str = ""
    help: str = ""

    def severity(self, severity: Severity) -> str:
        """The sequence for findings of this severity."""
        return {
            Severity.ERROR: self.error,
            Severity.WARNING: self.warning,
            Severity.NOTE: self.note,
        }[severity]


PLAIN = Palette()

COLOURS = Palette(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",
    note="\x1b[1;36m",
    message="\x1b[1m",
    label="\x1b[34m",
    gutter="\x1b[34m",
    help="\x1b[32m",
)


def paint(text: str, colour: str) -> str:
    """`text` in `colour`, or as it is where either is empty."""
    return f"{colour}{text}{_END}" if colour and text else text
