"""What an editor asks about a spec that is being written, answered without any protocol."""

from archgen.editor.analysis import Analysis, analyse
from archgen.editor.completion import Offer, offers
from archgen.editor.definitions import definition
from archgen.editor.hovers import hover
from archgen.editor.places import Places
from archgen.editor.shapes import Hint, hints
from archgen.editor.symbols import Symbol, symbols

__all__ = [
    "Analysis",
    "Hint",
    "Offer",
    "Places",
    "Symbol",
    "analyse",
    "definition",
    "hints",
    "hover",
    "offers",
    "symbols",
]
