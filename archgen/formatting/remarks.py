"""The comments and blank lines of a YAML text: what stands between its scalars and brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from archgen.formatting.layout import Comment
from archgen.spec.patching import Offsets

# libyaml ends a line at each of these
BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_COMMENT = re.compile(r"(?:^|(?<=[\s,\[\]{}\"']))#.*", re.DOTALL)
_HASHES = re.compile(r"#+(?=\w)")


class Remark(NamedTuple):
    """A comment or, without one, a blank line; `after` counts the tokens before it.

    `is_beside` says that it stands on the line on which the token before it ends.
    """

    after: int
    comment: Comment | None = None
    is_beside: bool = False


def token_of(event: yaml.Event, text: str) -> tuple[int, int] | None:
    """Where an event's scalar, alias or bracket stands in the text; None for what has no sign."""
    assert event.start_mark is not None, "libyaml marks every event"
    assert event.end_mark is not None, "libyaml marks every event"
    start, end = min(event.start_mark.index, len(text)), min(event.end_mark.index, len(text))
    if isinstance(event, yaml.ScalarEvent):
        is_block = event.style in ("|", ">")
        return start, start + len(text[start:end].rstrip()) if is_block else end
    if isinstance(event, yaml.AliasEvent) or text[start:end].endswith(("{", "[", "}", "]")):
        return start, end
    return None


def remarks_of(events: list[yaml.Event], text: str) -> list[Remark]:
    """All remarks, in the order of the text."""
    found: list[Remark] = []
    offsets = Offsets(text)
    count, place = 0, 0
    for event in events:
        token = token_of(event, text)
        if token is None:
            continue
        found.extend(_between(text, place, token[0], count, offsets))
        count, place = count + 1, token[1]
        if isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"):
            found.extend(_beside_header(text, token, count, offsets))
    return [*found, *_between(text, place, len(text), count, offsets)]


def _between(text: str, start: int, end: int, count: int, offsets: Offsets) -> Iterator[Remark]:
    """The remarks in the gap between two tokens."""
    place = start
    breaks = [match.span() for match in BREAK.finditer(text, start, end)]
    for first, behind in [*breaks, (end, end)]:
        line = text[place:first]
        if (comment := _comment(place, line, offsets)) is not None:
            yield Remark(count, comment, is_beside=place == start > 0)
        elif not line.strip() and first < end and (place > start or not start):
            yield Remark(count)
        place = behind


def _comment(place: int, line: str, offsets: Offsets) -> Comment | None:
    """The comment in a part of a line that begins at the offset `place`."""
    found = _COMMENT.search(line)
    if found is None:
        return None
    words = _HASHES.sub(lambda hashes: f"{hashes[0]} ", found[0].rstrip(), count=1)
    return Comment(words, offsets.position(place + found.start()).column - 1)


def _beside_header(
    text: str, token: tuple[int, int], count: int, offsets: Offsets
) -> Iterator[Remark]:
    """The comment behind `>-`, which is a part of the block scalar to libyaml."""
    header = BREAK.split(text[token[0] : token[1]], maxsplit=1)[0]
    sign = re.search(r"[|>][-+0-9]*", header)
    assert sign is not None, "a block scalar begins with its sign"
    behind = sign.end()
    if (comment := _comment(token[0] + behind, header[behind:], offsets)) is not None:
        yield Remark(count, comment, is_beside=True)
