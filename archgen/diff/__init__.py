"""What a change of a spec means: what was changed, and what that does to shapes, weights and cost."""

from archgen.diff.compare import Difference, Row, Severity, compare
from archgen.diff.document import difference_document
from archgen.diff.markdown import difference_markdown
from archgen.diff.text import difference_text

__all__ = [
    "Difference",
    "Row",
    "Severity",
    "compare",
    "difference_document",
    "difference_markdown",
    "difference_text",
]
