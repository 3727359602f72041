"""From what the user wrote to graphs: every name is looked up, every expression parsed."""

from archgen.resolve.echoes import join_refusals
from archgen.resolve.expectations import read_expect
from archgen.resolve.network import Resolved, resolve
from archgen.resolve.steps import MAX_NESTING, Erratum

__all__ = ["MAX_NESTING", "Erratum", "Resolved", "join_refusals", "read_expect", "resolve"]
