"""An edit of a document: what is done at the one place that a path leads to.

A path goes through the document, `network.inception_4c.pooled`: keys of mappings, and in a list of steps
a step by its `id`, else by its op or block where only one step has that, else by its number from 0.
Behind a step stand its own keys (`repeat`, `when`) or the settings and branches of its op.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias, get_args

from archgen.diagnostics import Diagnostic, Suggestion, listed, suggest
from archgen.rules import EDIT_MISSES
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.mappings import SpecModel, unknown_key
from archgen.spec.model import Block, Input, Network, Output, Step

Path: TypeAlias = "Sequence[ScalarNode]"
# keys of a network that hold names, and what each name stands for
_NAMED: dict[str, type[SpecModel]] = {"blocks": Block, "outputs": Output}


class _Names(NamedTuple):
    """A mapping of names to models."""

    of: type[SpecModel]


Kind: TypeAlias = "type[SpecModel] | _Names | None"  # what is known of a mapping


class Missed(Exception):
    """An edit hits no place, or several; carries the one finding, and the name that is not there."""

    def __init__(self, finding: Diagnostic, name: str = "") -> None:
        super().__init__(finding.message)
        self.finding = finding
        self.name = name


class Change(NamedTuple):
    """What an edit does at its place: its action, with the node that the action takes if it takes one."""

    at: ScalarNode
    action: str
    node: Node

    def edited(self, document: MappingNode) -> MappingNode:
        """The document of a network with the change. Raises Missed."""
        edited = _in_mapping(document, self._path(), self, Network)
        assert isinstance(edited, MappingNode)
        return edited

    def _path(self) -> Path:
        """The names of the path, each with its own place."""
        span, text = self.at.span, self.at.text
        quotes = span.end.column - span.start.column - len(text)
        if span.start.line != span.end.line or quotes not in (0, 2):
            message = "a path is written as it is, on one line"
            raise missed(self.at, message, "write it without escapes and line breaks")
        names, offset = [], quotes // 2
        for name in text.split("."):
            names.append(ScalarNode(name, name, span.within(offset, len(name))))
            offset += len(name) + 1
        if len(names) > 1 and not all(name.text for name in names):
            whole = ".".join(name.text for name in names if name.text)
            message = f"a name is missing in the path `{text}`"
            help = f"did you mean `{whole}`?" if whole else "write keys with dots between them"
            raise missed(self.at, message, help)
        return names


def missed(
    name: ScalarNode, message: str, help: str, instead: str | Suggestion | None = None
) -> Missed:
    """The finding that a path leads nowhere from this name on."""
    return Missed(EDIT_MISSES.at(name.span, message, help=help, instead=instead))


def _edited(node: Node, path: Path, change: Change, kind: Kind = None) -> Node:
    """The node with the change at the path. Raises Missed."""
    if isinstance(node, MappingNode):
        return _in_mapping(node, path, change, kind)
    if isinstance(node, SequenceNode):
        return _in_list(node, path, change, kind)
    message = f"`{path[0].text}` cannot stand inside `{node.text or 'nothing'}`"
    raise missed(path[0], message, "end the path before it, and `set` the whole value")


def _in_mapping(node: MappingNode, path: Path, change: Change, kind: Kind = None) -> Node:
    name, *rest = path
    entries = list(node.entries)
    index = next((i for i, (key, _) in enumerate(entries) if key.text == name.text), None)
    if index is None:
        return node._replace(entries=(*entries, _added(node, path, change, kind)))
    key, value = entries[index]
    if rest:
        entries[index] = (key, _edited(value, rest, change, _held(kind, key.text)))
    elif change.action == "set":
        entries[index] = (key, change.node)
    elif change.action == "remove":
        del entries[index]
    else:
        message = f"`{name.text}` is no step, so nothing stands {change.action} it"
        raise missed(name, message, "name a step of a list, or `set` the value")
    return node._replace(entries=tuple(entries))


def _added(node: MappingNode, path: Path, change: Change, kind: Kind) -> tuple[ScalarNode, Node]:
    """The entry of a key that a mapping does not have yet. Raises Missed where it can have none."""
    name, *rest = path
    names = [key.text for key, _ in node.entries]
    known = kind.keys() if isinstance(kind, type) else []
    if change.action == "set" and name.text in known and rest:
        inner = ".".join(change.at.text.split(".")[: -len(rest)])
        help = f"`set` it whole: `{{at: {inner}, set: {{{rest[0].text}: ...}}}}`"
        raise missed(name, f"there is no `{name.text}` at this place yet", help)
    if rest or change.action != "set":
        raise _nothing(name, names, known if rest else ())
    if isinstance(kind, type) and name.text not in known:
        raise Missed(unknown_key(name, kind.title, known))
    return name, change.node


def _held(kind: Kind, key: str) -> Kind:
    """What is known of the mapping that a key holds."""
    if isinstance(kind, _Names):
        return kind.of
    if kind is None or (kind is Network and key in _NAMED):
        return _Names(_NAMED[key]) if kind else None
    if kind is Network and key == "input":  # which is read when the rest is resolved
        return Input
    fields = kind.model_fields.items()
    field = next((field for name, field in fields if (field.alias or name) == key), None)
    parts = () if field is None else (field.annotation, *get_args(field.annotation))
    return next((p for p in parts if isinstance(p, type) and issubclass(p, SpecModel)), None)


def _in_list(node: SequenceNode, path: Path, change: Change, kind: Kind) -> Node:
    name, *rest = path
    items = list(node.items)
    index = _index(items, name)
    if rest and kind is not None:
        items[index] = _edited(items[index], rest, change, kind)
    elif rest:
        items[index] = _in_step(items[index], rest, change)
    elif change.action == "set":
        items[index] = change.node
    elif change.action == "remove":
        del items[index]
    else:
        at = index if change.action == "before" else index + 1
        items[at:at] = items_of(change.node)
    return node._replace(items=tuple(items))


def items_of(node: Node) -> tuple[Node, ...]:
    """The items of a list; a node that is none, alone."""
    return node.items if isinstance(node, SequenceNode) else (node,)


def _index(items: Sequence[Node], name: ScalarNode) -> int:
    """Which step of a list a name of the path means."""
    if name.text.isdecimal() and len(name.text) < 10:
        if int(name.text) < len(items):
            return int(name.text)
        message = f"there is no step {name.text}: the list has {len(items)}, counted from 0"
        raise missed(name, message, f"write {len(items) - 1} or less")
    names = [_name(item) for item in items]
    found = [index for index, other in enumerate(names) if other == name.text]
    if len(found) > 1:
        message = f"`{name.text}` is {len(found)} steps of this list, and an edit hits one place"
        raise missed(name, message, f"write its number: {listed(map(str, found), 4)}")
    if not found:
        raise _nothing(name, names)
    return found[0]


def _name(step: Node) -> str:
    """How a path calls a step: by its `id`, else by its op or block."""
    if isinstance(step, ScalarNode):
        return step.text.rpartition(".")[2]
    if not isinstance(step, MappingNode):
        return ""
    own = step.get("id")
    if isinstance(own, ScalarNode):
        return own.text
    call = _call(step)
    return call[0].text.rpartition(".")[2] if call is not None else ""


def _call(step: MappingNode) -> tuple[ScalarNode, Node] | None:
    """The entry of a step that names its op or block."""
    reserved = Step.keys()
    return next((entry for entry in step.entries if entry[0].text not in reserved), None)


def _in_step(step: Node, path: Path, change: Change) -> Node:
    """A change inside a step: of its own keys, or of what its op is given."""
    if isinstance(step, ScalarNode):
        step = MappingNode(((step, MappingNode((), step.span)),), step.span)
    call = _call(step) if isinstance(step, MappingNode) else None
    if call is None or path[0].text in (call[0].text, *Step.keys()):
        return _edited(step, path, change, Step)
    assert isinstance(step, MappingNode)
    key, value = call
    is_empty = isinstance(value, ScalarNode) and value.value is None
    inner = MappingNode((), key.span) if is_empty else value
    if isinstance(inner, MappingNode) and len(path) > 1 and inner.get(path[0].text) is None:
        own = [key.text for key, _ in inner.entries]
        raise _nothing(path[0], own, Step.keys())
    inner = _edited(inner, path, change)
    entries = ((key, inner) if entry is call else entry for entry in step.entries)
    return step._replace(entries=tuple(entries))


def _nothing(name: ScalarNode, names: Iterable[str], others: Iterable[str] = ()) -> Missed:
    """The finding for a name that is none of those at its place; `others` may be meant as well."""
    known = list(dict.fromkeys(other for other in names if other))
    legal = [*known, *others]
    suggestion = suggest(name.text, legal, own=legal)
    help = suggestion.help(f"there is {listed(known) or 'nothing'}")
    message = f"there is no `{name.text}` at this place"
    found = missed(name, message, help, suggestion)
    return Missed(found.finding, name.text)
