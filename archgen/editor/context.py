"""Where a cursor stands in a text that need not be YAML yet: the keys around it, and what is begun."""

from __future__ import annotations

import re
from typing import NamedTuple

_DASH = re.compile(r"-(?: +|$)")
_KEY = re.compile(r"\"?([\w.]+)\"?\s*:(?:\s+|$)")
_MARGIN = re.compile(r" *")


class Context(NamedTuple):
    """The keys around a cursor, None for a list, and the word that it stands behind.

    `is_value` says that a value is begun, of the last key of `path` or as an item of a list;
    otherwise a key, or in a list a value as well.
    """

    path: tuple[str | None, ...]
    word: str
    is_value: bool


def context(text: str) -> Context:
    """The context at the end of `text`, which is all that stands before the cursor."""
    scan = _Scan()
    for line in text.splitlines() or [""]:
        scan.line(line)
    if text.endswith(("\n", "\r")):
        scan.line("")
    return scan.context()


class _Scan:
    """Reads line by line what is open: keys by their indentation, brackets, and the last word."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str | None]] = []
        self._brackets: list[tuple[str, str]] = []
        self._word = ""
        self._is_value = False

    def context(self) -> Context:
        """What is open now."""
        path = [name for _, name in self._open]
        for bracket, key in self._brackets:
            path.append(None if bracket == "[" else key)
        is_value = self._is_value
        if self._brackets:
            bracket, key = self._brackets[-1]
            is_value = bracket == "[" or bool(key)
            if bracket == "{" and not key:
                path.pop()
        return Context(tuple(path), self._word.strip(" \"'"), is_value)

    def line(self, line: str) -> None:
        """Takes the next line."""
        self._is_value = False
        if self._brackets:
            self._flow(line)
            return
        self._word = ""
        column = len(_margin(line))
        rest = line[column:]
        if rest.startswith("#"):
            return
        while found := _DASH.match(rest):
            self._close(column, is_dash=True)
            self._open.append((column, None))
            column, rest = column + found.end(), rest[found.end() :]
        self._close(column, is_dash=False)
        if found := _KEY.match(rest):
            self._open.append((column, found[1]))
            self._is_value = True
            rest = rest[found.end() :]
        self._flow(rest)

    def _close(self, column: int, *, is_dash: bool) -> None:
        """Closes what is not around `column`; a `-` may stand below its key at the same column."""
        while self._open and (
            self._open[-1][0] > column
            or (self._open[-1][0] == column and not (is_dash and self._open[-1][1]))
        ):
            self._open.pop()

    def _flow(self, text: str) -> None:
        """Follows the brackets of a line."""
        self._word, quote = "", ""
        for before, letter in zip(f" {text}", text, strict=False):
            if quote or letter in "\"'":
                quote = "" if letter == quote else quote or letter
                self._word += letter
            elif letter == "#" and before == " ":
                return
            else:
                self._letter(letter)

    def _letter(self, letter: str) -> None:
        if letter in "{[":
            self._brackets.append((letter, ""))
        elif letter in "}]" and self._brackets:
            self._brackets.pop()
        elif letter == "," and self._brackets:
            self._brackets[-1] = (self._brackets[-1][0], "")
        elif letter == ":" and self._brackets and self._brackets[-1][0] == "{":
            self._brackets[-1] = ("{", self._word.strip(" \"'"))
        else:
            self._word += letter
            return
        self._word = ""


def _margin(line: str) -> str:
    found = _MARGIN.match(line)
    assert found is not None
    return found[0]
