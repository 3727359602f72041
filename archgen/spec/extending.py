"""`extends:`: the document of another spec, with edits that each hit one place and change something there.

A place is a path through the document, `network.inception_4c.pooled`: keys of mappings, and in a list of
steps a step by its `id`, else by its op or block where only one step has that, else by its number from 0.
Behind a step stand its own keys (`repeat`, `when`) or the settings and branches of its op.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archgen.diagnostics import Diagnostic, Findings, did_you_mean, listed, only_near
from archgen.rules import BAD_VALUE, EDIT_MISSES, IDLE_EDIT, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, plain
from archgen.spec.model import Edit, Extension, Step, read_model

# What a file claims of its own network: another network does not inherit it.
CLAIMS = ("name", "expect", "alternatives")
OWN = (*CLAIMS, "archgen", "extends", "edit")
_ACTIONS = ("set", "remove", "before", "after")


class Missed(Exception):
    """An edit hits no place, or several; carries the one finding."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Change(NamedTuple):
    """What an edit does at its place: its action, with the node that the action takes if it takes one."""

    at: ScalarNode
    action: str
    node: Node

    def missed(self, message: str, help: str, instead: str | None = None) -> Missed:
        """The finding that the path leads nowhere."""
        return Missed(EDIT_MISSES.at(self.at.span, message, help=help, instead=instead))


def extended(base: MappingNode, own: Extension, findings: Findings) -> MappingNode:
    """The base's document as the extension changes it, with the extension's own claims.

    An edit that misses, or changes nothing, is reported and left out.
    """
    root = base
    for change in _changes(own, findings):
        path = change.at.text.split(".")
        try:
            if path[0] in OWN:
                message = f"`{path[0]}` of the base is not taken over"
                raise change.missed(message, f"write `{path[0]}:` in this file, or leave it out")
            edited = _edited(root, path, change)
        except Missed as missed:
            findings.add(missed.finding)
            continue
        if plain(edited) == plain(root):
            message, help = (
                f"this edit changes nothing: `{change.at.text}` is so already",
                "remove it",
            )
            findings.add(IDLE_EDIT.at(change.at.span, message, help=help))
        assert isinstance(edited, MappingNode)
        root = edited
    return _with_claims(root, own)


def _with_claims(base: MappingNode, own: Extension) -> MappingNode:
    node = own.node
    assert isinstance(node, MappingNode)
    known = set(Extension.keys()) - {"extends", "edit", "allow"}
    taken = [entry for entry in node.entries if entry[0].text in known]
    names = {key.text for key, _ in taken}
    kept = [e for e in base.entries if e[0].text not in names and e[0].text not in CLAIMS]
    root = MappingNode((*taken, *kept), node.span)
    return _with_allowances(root, node) if own.allow else root


def _with_allowances(root: MappingNode, own: MappingNode) -> MappingNode:
    """The warnings that both files acknowledge, each in its own text."""
    sides = [side for side in (root.get("allow"), own.get("allow")) if side is not None]
    codes = [code for side in sides for code in _items(side)]
    key = own.key("allow")
    assert key is not None
    others = [entry for entry in root.entries if entry[0].text != "allow"]
    return MappingNode((*others, (key, SequenceNode(tuple(codes), key.span))), root.span)


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, SequenceNode) else (node,)


def _changes(own: Extension, findings: Findings) -> Iterator[Change]:
    """The edits that can be read."""
    if own.edit is None:
        return
    if not isinstance(own.edit, SequenceNode):
        help = "write `- {at: PATH, set: VALUE}`"
        findings.add(WRONG_TYPE.at(own.edit.span, "`edit` must be a list of edits", help=help))
        return
    for item in own.edit.items:
        before = len(findings.diagnostics)
        edit = read_model(Edit, item, findings)
        given = [] if edit is None else [(name, getattr(edit, name)) for name in _ACTIONS]
        given = [(name, value) for name, value in given if value is not None and value is not False]
        if edit is not None and len(given) == 1:
            ((action, value),) = given
            yield Change(edit.at, action, value)
        elif edit is not None and len(findings.diagnostics) == before:
            message = f"an edit says one of {listed(f'`{action}`' for action in _ACTIONS)}"
            findings.add(BAD_VALUE.at(edit.at.span, message, help="write `set: VALUE`"))


# ------------------------------------------------------------------------------------------- places


def _edited(node: Node, path: Sequence[str], change: Change) -> Node:
    """The node with the change at the path. Raises Missed."""
    if isinstance(node, MappingNode):
        return _in_mapping(node, path, change)
    if isinstance(node, SequenceNode):
        return _in_list(node, path, change)
    text = node.text or "nothing"
    raise change.missed(
        f"`{path[0]}` cannot stand inside `{text}`",
        "end the path before it, and `set` the whole value",
    )


def _in_mapping(node: MappingNode, path: Sequence[str], change: Change) -> Node:
    name, *rest = path
    entries = list(node.entries)
    index = next((i for i, (key, _) in enumerate(entries) if key.text == name), None)
    if index is None:
        if rest or change.action != "set":
            raise _nothing(name, [key.text for key, _ in entries], change)
        key = ScalarNode(name, name, change.at.span)
        return node._replace(entries=(*entries, (key, change.node)))
    key, value = entries[index]
    if rest:
        entries[index] = (key, _edited(value, rest, change))
    elif change.action == "set":
        entries[index] = (key, change.node)
    elif change.action == "remove":
        del entries[index]
    else:
        help = "name a step of a list, or `set` the value"
        raise change.missed(f"`{name}` is no step, so nothing stands {change.action} it", help)
    return node._replace(entries=tuple(entries))


def _in_list(node: SequenceNode, path: Sequence[str], change: Change) -> Node:
    name, *rest = path
    items = list(node.items)
    index = _index(items, name, change)
    if rest:
        items[index] = _in_step(items[index], rest, change)
    elif change.action == "set":
        items[index] = change.node
    elif change.action == "remove":
        del items[index]
    else:
        at = index if change.action == "before" else index + 1
        items[at:at] = _items(change.node)
    return node._replace(items=tuple(items))


def _index(items: Sequence[Node], name: str, change: Change) -> int:
    """Which step of a list a segment of the path means."""
    if name.isdecimal() and len(name) < 10:
        if int(name) < len(items):
            return int(name)
        message = f"there is no step {name}: the list has {len(items)}, counted from 0"
        raise change.missed(message, f"write {len(items) - 1} or less")
    names = [_name(item) for item in items]
    found = [index for index, other in enumerate(names) if other == name]
    if len(found) > 1:
        message = f"`{name}` is {len(found)} steps of this list, and an edit hits one place"
        raise change.missed(message, f"write its number: {listed(map(str, found), 4)}")
    if not found:
        raise _nothing(name, names, change)
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


def _in_step(step: Node, path: Sequence[str], change: Change) -> Node:
    """A change inside a step: of its own keys, or of what its op is given."""
    if isinstance(step, ScalarNode):
        step = MappingNode(((step, MappingNode((), step.span)),), step.span)
    reserved = Step.keys()
    call = _call(step) if isinstance(step, MappingNode) else None
    if call is None or path[0] == call[0].text or path[0] in reserved:
        return _edited(step, path, change)
    assert isinstance(step, MappingNode)
    key, value = call
    is_empty = isinstance(value, ScalarNode) and value.value is None
    inner = _edited(MappingNode((), key.span) if is_empty else value, path, change)
    entries = ((key, inner) if entry is call else entry for entry in step.entries)
    return step._replace(entries=tuple(entries))


def _nothing(name: str, names: Sequence[str], change: Change) -> Missed:
    known = list(dict.fromkeys(name for name in names if name))
    near = did_you_mean(name, known)
    help = f"did you mean `{near}`?" if near else f"there is {listed(known) or 'nothing'}"
    only = only_near(name, known)
    parts = change.at.text.split(".")
    instead = ".".join(only if part == name else part for part in parts) if only else None
    return change.missed(f"there is no `{name}` at this place", help, instead)
