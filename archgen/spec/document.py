"""YAML text to positioned nodes: one pass over libyaml's events.

The builder keeps the position of every key and value, resolves scalars by the YAML 1.2 core schema
(`no` is text, `1e-3` is a number, `012` is twelve), and refuses what a spec does not need: tags,
merge keys, several documents, duplicate keys. Depth, events and alias expansion are bounded, so
hostile text costs no more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import yaml

from archgen.diagnostics import Diagnostic, Findings, Fix, Label, Position, Span, quoting
from archgen.rules import DUPLICATE_KEY, LIMIT, UNQUOTED_EXPRESSION, YAML_FEATURE
from archgen.spec.expression_parser import is_expression
from archgen.spec.yaml_errors import end_of, forbidden_character, merge_conflict, syntax_diagnostic

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_EVENTS = 500_000
MAX_DIGITS = 18
MAX_KEY = 1024  # what YAML allows of a key on one line

Plain: TypeAlias = "str | int | float | bool | None"


class ScalarNode(NamedTuple):
    """One scalar: its value under YAML 1.2, its text as written, and where it stands."""

    value: Plain
    text: str
    span: Span


class SequenceNode(NamedTuple):
    """A list of nodes."""

    items: tuple[Node, ...]
    span: Span


class MappingNode(NamedTuple):
    """Keys and values in the order of the text; keys are unique texts.

    `lost` is the finding about a key that stood there twice: what is missing may be what it meant.
    """

    entries: tuple[tuple[ScalarNode, Node], ...]
    span: Span
    lost: Diagnostic | None = None

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        return next((value for name, value in self.entries if name.text == key), None)

    def key(self, key: str) -> ScalarNode | None:
        """The node of the key itself, or None."""
        return next((name for name, _ in self.entries if name.text == key), None)


Node: TypeAlias = "ScalarNode | SequenceNode | MappingNode"
Entries: TypeAlias = "dict[str, tuple[ScalarNode, Node]]"


def around(nodes: Sequence[Node]) -> Span | None:
    """The stretch from the first of some nodes of one text to the last; None where there is none."""
    return Span(nodes[0].span.source, nodes[0].span.start, nodes[-1].span.end) if nodes else None


def plain(node: Node) -> object:
    """The node as plain Python data: dicts, lists and scalars, without positions."""
    match node:
        case ScalarNode():
            return node.value
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key.text: plain(value) for key, value in node.entries}


def parse(text: str, source: str, findings: Findings) -> Node | None:
    """The one document in `text`; what is wrong with it goes to `findings`.

    Returns None where nothing could be built: the text is no YAML, empty, over a limit, or so
    written that a part of it would be lost.
    """
    forbidden = forbidden_character(text, source)
    if forbidden is not None:
        findings.add(forbidden)
        return None
    conflict = merge_conflict(text, source)
    if conflict is not None:
        findings.add(conflict)
        return None
    try:
        return _Builder(text, source, findings).document()
    except _GiveUp:
        return None
    except yaml.MarkedYAMLError as error:
        findings.add(syntax_diagnostic(error, text, source))
        return None


class _GiveUp(Exception):
    """The document cannot be built; the finding that says why has been added."""


class _Builder:
    """Builds nodes from the events of one document."""

    def __init__(self, text: str, source: str, findings: Findings) -> None:
        loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._source = source
        self._findings = findings
        self._end = end_of(text)
        self._count = 0
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._is_whole = True

    def document(self) -> Node | None:
        """The single document of the stream; None where a part of it had to be left out."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    span = self._span(event)
                    self._refuse(
                        span, "a spec is one document, and a second one starts here", "remove `---`"
                    )
                    raise _GiveUp
                root = self._node(self._next(), depth=0)
        return root if self._is_whole else None

    def _next(self) -> yaml.Event:
        event = next(self._events)
        self._count += 1
        if self._count > MAX_EVENTS:
            self._too_many(event)
        return event

    def _spend(self, events: int, at: yaml.Event) -> None:
        self._count += events
        if self._count > MAX_EVENTS:
            self._too_many(at)

    def _too_many(self, at: yaml.Event) -> None:
        self._over(at, f"the file has more than {MAX_EVENTS:,} YAML events, aliases expanded")

    def _over(self, at: yaml.Event, message: str) -> None:
        self._findings.add(LIMIT.at(self._span(at), message))
        raise _GiveUp

    def _refuse(self, span: Span, message: str, help: str) -> None:
        self._findings.add(YAML_FEATURE.at(span, message, help=help))

    def _span(self, event: yaml.Event, until: yaml.Event | None = None) -> Span:
        """Where an event stands, or all from it to the end of a later one."""
        start, end = event.start_mark, (until or event).end_mark
        assert start is not None, "libyaml marks every event"
        assert end is not None, "libyaml marks every event"
        first = Position(start.line + 1, start.column + 1)
        last = Position(end.line + 1, end.column + 1)
        if last.line >= self._end.line:  # libyaml ends a text with a line break of its own
            first, last = min(first, self._end), min(last, self._end)
        return Span(self._source, first, last)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._over(event, f"the file is nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.anchor is None:
            return self._scalar(event)  # as most are
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.tag not in (None, "!"):
            written = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag `{written}` is refused: a spec is plain data"
            self._refuse(self._span(event), message, "remove it")
        before = self._count
        node = self._own_node(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before + 1)
        return node

    def _own_node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, depth)
        return self._mapping(event, depth)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self._anchors:
            span = self._span(event)
            self._refuse(
                span, f"the alias `*{event.anchor}` has no anchor before it", "write the value out"
            )
            raise _GiveUp
        node, size = self._anchors[event.anchor]
        self._spend(size, event)
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        span = self._span(event)
        text: str = event.value
        if event.implicit[0] and not event.style:
            if len(text) > MAX_DIGITS and _is_over_long(text):
                self._over(event, f"a whole number has at most {MAX_DIGITS} digits")
            return ScalarNode(resolve_scalar(text), text, span)
        if event.style == ">" and not text:
            message = "`>` begins a text of several lines in YAML, and this one is empty"
            help = 'quote the expression: "> 3"'
            self._findings.add(UNQUOTED_EXPRESSION.at(span, message, help=help))
            self._is_whole = False
        return ScalarNode(text, text, span)

    def _sequence(self, start: yaml.Event, depth: int) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return SequenceNode(tuple(items), self._span(start, event))

    def _mapping(self, start: yaml.Event, depth: int) -> MappingNode:
        entries: Entries = {}
        lost = None
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, ScalarNode):
                braces = "expressions need no `{{ }}`: write `filters: n`"
                help = braces if isinstance(key, MappingNode) else "write a name"
                self._refuse(key.span, "a key must be a plain text", help)
                self._is_whole = False
            elif key.text in entries:
                lost = _twice(key, entries[key.text][0])
                self._findings.add(lost)
            elif self._is_sound(key, entries, event):
                entries[key.text] = (key, value)
        return MappingNode(tuple(entries.values()), self._span(start, event), lost)

    def _is_sound(self, key: ScalarNode, entries: Entries, event: yaml.Event) -> bool:
        if len(key.text) > MAX_KEY:
            self._is_whole = False
            message = f"a key has more than {MAX_KEY:,} characters"
            self._findings.add(LIMIT.at(key.span, message, help="write a shorter one"))
            return False
        if key.text == "<<":
            self._is_whole = False
            self._refuse(
                key.span, "the merge key `<<` is refused", "use params, or write the keys out"
            )
            return False
        if key.text.endswith(")") and not getattr(event, "style", None):
            self._is_whole = False
            self._findings.add(_split_at_a_comma(key, entries))
            return False
        return True


def _twice(key: ScalarNode, first: ScalarNode) -> Diagnostic:
    return DUPLICATE_KEY.at(
        key.span,
        f"the key `{key.text}` stands here a second time",
        caption="again",
        labels=(Label(first.span, "first"),),
        help="keep one of the two",
    )


def _split_at_a_comma(key: ScalarNode, entries: Entries) -> Diagnostic:
    """The finding for parentheses that YAML split: an expression, or a tuple as Python has it."""
    (fix,) = _quotes(key, entries) or (None,)
    if fix is not None:
        span = Span(key.span.source, fix.edits[0].span.start, fix.edits[1].span.end)
        name = next(name for name, value in entries.values() if value.span.start == span.start)
        parts = [text for _, text in _parts(key, entries)]
        form = tuple_as_spec(name.text, ", ".join(parts))
        text = ", ".join(parts)
        if form is not None or not is_expression(text):
            message = f"a spec has no tuples, and YAML split `{text}` at its comma"
            help = f"write `{name.text}: {form}`"
            if form is None and name.text in _WINDOWS:
                help = f"write `{name.text}: 3`, or height by width as in `1x7`"
            elif form is None:
                help = f"write one value for `{name.text}`"
            return UNQUOTED_EXPRESSION.at(span, message, help=help, instead=form)
    message = f"YAML split an expression at its comma and left the key `{key.text}`"
    help = f"quote the expression: {_rejoined(key, entries)}"
    found = UNQUOTED_EXPRESSION.at(key.span, message, help=help)
    return found._replace(fixes=() if fix is None else (fix,))


_TUPLE = re.compile(r"[(\[]\s*([0-9]{1,9}(?:\s*,\s*[0-9]{1,9}){0,3})\s*,?\s*[)\]]")
_WINDOWS = ("kernel", "stride", "dilation", "factor", "upsample")
_SIDES = ("padding", "pad", "amount", "grid")  # what takes a list of its sides


def tuple_as_spec(name: str, text: str) -> str | None:
    """How a spec writes the tuple or list of numbers of a setting: `(3, 3)` is 3, `(1, 7)` is 1x7.

    Of a padding the sides are a list. None for what has no such form.
    """
    found = _TUPLE.fullmatch(text.strip())
    if found is None or name not in (*_WINDOWS, *_SIDES):
        return None
    numbers = [str(int(number)) for number in found[1].split(",")]
    if len(set(numbers)) == 1 and len(numbers) <= 2:
        return numbers[0]
    if name in _WINDOWS:
        return "x".join(numbers) if len(numbers) == 2 else None
    return f"[{', '.join(numbers)}]" if len(numbers) in (2, 4) else None


def _parts(key: ScalarNode, entries: Entries) -> list[tuple[ScalarNode, str]]:
    """The keys from the one whose value opens a parenthesis, and the texts between the commas."""
    parts = [(key, key.text)]
    for name, value in reversed(entries.values()):
        text = value.text if isinstance(value, ScalarNode) else ""
        parts.insert(0, (name, text or name.text))
        if "(" in text:
            break
    return parts


def _rejoined(key: ScalarNode, entries: Entries) -> str:
    """The expression that YAML split, in quotes: its last part is the key."""
    parts = _parts(key, entries)
    text = ", ".join(text for _, text in parts)
    return f'`{parts[0][0].text}: "{text}"`' if "(" in parts[0][1] else '`"max(a, b)"`'


def _quotes(key: ScalarNode, entries: Entries) -> tuple[Fix, ...]:
    """The quotes around an expression that YAML split, where it stands on one line."""
    parts = [key.text]
    for name, value in reversed(entries.values()):
        parts.append(name.text)
        if not isinstance(value, ScalarNode) or "(" not in value.text:
            continue
        text = "".join([value.text, *parts[:-1]])
        is_plain = value.span.start.line == key.span.end.line and not set(text) & set("\"'\\")
        if is_plain and text.count("(") == text.count(")"):
            return (quoting(Span(key.span.source, value.span.start, key.span.end)),)
        break
    return ()


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]{1,20}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ENDLESS = {
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}


def _is_over_long(text: str) -> bool:
    """Whether `text` is a whole number of more digits than any has that a spec needs."""
    return len(text.lstrip("+-")) > MAX_DIGITS and _INTEGER.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # a spec says few words, many times
def resolve_scalar(text: str) -> Plain:
    """The value of a plain scalar under the YAML 1.2 core schema."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return _ENDLESS.get(text.lower(), text)
