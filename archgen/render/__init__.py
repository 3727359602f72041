"""Views of shaped networks: each turns what is known into text or plain data, and decides nothing."""

from archgen.render.outline import Outline, Row, outline
from archgen.render.steps import Steps, steps, steps_document, steps_text
from archgen.render.summary import summary_document, summary_table
from archgen.render.table import Line, aligned

__all__ = [
    "Line",
    "Outline",
    "Row",
    "Steps",
    "aligned",
    "outline",
    "steps",
    "steps_document",
    "steps_text",
    "summary_document",
    "summary_table",
]
