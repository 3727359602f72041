"""Where a name is defined: blocks, params, variants, libraries, and the steps that `from` names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archgen.diagnostics import Position, Span
from archgen.editor.analysis import Analysis, Here
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.files import start_of
from archgen.spec.loader import SpecFile
from archgen.spec.patching import Offsets

_WORD = re.compile(r"[A-Za-z_][\w.]*")


class _Asked(NamedTuple):
    """The scalar that somebody asks about, in the file it stands in."""

    analysis: Analysis
    file: SpecFile
    here: Here
    position: Position

    @property
    def text(self) -> str:
        return self.here.scalar.text

    @property
    def path(self) -> tuple[str | int, ...]:
        return self.here.path


def definition(analysis: Analysis, position: Position) -> Span | None:
    """The place where what stands at a position is defined, in this file or in a library."""
    here, file = analysis.at(position), analysis.file
    if here is None or file is None:
        return None
    asked = _Asked(analysis, file, here, position)
    return next((place for kind in _KINDS for place in kind(asked)), None)


def word_at(analysis: Analysis, here: Here, position: Position) -> str:
    """The name at a position within a scalar."""
    offsets = Offsets(analysis.text.text)
    start, at = offsets.of(here.scalar.span.start), offsets.of(position)
    text = analysis.text.text[start : offsets.of(here.scalar.span.end)]
    words = (found for found in _WORD.finditer(text) if found.start() <= at - start <= found.end())
    return next((found[0] for found in words), "")


def _library(asked: _Asked) -> Iterator[Span]:
    """The file behind `use: {NAME: PATH}`, or behind `defaults: NAME`."""
    path = asked.path
    if (path[:1] == ("use",) and len(path) == 2) or path == ("defaults",):
        library = asked.file.libraries.get(str(path[-1]) if path[0] == "use" else asked.text)
        if library is not None:
            yield start_of(library.text.source)


def _step_block(asked: _Asked) -> Iterator[Span]:
    """The block that a step names."""
    if asked.here.is_key or (bool(asked.path) and isinstance(asked.path[-1], int)):
        owner, inner = _owner(asked.file, asked.text)
        blocks = owner.model.blocks if owner is not None else None
        if blocks is not None:
            yield from _key(blocks, inner)


def _argument(asked: _Asked) -> Iterator[Span]:
    """The param of a block that a use of it gives a value."""
    if asked.here.is_key and len(asked.path) > 1:
        params = _of_block(asked.file, str(asked.path[-2]), "params")
        yield from _key(params, asked.text)


def _variant(asked: _Asked) -> Iterator[Span]:
    """The variant of a block that a use of it names."""
    if asked.path[-1:] == ("variant",) and len(asked.path) > 1:
        variants = _of_block(asked.file, str(asked.path[-2]), "variants")
        yield from _key(variants, asked.text)


def _source(asked: _Asked) -> Iterator[Span]:
    """The step that a `from` names."""
    if "from" in asked.path and not asked.here.is_key and asked.analysis.root is not None:
        around = asked.path[: asked.path.index("from")]
        yield from _step(asked.analysis.root, around, asked.text.partition(".")[0])


def _param(asked: _Asked) -> Iterator[Span]:
    """The param that an expression names."""
    if not asked.here.is_key:
        params = asked.analysis.params_around(asked.path)
        yield from _key(params, word_at(asked.analysis, asked.here, asked.position))


_KINDS = (_library, _step_block, _argument, _variant, _source, _param)


def _key(mapping: MappingNode | None, name: str) -> Iterator[Span]:
    if mapping is not None and (key := mapping.key(name)) is not None:
        yield key.span


def _owner(file: SpecFile, name: str) -> tuple[SpecFile | None, str]:
    """The file whose block a step names, and the block's name there."""
    alias, dot, inner = name.partition(".")
    return (file.libraries.get(alias), inner) if dot else (file, name)


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
