"""The outline of a file: its blocks, its network, its outputs, and the steps of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.diagnostics import Span
from archgen.editor.analysis import Analysis
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.model import Step

RESERVED = tuple(Step.keys())


class Symbol(NamedTuple):
    """One line of the outline; `kind` is `file`, `block`, `output` or `step`."""

    name: str
    kind: str
    detail: str
    span: Span
    key: Span
    inside: tuple[Symbol, ...] = ()


def symbols(analysis: Analysis) -> Iterator[Symbol]:
    """The outline, in the order of the text."""
    root = analysis.root
    for key, value in root.entries if isinstance(root, MappingNode) else ():
        if key.text == "network":
            yield Symbol("network", "file", "", _whole(key, value), key.span, tuple(_steps(value)))
        elif key.text in ("blocks", "outputs") and isinstance(value, MappingNode):
            kind = "block" if key.text == "blocks" else "output"
            yield from (_part(name, inner, kind) for name, inner in value.entries)
        elif key.text in ("recipe", "preparation") and isinstance(value, MappingNode):
            inside = tuple(_line(name, inner) for name, inner in value.entries)
            yield Symbol(key.text, "file", "", _whole(key, value), key.span, inside)


def _whole(key: ScalarNode, value: Node) -> Span:
    return Span(key.span.source, key.span.start, max(key.span.end, value.span.end))


def _part(key: ScalarNode, value: Node, kind: str) -> Symbol:
    body = value.get("body") if isinstance(value, MappingNode) else None
    inside = tuple(_steps(body)) if body is not None else ()
    return Symbol(key.text or "?", kind, "", _whole(key, value), key.span, inside)


def _line(key: ScalarNode, value: Node) -> Symbol:
    detail = value.text if isinstance(value, ScalarNode) else ""
    return Symbol(key.text or "?", "step", detail, _whole(key, value), key.span)


def _steps(node: Node) -> Iterator[Symbol]:
    for item in node.items if isinstance(node, SequenceNode) else ():
        if isinstance(item, ScalarNode) and item.text:
            yield Symbol(item.text, "step", "", item.span, item.span)
        elif isinstance(item, MappingNode):
            yield from _step(item)


def _step(item: MappingNode) -> Iterator[Symbol]:
    ops = [(key, value) for key, value in item.entries if key.text not in RESERVED]
    id_ = item.get("id")
    for key, value in ops[:1]:
        name = id_.text if isinstance(id_, ScalarNode) and id_.text else key.text
        detail = key.text if name != key.text else ""
        branches = value.entries if isinstance(value, MappingNode) else ()
        inside = tuple(
            Symbol(
                branch.text or "?",
                "step",
                "",
                _whole(branch, steps),
                branch.span,
                tuple(_steps(steps)),
            )
            for branch, steps in branches
            if isinstance(steps, SequenceNode)
            and any(isinstance(s, MappingNode) for s in steps.items)
        )
        yield Symbol(name or "?", "step", detail, item.span, key.span, inside)
