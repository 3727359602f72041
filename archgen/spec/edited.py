"""What edits have made of a document: what each of them put there, and what it took the place of."""

from __future__ import annotations

from typing import NamedTuple

from archgen.diagnostics import Span
from archgen.spec.document import MappingNode, Node
from archgen.spec.edits import Change, items_of


class Edited(NamedTuple):
    """An edit that was made: where it names its place, what it puts there, and what it replaced."""

    at: Span
    node: Node
    before: Node | None


class Extended(NamedTuple):
    """A whole document, and the edits that made it."""

    root: MappingNode
    edits: tuple[Edited, ...] = ()


def edited_by(change: Change, old: Node, new: Node) -> tuple[Edited, ...]:
    """What a change has put into a document; nothing where it took something away."""
    if change.action == "remove":
        return ()
    before = _replaced(old, new, change.node) if change.action == "set" else None
    return (Edited(change.at.span, change.node, before),)


def _replaced(old: Node, new: Node, put: Node) -> Node | None:
    """What stood where `put` stands; all but the way there is shared by both documents."""
    for before, after in zip(_parts(old), _parts(new), strict=False):
        if after is put:
            return before
        if after is not before:
            return _replaced(before, after, put)
    return None


def _parts(node: Node) -> tuple[Node, ...]:
    if isinstance(node, MappingNode):
        return tuple(value for _, value in node.entries)
    parts = items_of(node)
    return () if parts == (node,) else parts
