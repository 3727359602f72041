"""A spec as lines of `path = value`, as it is written: what git compares line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archgen.cli.reporters.user_text import split_lines
from archgen.diagnostics import Findings
from archgen.harmless import harmless
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse

BESIDE_THE_OP = frozenset({"id", "from", "repeat", "when", "expect", "errata", "source", "note"})
MAX_LINES = 200_000
_PLAIN = re.compile(r"[\w.-]+")


def flat_text(text: str, source: str) -> Iterator[str]:
    """The lines of a spec; of a text that is no YAML, the text itself."""
    root = parse(text, source, Findings())
    lines = (harmless(line) for line in (split_lines(text) if root is None else _flat(root, "")))
    for number, line in enumerate(lines):
        if number >= MAX_LINES:
            yield "... and more lines than are compared"
            return
        yield line


def _flat(node: Node, path: str) -> Iterator[str]:
    match node:
        case ScalarNode():
            yield f"{path} = {node.text}"
        case MappingNode(entries=()) | SequenceNode(items=()):
            yield f"{path} = {'{}' if isinstance(node, MappingNode) else '[]'}"
        case MappingNode():
            for key, value in node.entries:
                yield from _flat(value, _joined(path, key.text))
        case SequenceNode() if all(isinstance(item, ScalarNode) for item in node.items):
            texts = (item.text for item in node.items if isinstance(item, ScalarNode))
            yield f"{path} = [{', '.join(texts)}]"
        case SequenceNode():
            counts: dict[str, int] = {}
            for item in node.items:
                name = _name(item)
                counts[name] = counts.get(name, 0) + 1
                count = counts[name]
                yield from _item(item, _joined(path, name if count == 1 else f"{name}_{count}"))


def _item(item: Node, path: str) -> Iterator[str]:
    """A step of a list: under its own name, so that its op is not written twice."""
    if isinstance(item, ScalarNode):
        yield path
        return
    op = _op(item)
    for key, value in item.entries if isinstance(item, MappingNode) else ():
        is_name = op is not None and key is op and _joined("", op.text) == path.rpartition(".")[2]
        yield from _flat(value, path if is_name else _joined(path, key.text))
    if not isinstance(item, MappingNode):
        yield from _flat(item, path)


def _name(item: Node) -> str:
    """How a step is called: by its `id`, or as its op; what is no step has none."""
    if isinstance(item, ScalarNode):
        return item.text
    if isinstance(item, MappingNode):
        own = item.get("id")
        if isinstance(own, ScalarNode):
            return own.text
        op = _op(item)
        return op.text if op is not None else "item"
    return "item"


def _op(item: Node) -> ScalarNode | None:
    """The key that names the op of a step."""
    if not isinstance(item, MappingNode):
        return None
    return next((key for key, _ in item.entries if key.text not in BESIDE_THE_OP), None)


def _joined(path: str, name: str) -> str:
    shown = name if _PLAIN.fullmatch(name) else f"`{name}`"
    return f"{path}.{shown}" if path else shown
