"""What a change of a spec means: what was changed, and what that does to shapes, weights and cost.

A view of it is imported from its own module, so that a command loads no other.
"""

from archgen.diff.compare import Difference, Row, Severity, compare

__all__ = ["Difference", "Row", "Severity", "compare"]
