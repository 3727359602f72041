"""Words of a spec in Markdown: always as code, in which code hosts read nothing."""

from __future__ import annotations

import re

from archgen.render.plain import shown


def code_span(text: str, *, in_table: bool = False) -> str:
    """A code span with just this text, on one line: no markup, mention, link or number of an issue."""
    inner = shown(text)
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", inner)), default=0))
    pad = " " if inner[:1] in ("`", " ", "") or inner[-1:] in ("`", " ") else ""
    span = f"{fence}{pad}{inner}{pad}{fence}"
    return span.replace("|", "\\|") if in_table else span
