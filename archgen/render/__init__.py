"""Views of shaped networks: each turns what is known into text or plain data, and decides nothing.

What all of them share is named here; a view is imported from its own module, so that a command loads
no other.
"""

from archgen.render.table import Line, aligned

__all__ = ["Line", "aligned"]
