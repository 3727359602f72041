"""YAML text to its layout: the events of libyaml with every comment and blank line put where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import yaml

from archgen.formatting.layout import (
    Alias,
    Collection,
    Comment,
    Entry,
    Lead,
    Piece,
    Scalar,
    without_first_lead,
)
from archgen.formatting.remarks import Remark, remarks_of, token_of
from archgen.spec.document import resolve_scalar


def read_layout(text: str) -> Collection:
    """The layout of a text that is known to be sound YAML, one document, a mapping with plain keys."""
    root = _Reader(text).root()
    assert isinstance(root, Collection)
    return root


class _Reader:
    """Walks the events once, and beside them the remarks."""

    def __init__(self, text: str) -> None:
        loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        events = list(yaml.parse(text, Loader=loader))
        self._text = text
        self._events = iter(events)
        self._remarks = remarks_of(events, text)
        self._remarks.reverse()  # the next one is the last
        self._seen = 0

    def root(self) -> Piece:
        """The one document; the comments behind it are at its end."""
        start = next(e for e in self._events if isinstance(e, yaml.NodeEvent))
        root = self._piece(start, column=-1)
        rest = self._lines()
        if isinstance(root, Collection) and rest:
            return replace(root, end=(*root.end, *rest))
        return root

    def _take(self, event: yaml.Event) -> yaml.Event:
        """The event, its token counted as seen."""
        if token_of(event, self._text) is not None:
            self._seen += 1
        return event

    def _lines(self) -> Lead:
        """What stands above the next token."""
        lines = []
        while self._remarks and self._remarks[-1].after <= self._seen:
            lines.append(self._remarks.pop().comment)
        return tuple(lines)

    def _tail(self) -> Comment | None:
        """The comment beside the last token, if there is one."""
        is_next = self._remarks and self._remarks[-1].after <= self._seen
        if is_next and self._remarks[-1].is_beside:
            return self._remarks.pop().comment
        return None

    def _end(self, column: int) -> Lead:
        """The comments that stand at least at `column`, up to the next token."""
        near: list[Remark] = []
        for remark in reversed(self._remarks):
            is_outer = remark.comment is not None and remark.comment.column < column
            if remark.after > self._seen or is_outer:
                break
            near.append(remark)
        while near and near[-1].comment is None:
            near.pop()
        del self._remarks[len(self._remarks) - len(near) :]
        return tuple(remark.comment for remark in near)

    def _piece(self, event: yaml.Event, column: int) -> Piece:
        """The node that an event begins, inside a collection at `column`."""
        self._take(event)
        if isinstance(event, yaml.AliasEvent):
            return Alias(f"*{event.anchor}")
        assert isinstance(event, yaml.NodeEvent)
        mark = f"&{event.anchor}" if event.anchor else ""
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark)
        assert isinstance(event, yaml.CollectionStartEvent)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        own = max(_column(event), column + 1) if not mark else column + 1
        entries = tuple(self._entries(is_mapping, bool(event.flow_style), own))
        end = self._end(0) if event.flow_style else self._end(own)
        self._take(self._closing)
        return Collection(is_mapping, bool(event.flow_style), entries, mark, end)

    def _scalar(self, event: yaml.ScalarEvent, mark: str) -> Scalar:
        token = token_of(event, self._text)
        assert token is not None
        raw = self._text[slice(*token)]
        if mark:
            raw = raw.partition(mark)[2].lstrip()
        style = event.style or ""
        is_plain = bool(event.implicit[0]) and not style
        value = resolve_scalar(event.value) if is_plain else event.value
        return Scalar(value, event.value, style, raw, mark)

    def _entries(self, is_mapping: bool, is_flow: bool, column: int) -> Iterator[Entry]:
        """The entries up to the event that closes the collection, which is kept."""
        ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        while not isinstance(event := next(self._events), ends):
            lead = self._lines()
            if not is_mapping:
                yield self._finished(Entry(self._piece(event, column)), lead)
                continue
            key = self._piece(event, column)
            assert isinstance(key, Scalar | Alias)
            beside = None if is_flow else self._tail()
            inner = next(self._events)
            where, width = _gap(event, inner)
            value = self._piece(inner, column)
            entry = Entry(value, key, (), beside, where, width)
            yield self._finished(entry, lead)
        self._closing = event

    def _finished(self, entry: Entry, lead: Lead) -> Entry:
        """The entry with the comment behind its last token; an earlier one then stands above it."""
        value = entry.value
        if isinstance(value, Collection) and not value.entries:
            lead, value = (*lead, *value.end), replace(value, end=())
        elif isinstance(value, Collection) and entry.key is None:
            lead, value = (*lead, *value.entries[0].lead), without_first_lead(value)
        tail = self._tail()
        if tail is not None and entry.tail is not None:
            lead = (*lead, entry.tail)
        return replace(entry, value=value, lead=lead, tail=tail or entry.tail)


def _column(event: yaml.Event) -> int:
    assert event.start_mark is not None, "libyaml marks every event"
    return int(event.start_mark.column)


def _gap(key: yaml.Event, value: yaml.Event) -> tuple[int | None, int]:
    """The column of a value that stands on the line of its key, and the length of the key."""
    assert key.end_mark is not None
    assert value.start_mark is not None
    width = key.end_mark.column - _column(key)
    is_beside = key.end_mark.line == value.start_mark.line
    return (_column(value) if is_beside else None), width
