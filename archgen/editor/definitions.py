"""Where a name is defined: blocks, params, variants, libraries, and the steps that `from` names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archgen.diagnostics import Position, Span
from archgen.editor.analysis import Analysis, Here
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.files import start_of
from archgen.spec.loader import SpecFile
from archgen.spec.patching import Offsets

_WORD = re.compile(r"[A-Za-z_][\w.]*")


def definition(analysis: Analysis, position: Position) -> Span | None:
    """The place where what stands at a position is defined, in this file or in a library."""
    here, file = analysis.at(position), analysis.file
    if here is None or file is None:
        return None
    return next(_definitions(analysis, file, here, position), None)


def word_at(analysis: Analysis, here: Here, position: Position) -> str:
    """The name at a position within a scalar."""
    offsets = Offsets(analysis.text.text)
    start, at = offsets.of(here.scalar.span.start), offsets.of(position)
    text = analysis.text.text[start : offsets.of(here.scalar.span.end)]
    words = (found for found in _WORD.finditer(text) if found.start() <= at - start <= found.end())
    return next((found[0] for found in words), "")


def _definitions(
    analysis: Analysis, file: SpecFile, here: Here, position: Position
) -> Iterator[Span]:
    text, path = here.scalar.text, here.path
    if (path[:1] == ("use",) and len(path) == 2) or path == ("defaults",):
        library = file.libraries.get(str(path[-1]) if path[0] == "use" else text)
        if library is not None:
            yield start_of(library.text.source)
        return
    is_step = here.is_key or (bool(path) and isinstance(path[-1], int))
    if is_step and (found := _block(file, text)) is not None:
        yield found
    if here.is_key and len(path) > 1 and (params := _of_block(file, str(path[-2]), "params")):
        yield from _key(params, text)
    if path[-1:] == ("variant",) and (variants := _of_block(file, str(path[-2]), "variants")):
        yield from _key(variants, text)
    if "from" in path and not here.is_key and analysis.root is not None:
        around = path[: path.index("from")]
        yield from _step(analysis.root, around, text.partition(".")[0])
    if not here.is_key and (params := analysis.params_around(path)) is not None:
        yield from _key(params, word_at(analysis, here, position))


def _key(mapping: MappingNode, name: str) -> Iterator[Span]:
    if (key := mapping.key(name)) is not None:
        yield key.span


def _owner(file: SpecFile, name: str) -> tuple[SpecFile | None, str]:
    """The file whose block a step names, and the block's name there."""
    alias, dot, inner = name.partition(".")
    return (file.libraries.get(alias), inner) if dot else (file, name)


def _block(file: SpecFile, name: str) -> Span | None:
    owner, inner = _owner(file, name)
    blocks = owner.model.blocks if owner is not None else None
    key = blocks.key(inner) if blocks is not None else None
    return key.span if key is not None else None


def _of_block(file: SpecFile, name: str, part: str) -> MappingNode | None:
    """The params or the variants of a block that a step names."""
    owner, inner = _owner(file, name)
    block = owner.blocks.get(inner) if owner is not None else None
    found = getattr(block, part) if block is not None else None
    return found if isinstance(found, MappingNode) else None


def _step(root: Node, path: tuple[str | int, ...], name: str) -> Iterator[Span]:
    """The step of that id or op in the lists around a path, the inner ones first."""
    node, lists = root, []
    for part in path:
        if isinstance(node, SequenceNode) and isinstance(part, int):
            lists.append(node.items)
            node = node.items[part]
        elif isinstance(node, MappingNode):
            inner = node.get(str(part))
            if inner is None:
                break
            node = inner
    for items in reversed(lists):
        for item in items:
            yield from _named(item, name)


def _named(item: Node, name: str) -> Iterator[Span]:
    if isinstance(item, ScalarNode) and item.text == name:
        yield item.span
    if isinstance(item, MappingNode):
        id_ = item.get("id")
        if isinstance(id_, ScalarNode) and id_.text == name:
            yield id_.span
        elif id_ is None:
            yield from _key(item, name)
