"""One normal form for the text of specs, libraries and recipes, comments kept and the meaning unchanged."""

from archgen.formatting.normal_form import WouldChange, formatted

__all__ = ["WouldChange", "formatted"]
