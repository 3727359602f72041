"""What to tell of the word under the mouse: shapes and cost of a step, and what its words mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.diagnostics import Position, Span
from archgen.editor.analysis import Analysis, Here
from archgen.editor.definitions import word_at
from archgen.editor.schema_paths import root_for, words_at
from archgen.editor.shapes import steps_of, words_of
from archgen.ops.slots import shown
from archgen.resolve.params import MEASURES


class Hover(NamedTuple):
    """Markdown about what stands in a span."""

    text: str
    span: Span


def hover(analysis: Analysis, position: Position) -> Hover | None:
    """What to tell of what stands at a position, or None."""
    here = analysis.at(position)
    if here is None:
        return None
    parts = [part for part in _parts(analysis, here, position) if part]
    return Hover("\n\n".join(parts), here.scalar.span) if parts else None


def _parts(analysis: Analysis, here: Here, position: Position) -> Iterator[str]:
    nodes = steps_of(analysis).get(here.scalar.span.start)
    if nodes:
        yield words_of(nodes)
    schema = analysis.schema
    root = root_for(schema, analysis.kind)
    if here.is_key:
        yield words_at(schema, root, here.path)
    elif here.path and isinstance(here.path[-1], int):
        yield words_at(schema, root, (*here.path, here.scalar.text))
    if not here.is_key:
        yield _param(analysis, here, position)


def _param(analysis: Analysis, here: Here, position: Position) -> str:
    """The param that an expression names at a position."""
    word = word_at(analysis, here, position)
    owner, _, measure = word.rpartition(".")
    if measure in MEASURES and (owner == "here" or owner.split(".")[0] == "in"):
        return f"`{word}`: {measure} of what {'this step' if owner == 'here' else 'the block'} receives"
    params = analysis.params_around(here.path)
    value = params.get(word) if params is not None else None
    return f"`{word}: {shown(value)}`" if value is not None else ""
