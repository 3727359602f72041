"""Characters that change the direction of text: what a reviewer sees is then not what is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archgen.diagnostics import Diagnostic, Position, Span
from archgen.resolve import Resolved
from archgen.rules import TEXT_DIRECTION

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def text_direction(resolved: Resolved) -> Iterator[Diagnostic]:
    """Characters of the file, in comments and texts alike, that reorder the text around them."""
    text = resolved.file.text
    if not _DIRECTION.search(text.text):
        return
    for number, line in enumerate(_BREAK.split(text.text), start=1):
        for found in _DIRECTION.finditer(line):
            start = Position(number, found.start() + 1)
            span = Span(text.source, start, Position(number, found.end() + 1))
            message = f"U+{ord(found[0]):04X} shows this line in another order than it is read"
            yield TEXT_DIRECTION.at(span, message, help="remove it; it is invisible")
