"""A repair as an edit of the user's text: the value replaced, or the setting put into the step.

Only what is certain becomes an edit: where an anchor, an alias or an unforeseen layout stands in the
way, there is none, and the words have to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archgen.diagnostics import Edit, Span
from archgen.ir.graph import Node, Term
from archgen.repairs.candidates import Candidate, terms_of
from archgen.spec.patching import Offsets, text_at

_FLOW = re.compile(r"[ \t]*:[ \t]*\{[ \t]*")
_BLOCK = re.compile(
    r"[ \t]*:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*([ ]*)"
)
_NULL = re.compile(r"[ \t]*:[ \t]*(?=[\r\n#]|$)")


def text_edit(candidate: Candidate, sources: Mapping[str, str]) -> Edit | None:
    """The edit that makes the candidate so, or None where none is safe."""
    node, setting = candidate.node, candidate.setting
    text = sources.get(node.span.source)
    if text is None:
        return None
    written = _written(terms_of(node), setting, node)
    if written is not None:
        is_plain = not text_at(text, written).startswith(("&", "*", "|", ">"))
        return Edit(written, candidate.text) if is_plain else None
    if re.search(rf"\b{setting}[\"']?[ \t]*:", text_at(text, node.span)):
        return None
    return _insertion(text, node, f"{setting}: {candidate.text}")


def _written(terms: Mapping[str, Term], setting: str, node: Node) -> Span | None:
    """Where the setting's value stands in the step itself, and not in defaults or a variant."""
    term = terms.get(setting)
    return term.span if term is not None and node.span.contains(term.span) else None


def _insertion(text: str, node: Node, entry: str) -> Edit | None:
    """The setting as a further entry of the step, in the style of those that are there."""
    offsets = Offsets(text)
    source, end = node.span.source, node.key.end
    at = offsets.of(end)
    if node.key == node.span:
        return Edit(Span(source, end, end), f": {{{entry}}}")
    if found := _FLOW.match(text, at):
        is_empty = text.startswith("}", found.end())
        place = offsets.position(found.end())
        return Edit(Span(source, place, place), entry if is_empty else f"{entry}, ")
    if (found := _BLOCK.match(text, at)) and len(found[1]) >= node.key.start.column:
        place = offsets.position(found.end())
        return Edit(Span(source, place, place), f"{entry}\n{found[1]}")
    if found := _NULL.match(text, at):
        place = offsets.position(found.end())
        gap = "" if text[found.end() - 1] in " \t" else " "
        return Edit(Span(source, place, place), f"{gap}{{{entry}}}")
    return None
