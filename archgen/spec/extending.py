"""`extends:`: the document of another spec, with edits that each hit one place and change something there."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diagnostics import Findings, Label, Span, listed
from archgen.rules import BAD_VALUE, IDLE_EDIT, LIMIT, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, plain
from archgen.spec.edited import Edited, Extended, edited_by
from archgen.spec.edits import Change, Missed, items_of, missed
from archgen.spec.mappings import read_model
from archgen.spec.model import Edit, Extension

# What a file claims of its own network: another network does not inherit it.
CLAIMS = ("name", "expect", "alternatives")
OWN = (*CLAIMS, "archgen", "extends", "edit")
MAX_EDITED = 2_000_000
_ACTIONS = ("set", "remove", "before", "after")


def extended(base: MappingNode, own: Extension, findings: Findings) -> Extended | None:
    """The base's document as the extension changes it, with the extension's own claims.

    Every edit that cannot be read, misses, or changes nothing is reported. None where one could not be
    done: the network that was meant is then not known, and nothing can be said of it.
    """
    if own.edit is not None and not isinstance(own.edit, SequenceNode):
        help = "write `- {at: PATH, set: VALUE}`"
        findings.add(WRONG_TYPE.at(own.edit.span, "`edit` must be a list of edits", help=help))
        return None
    root, edits = base, _Edits(findings)
    size = _size(base)
    for number, item in enumerate(own.edit.items if own.edit is not None else (), start=1):
        if number * size > MAX_EDITED and number > 1:
            message = f"the edits so far look at more than {MAX_EDITED:,} values of the base"
            help = "write the network out, or edit whole blocks"
            findings.add(LIMIT.at(item.span, message, help=help))
            return None
        root = edits.done(root, item)
    return Extended(_with_claims(root, own), edits.made) if edits.are_whole else None


def _size(node: Node) -> int:
    """How many keys and values a node holds: each edit looks at all of them."""
    match node:
        case SequenceNode():
            return 1 + sum(map(_size, node.items))
        case MappingNode():
            return 1 + sum(1 + _size(value) for _, value in node.entries)
    return 1


class _Edits:
    """Does one edit after the other, and tells of each that cannot be done."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._lost: set[str] = set()  # the words of edits that were left out
        self._removed: dict[str, Span] = {}
        self.are_whole = True
        self.made: tuple[Edited, ...] = ()

    def done(self, root: MappingNode, item: Node) -> MappingNode:
        """The document with one edit, or as it was where that cannot be done."""
        change = _change(item, self._findings)
        edited = None if change is None else self._edited(root, change)
        if change is None or edited is None:
            self.are_whole = False
            self._lost.update(_texts(item))
            return root
        if plain(edited) == plain(root):
            message = f"this edit changes nothing: `{change.at.text}` is so already"
            self._findings.add(IDLE_EDIT.at(change.at.span, message, help="remove it"))
        if change.action == "remove":
            self._removed[change.at.text] = change.at.span
        self.made = (*self.made, *edited_by(change, root, edited))
        return edited

    def _edited(self, root: MappingNode, change: Change) -> MappingNode | None:
        name = change.at.text.partition(".")[0]
        try:
            if name in OWN:
                message = f"`{name}` of the base is not taken over"
                raise missed(change.at, message, f"write `{name}:` in this file, or leave it out")
            return change.edited(root)
        except Missed as miss:
            self._tell(change, miss)
            return None

    def _tell(self, change: Change, miss: Missed) -> None:
        """Reports an edit that hits no place, unless it looks for what a lost one would have brought."""
        path = f"{change.at.text}."
        removed = [span for at, span in self._removed.items() if path.startswith(f"{at}.")]
        labels = [Label(span, "this edit has removed it") for span in removed[-1:]]
        if not miss.name or miss.name not in self._lost:
            self._findings.add(miss.finding._replace(labels=tuple(labels)))


def _texts(node: Node) -> Iterator[str]:
    """The words of a node."""
    match node:
        case ScalarNode():
            yield node.text
        case SequenceNode():
            yield from (word for item in node.items for word in _texts(item))
        case MappingNode():
            for key, value in node.entries:
                yield key.text
                yield from _texts(value)


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
    codes = [code for side in sides for code in items_of(side)]
    key = own.key("allow")
    assert key is not None
    others = [entry for entry in root.entries if entry[0].text != "allow"]
    return MappingNode((*others, (key, SequenceNode(tuple(codes), key.span))), root.span)


def _change(item: Node, findings: Findings) -> Change | None:
    """What an edit does; None, with findings, where it cannot be read."""
    before = len(findings.diagnostics)
    edit = read_model(Edit, item, findings)
    if edit is None:
        return None
    given = [(name, getattr(edit, name)) for name in _ACTIONS]
    given = [(name, value) for name, value in given if value is not None and value is not False]
    if len(given) == 1:
        ((action, value),) = given
        return Change(edit.at, action, value)
    if len(findings.diagnostics) == before:
        message = f"an edit says one of {listed(f'`{action}`' for action in _ACTIONS)}"
        findings.add(BAD_VALUE.at(edit.at.span, message, help="write `set: VALUE`"))
    return None
