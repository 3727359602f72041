"""A text that is being written, compiled as far as it goes: findings, nodes, shapes and its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from archgen import pipeline
from archgen.diagnostics import Diagnostic, Findings, Position, Span
from archgen.pipeline import Compilation
from archgen.schema import file_schema, general_schema
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse
from archgen.spec.files import SpecText, read_spec
from archgen.spec.loader import Reader, SpecFile, kind_of
from archgen.spec.model import Network


class Here(NamedTuple):
    """What stands at a position: the keys and indices that lead there, and the scalar itself.

    `is_key` says that it is a key; then it is the last of `path` too.
    """

    path: tuple[str | int, ...]
    scalar: ScalarNode
    is_key: bool


@dataclass(frozen=True)
class Analysis:
    """All that is known of one version of a text.

    `before` is the analysis of an earlier version: of a text that is broken just now, its blocks
    are taken from there.
    """

    text: SpecText
    findings: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    root: Node | None
    compilation: Compilation | None = None
    before: Analysis | None = None

    @property
    def file(self) -> SpecFile | None:
        """The file with its libraries, of this version or of the last that could be read."""
        own = self.compilation.file if self.compilation else None
        return own if own is not None or self.before is None else self.before.file

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The schema of the file, with its blocks if they are known."""
        return general_schema() if self.file is None else file_schema(self.file)

    @property
    def kind(self) -> str:
        """What the file is: `network`, `blocks`, `recipe`, or an empty text."""
        kind = kind_of(self.root) if self.root is not None else ""
        return kind if kind or self.before is None else self.before.kind

    def params_around(self, path: tuple[str | int | None, ...]) -> MappingNode | None:
        """The `params:` of the block around a path, or of the network."""
        file = self.file
        if file is None:
            return None
        if path[:1] == ("blocks",) and len(path) > 1:
            block = file.blocks.get(str(path[1]))
            return block.params if block is not None else None
        return file.model.params if isinstance(file.model, Network) else None

    def at(self, position: Position) -> Here | None:
        """The key or scalar at a position."""
        return _at(self.root, position, ()) if self.root is not None else None

    def forgetting(self) -> Analysis:
        """The same without more than one analysis before it."""
        if self.before is None or self.before.before is None:
            return self
        last = self.before if self.before.compilation and self.before.compilation.file else None
        kept = last or self.before.before
        return Analysis(
            self.text,
            self.findings,
            self.sources,
            self.root,
            self.compilation,
            Analysis(kept.text, (), {}, kept.root, kept.compilation),
        )


def analyse(text: SpecText, before: Analysis | None = None, read: Reader = read_spec) -> Analysis:
    """The analysis of a spec or library; its libraries are read with `read`."""
    compilation = pipeline.check(text, read=read)
    found, sources = compilation.diagnostics, compilation.sources
    root = parse(text.text, text.source, Findings())
    return Analysis(text, found, sources, root, compilation, before).forgetting()


def _at(node: Node, position: Position, path: tuple[str | int, ...]) -> Here | None:
    if isinstance(node, ScalarNode):
        return Here(path, node, is_key=False)
    entries: list[tuple[str | int, Node]] = []
    if isinstance(node, SequenceNode):
        entries += enumerate(node.items)
    else:
        for key, _ in node.entries:
            if _touches(key.span, position):
                return Here((*path, key.text), key, is_key=True)
        entries += [(key.text, value) for key, value in node.entries]
    for part, value in reversed(entries):
        if _touches(value.span, position):
            return _at(value, position, (*path, part))
    return None


def _touches(span: Span, position: Position) -> bool:
    return span.start <= position <= span.end
