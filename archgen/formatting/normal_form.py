"""The normal form: keys in the order of the language, settings in brackets, sections apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from archgen.diagnostics import Findings, SpecError
from archgen.formatting.layout import Alias, Collection, Comment, Entry, Piece
from archgen.formatting.printing import print_layout
from archgen.formatting.reading import read_layout
from archgen.ir.op import Join
from archgen.ops import OPS
from archgen.rules import WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse
from archgen.spec.files import SpecText, start_of
from archgen.spec.model import Extension, Library, Network, Step

JOINS = frozenset(op.name for op in OPS if issubclass(op, Join))
RECIPE_KEYS = ("archgen", "name", "source", "note", "recipe")
PREPARATION_KEYS = ("archgen", "name", "source", "note", "preparation", "classes")
SECTIONS = frozenset(("blocks", "network", "outputs", "alternatives"))
RECORDS = frozenset(("expect", "source", "input"))
MAX_ROUNDS = 4

Change: TypeAlias = Callable[[Collection], Collection]


class WouldChange(Exception):
    """The normal form of a text would not say the same, so the text must stay as it is."""


def formatted(text: SpecText) -> str:
    """The text in its normal form.

    Raises SpecError where it is no sound YAML, and WouldChange where what it says would be lost.
    """
    findings = Findings()
    before = parse(text.text, text.source, findings)
    if not isinstance(before, MappingNode) and not findings.diagnostics:
        place = start_of(text.source) if before is None else before.span
        findings.add(
            WRONG_TYPE.at(place, "a spec is a mapping of keys", help="begin with `archgen: 1`")
        )
    if findings.diagnostics or not isinstance(before, MappingNode):
        raise SpecError(findings.diagnostics, {text.source: text.text})
    root = read_layout(text.text)
    result = print_layout(_file(root))
    for _ in range(MAX_ROUNDS):  # what a first round puts on one line, a second may put in brackets
        again = print_layout(_file(read_layout(result)))
        if again == result:
            break
        result = again
    after = parse(result, text.source, findings)
    if after is None or _meaning_of_step(after) != _meaning_of_step(before):
        raise WouldChange("its normal form would not say the same")
    if _comments(read_layout(result)) != _comments(root):
        raise WouldChange("its normal form would lose a comment")
    return result


def _meaning(node: Node) -> object:
    """All that a loader reads, without places."""
    match node:
        case ScalarNode():
            return repr(node.value), node.text
        case SequenceNode():
            return tuple(_meaning_of_step(item) for item in node.items)
        case MappingNode():
            return tuple((key.text, _meaning(value)) for key, value in node.entries)


def _meaning_of_step(node: Node) -> object:
    """What a file or a step says, its keys in any order."""
    if not isinstance(node, MappingNode):
        return _meaning(node)
    return frozenset((key.text, _meaning(value)) for key, value in node.entries)


def _comments(piece: Piece) -> Counter[str]:
    if not isinstance(piece, Collection):
        return Counter()
    found = Counter(comment.text for comment in piece.end if comment)
    for entry in piece.entries:
        beside = (*entry.lead, entry.tail)
        found.update(comment.text for comment in beside if comment)
        found += _comments(entry.value)
    return found


# ---------------------------------------------------------------------------------- what is where


def _file(root: Collection) -> Collection:
    """The whole document."""
    if root.entries and not _has_anchors(root):
        root = _ordered_file(root)
    root = replace(root, is_flow=False)
    root = _each(root, RECORDS, _in_brackets)
    root = _each(root, ("defaults",), lambda found: _each(found, None, _in_brackets))
    root = _each(root, ("network",), _opened_steps)
    root = _each(
        root, ("blocks", "outputs"), lambda found: _apart(_opened(_each(found, None, _part)))
    )
    return replace(root, entries=tuple(map(_section, root.entries)))


def _part(block: Collection) -> Collection:
    """A block, or an output."""
    block = _each(block, RECORDS, _in_brackets)
    return _each(block, ("body",), _opened_steps)


def _opened_steps(steps: Collection) -> Collection:
    return _opened(_steps(steps))


def _steps(steps: Collection) -> Collection:
    """A list of steps."""
    if steps.is_mapping:
        return steps
    return replace(
        steps,
        entries=tuple(
            replace(entry, value=_step(entry.value))
            if isinstance(entry.value, Collection) and entry.value.is_mapping
            else entry
            for entry in steps.entries
        ),
    )


def _step(step: Collection) -> Collection:
    reserved = Step.keys()
    ops = [entry.name for entry in step.entries if entry.name not in reserved]
    if len(ops) != 1:
        return step
    if not _has_anchors(step):
        step = _by(step, (ops[0], *reserved))
    step = _each(step, RECORDS, _in_brackets)
    return _each(step, ops, _branches if ops[0] in JOINS else _in_brackets)


def _branches(join: Collection) -> Collection:
    """The branches of a join; without any, its settings."""
    if not any(isinstance(entry.value, Collection) for entry in join.entries):
        return _in_brackets(join)
    return _each(join, None, _steps)


def _each(collection: Collection, keys: Iterable[str] | None, change: Change) -> Collection:
    """The collection with `change` made to the collections under these keys, or under all."""
    wanted = None if keys is None else set(keys)
    return replace(
        collection,
        entries=tuple(
            replace(entry, value=change(entry.value))
            if isinstance(entry.value, Collection) and (wanted is None or entry.name in wanted)
            else entry
            for entry in collection.entries
        ),
    )


def _in_brackets(collection: Collection) -> Collection:
    """The collection on one line, if comments and long texts allow it; the printer sees to the width."""
    if not collection.is_simple:
        return collection
    return replace(_each(collection, None, _in_brackets), is_flow=True)


def _opened(collection: Collection) -> Collection:
    """The collection on lines of its own."""
    return replace(collection, is_flow=False)


def _section(entry: Entry) -> Entry:
    return replace(entry, is_apart=entry.name in SECTIONS)


def _apart(blocks: Collection) -> Collection:
    """Blocks with a blank line between them."""
    return replace(blocks, entries=tuple(replace(e, is_apart=True) for e in blocks.entries))


# --------------------------------------------------------------------------------------- the order


def _has_anchors(piece: Piece) -> bool:
    """Whether the order of the text carries meaning: an alias stands behind its anchor."""
    if isinstance(piece, Alias):
        return True
    if not isinstance(piece, Collection):
        return bool(piece.mark)
    return bool(piece.mark) or any(
        _has_anchors(entry.value) or isinstance(entry.key, Alias) or _has_mark(entry)
        for entry in piece.entries
    )


def _has_mark(entry: Entry) -> bool:
    return entry.key is not None and not isinstance(entry.key, Alias) and bool(entry.key.mark)


def _ordered_file(root: Collection) -> Collection:
    """The file with its keys in order; what stands above them all stays there."""
    names = {entry.name for entry in root.entries}
    kind = Network if "network" in names else Extension if "extends" in names else Library
    keys: Iterable[str] = kind.keys()
    if "recipe" in names or "preparation" in names:
        keys = RECIPE_KEYS if "recipe" in names else PREPARATION_KEYS
    head: tuple[Comment | None, ...] = root.entries[0].lead
    first = replace(root.entries[0], lead=())
    ordered = _by(replace(root, entries=(first, *root.entries[1:])), keys)
    first = ordered.entries[0]
    return replace(
        ordered, entries=(replace(first, lead=(*head, *first.lead)), *ordered.entries[1:])
    )


def _by(mapping: Collection, order: Iterable[str]) -> Collection:
    """The mapping with its keys in this order, if it has no others."""
    places = {name: place for place, name in enumerate(order)}
    if any(entry.name not in places for entry in mapping.entries):
        return mapping
    return replace(mapping, entries=tuple(sorted(mapping.entries, key=lambda e: places[e.name])))
