"""A YAML text as a person sees it: nodes with the comments and blank lines that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from archgen.spec.document import Plain


class Comment(NamedTuple):
    """A comment, its `#` with it, and the column where it stood, counted from 0."""

    text: str
    column: int


# comments on lines of their own, and None for a blank line
Lead: TypeAlias = "tuple[Comment | None, ...]"


@dataclass(frozen=True)
class Scalar:
    """A scalar: its value, its text without quotes, the sign that it is written with, and its source.

    `style` is empty for a plain scalar, else one of the signs for quotes, `|` and `>`; `mark` is
    an anchor that stands before it.
    """

    value: Plain
    text: str
    style: str = ""
    raw: str = ""
    mark: str = ""

    @property
    def has_lines(self) -> bool:
        """Whether it is a plain or block scalar of several lines, which stays one."""
        return self.style in ("", "|", ">") and len(self.raw.splitlines()) > 1

    @property
    def keeps_lines(self) -> bool:
        """Whether it cannot stand on one line: a plain text that is folded over several can."""
        return self.has_lines and (bool(self.style) or "\n" in self.text)


@dataclass(frozen=True)
class Alias:
    """A reference to an anchor."""

    text: str


@dataclass(frozen=True)
class Collection:
    """A mapping or a list; `end` are the comments behind its last entry."""

    is_mapping: bool
    is_flow: bool
    entries: tuple[Entry, ...] = ()
    mark: str = ""
    end: Lead = ()

    def get(self, key: str) -> Piece | None:
        """The value of a key, or None."""
        return next((entry.value for entry in self.entries if entry.name == key), None)

    @property
    def is_simple(self) -> bool:
        """Whether it can stand on one line: no comment inside, and no text of several lines."""
        return not any(self.end) and all(_is_simple(entry) for entry in self.entries)


@dataclass(frozen=True)
class Entry:
    """One value of a collection, its key in a mapping, and the comments above and beside it.

    `column` is where the value began, if on the line of its key, and `width` the length of the key.
    One that `is_apart` has a blank line above it where it takes several lines.
    """

    value: Piece
    key: Scalar | Alias | None = None
    lead: Lead = ()
    tail: Comment | None = None
    column: int | None = None
    width: int = 0
    is_apart: bool = False

    @property
    def name(self) -> str:
        """The text of the key, or an empty text."""
        return self.key.text if self.key else ""

    @property
    def is_bare(self) -> bool:
        """Whether no comment belongs to it."""
        return self.tail is None and not any(self.lead)


Piece: TypeAlias = "Scalar | Alias | Collection"


def _is_simple(entry: Entry) -> bool:
    if not entry.is_bare:
        return False
    if isinstance(entry.value, Collection):
        return entry.value.is_simple
    return isinstance(entry.value, Alias) or not entry.value.keeps_lines


def without_first_lead(collection: Collection) -> Collection:
    """The collection without what stands above its first entry, which moves further out."""
    first, *rest = collection.entries
    return replace(collection, entries=(replace(first, lead=()), *rest))
