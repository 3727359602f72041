"""What may be written at a place: keys, ops, blocks, settings, words, and names for expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.editor.analysis import Analysis
from archgen.editor.context import Context, context
from archgen.editor.schema_paths import keys_at, root_for, values_at, words_at
from archgen.ops import OPS_BY_NAME
from archgen.resolve.params import MEASURES
from archgen.spec.document import MappingNode
from archgen.spec.model import Step

RESERVED = tuple(Step.keys())


class Offer(NamedTuple):
    """One completion: what to write, what it is (`op`, `block`, `key`, `value` or `param`), and words."""

    text: str
    kind: str
    words: str = ""


def offers(analysis: Analysis, before: str) -> list[Offer]:
    """What may follow the text before the cursor; the editor filters by what is begun."""
    here = context(before)
    found: dict[str, Offer] = {}
    for offer in _offers(analysis, here):
        found.setdefault(offer.text, offer)
    return list(found.values())


def _offers(analysis: Analysis, here: Context) -> Iterator[Offer]:
    schema = analysis.schema
    root = root_for(schema, analysis.kind)
    is_item = here.path[-1:] == (None,)
    if not here.is_value or is_item:
        for key, words in keys_at(schema, root, here.path).items():
            yield Offer(key, _kind(key, here), words)
    if here.is_value or is_item:
        for word in values_at(schema, root, here.path):
            yield Offer(word, "block" if is_item and word not in OPS_BY_NAME else "value")
        yield from _names(analysis, here)


def _kind(key: str, here: Context) -> str:
    """What a key is: in a list of steps, an op, a block, or a key of steps."""
    if here.path[-1:] != (None,) or key in RESERVED:
        return "key"
    return "op" if key in OPS_BY_NAME else "block"


def _names(analysis: Analysis, here: Context) -> Iterator[Offer]:
    """The names that an expression may use here: params, and measures of the input."""
    schema = analysis.schema
    words = words_at(schema, root_for(schema, analysis.kind), here.path)
    if "expression" not in words and here.path[-1:] not in (("when",), ("repeat",)):
        return
    for name, doc in _params(analysis, here.path):
        yield Offer(name, "param", doc)
    for owner, what in (("in", "the block's input"), ("here", "this step's input")):
        for measure in MEASURES:
            yield Offer(f"{owner}.{measure}", "param", f"{measure} of {what}")


def _params(analysis: Analysis, path: tuple[str | int | None, ...]) -> Iterator[tuple[str, str]]:
    """The params of the block around a path, or of the network, and a word about each."""
    node = analysis.params_around(path)
    for key, value in node.entries if node is not None else ():
        doc = value.get("doc") if isinstance(value, MappingNode) else None
        text = getattr(doc, "text", "")
        yield (
            key.text,
            text or f"a param of {path[1] if path[:1] == ('blocks',) else 'the network'}",
        )
