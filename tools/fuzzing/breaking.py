"""Ways to break tokens of a spec: a key, a value, a name, an indentation, an order, a sign."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import takewhile
from random import Random
from typing import NamedTuple

from archgen.diagnostics import Findings
from archgen.ir.op import Join
from archgen.ops import OPS, OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.resolve.params import LONG_FORM
from archgen.spec import model
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse
from archgen.spec.mappings import SpecModel

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WRONG_VALUES = (
    "-1",
    "0",
    "99999999",
    "1.5",
    "true",
    "wrong",
    "[1]",
    "{a: 1}",
    '""',
    "~",
    "",
    "1e9",
)
PUNCTUATION = "-:[]{}\"',"
NAMING = ("blocks", "params", "variants", "use", "outputs", "alternatives")


class Site(NamedTuple):
    """A scalar on one line: its line from 0, its columns, the keys around it, and whether it is a key."""

    line: int
    start: int
    end: int
    text: str
    path: tuple[str, ...]
    is_key: bool


class Edit(NamedTuple):
    """A spec with one token broken, or with up to `tokens` of them.

    `lines` are the lines of the new text that were touched, `words` what was there and what is
    there now, and `derived` how the derivation of a size writes them; `is_typo` says that the word
    is a key or a name, and nothing in the language, nor in this file, by its new spelling.
    """

    kind: str
    text: str
    lines: frozenset[int]
    words: tuple[str, ...]
    is_typo: bool = False
    is_known_key: bool = False
    derived: tuple[str, ...] = ()
    tokens: int = 1


def _vocabulary() -> frozenset[str]:
    """Every word that the language knows somewhere."""
    models = [
        kind
        for kind in vars(model).values()
        if isinstance(kind, type) and issubclass(kind, SpecModel)
    ]
    keys = {key for kind in models for key in kind.keys()}  # noqa: SIM118  # not a dict
    settings = {name for op in OPS for name in settings_of(op)}
    return frozenset(keys | settings | set(OPS_BY_NAME) | set(LONG_FORM) | {"variant", "i"})


VOCABULARY = _vocabulary()
JOINS = frozenset(op.name for op in OPS if issubclass(op, Join)) | {"split"}


def names_something(site: Site) -> bool:
    """Whether a key is a name that the user made up: renaming it may be no mistake."""
    owner = site.path[-2] if len(site.path) > 1 else ""
    if owner in NAMING:
        return True
    return owner in JOINS and site.path[-1] not in ("body", "shortcut")


def is_new(word: str) -> bool:
    """Whether a word means nothing in the language, nor in Python."""
    return word not in VOCABULARY and not keyword.iskeyword(word)


def is_slip(text: str, site: Site, word: str) -> bool:
    """Whether a word in the place of another is misspelt.

    A use of a name that becomes another name of the file is sound, and means something else: only
    what is expected of it can tell. A name that is made here and is there already is a slip.
    """
    return is_new(word) and word != site.text and (is_made_up(site) or word not in _names(text))


@cache
def _names(text: str) -> frozenset[str]:
    """The names that the user made up in a spec."""
    return frozenset(site.text for site in sites(text) if is_made_up(site))


def is_made_up(site: Site) -> bool:
    """Whether a name is made here."""
    return names_something(site) if site.is_key else site.path[-1:] == ("id",)


@cache
def sites(text: str) -> tuple[Site, ...]:
    """The scalars of a spec that stand on one line as they are."""
    root = parse(text, "", Findings())
    assert root is not None, "a spec to break is sound"
    lines = text.split("\n")
    return tuple(
        site for site in _walk(root, ()) if lines[site.line][site.start : site.end] == site.text
    )


def _walk(node: Node, path: tuple[str, ...]) -> Iterator[Site]:
    match node:
        case ScalarNode():
            yield _site(node, path, is_key=False)
        case SequenceNode():
            for item in node.items:
                yield from _walk(item, path)
        case MappingNode():
            for key, value in node.entries:
                inner = (*path, key.text)
                yield _site(key, inner, is_key=True)
                yield from _walk(value, inner)


def _site(node: ScalarNode, path: tuple[str, ...], *, is_key: bool) -> Site:
    start, end = node.span.start, node.span.end
    return Site(start.line - 1, start.column - 1, end.column - 1, node.text, path, is_key)


def misspelt(random: Random, word: str) -> str:
    """The word with two letters exchanged, one dropped, one doubled or one replaced."""
    at = random.randrange(len(word))
    match random.randrange(4):
        case 0 if at + 1 < len(word):
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1 if len(word) > 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
    return word[:at] + random.choice(LETTERS) + word[at + 1 :]


def _replaced(text: str, site: Site, word: str, kind: str, **facts: bool) -> Edit:
    lines = text.split("\n")
    row = lines[site.line]
    lines[site.line] = row[: site.start] + word + row[site.end :]
    touched, words = frozenset({site.line + 1}), (site.text, word)
    # every size follows from the input's: a derivation begins with it
    sizes = (f"x {word} x {word}", f"a {word}x{word} grid")
    derived = sizes if site.path == ("input", "grid") else ()
    return Edit(kind, "\n".join(lines), touched, words, derived=derived, **facts)


def _key(random: Random, text: str) -> Edit:
    site = random.choice([site for site in sites(text) if site.is_key])
    word = misspelt(random, site.text)
    return _replaced(
        text,
        site,
        word,
        "key",
        is_typo=is_slip(text, site, word),
        is_known_key=not names_something(site),
    )


_NAME = re.compile(r"(?<![\w.])[A-Za-z_][\w.]*")


def _name(random: Random, text: str) -> Edit | None:
    """A word inside a value: of an expression, a reference, a bare step, an activation."""
    found = [
        (site, match)
        for site in sites(text)
        if not site.is_key and not set(site.path) & {"note", "why", "source", "doc"}
        for match in _NAME.finditer(site.text)
    ]
    if not found:
        return None
    site, match = random.choice(found)
    word = misspelt(random, match[0])
    part = Site(
        site.line, site.start + match.start(), site.start + match.end(), match[0], site.path, False
    )
    return _replaced(text, part, word, "name", is_typo=is_slip(text, part, word))


def _value(random: Random, text: str) -> Edit | None:
    found = [site for site in sites(text) if not site.is_key]
    site = random.choice(found) if found else None
    return _replaced(text, site, random.choice(WRONG_VALUES), "value") if site else None


def _number(random: Random, text: str) -> Edit | None:
    found = [site for site in sites(text) if not site.is_key and site.text.isdecimal()]
    if not found:
        return None
    site = random.choice(found)
    value = int(site.text)
    word = str(random.choice((value + 1, value - 1, value * 2, -value, value * 10, value // 8)))
    return _replaced(text, site, word, "number")


def _size(random: Random, text: str) -> Edit | None:
    """The input made too small for what follows, or a window too large."""
    found = [
        site
        for site in sites(text)
        if not site.is_key and site.path[-1:] in (("grid",), ("kernel",), ("stride",))
    ]
    if not found:
        return None
    site = random.choice(found)
    words = ("1", "2", "3") if site.path[-1] == "grid" else ("9", "64", "1x33")
    return _replaced(text, site, random.choice(words), "size")


def _indentation(random: Random, text: str) -> Edit:
    """One line, or a line and all that is indented further below it, moved by up to 3 columns."""
    lines = text.split("\n")
    at = random.choice([i for i, row in enumerate(lines) if row.strip()])
    last = at + 1
    if random.random() < 0.5:
        depth = _depth(lines[at])
        while last < len(lines) and (not lines[last].strip() or _depth(lines[last]) > depth):
            last += 1
    by = random.choice((-3, -2, -1, 1, 2, 3))
    for i in range(at, last):
        row = lines[i]
        lines[i] = " " * by + row if by > 0 else row[min(-by, _depth(row)) :]
    touched = frozenset(range(max(1, at), last + 1))  # the line above may lose what it held
    return Edit("indentation", "\n".join(lines), touched, (_first_word(lines[at]),))


def _depth(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _first_word(row: str) -> str:
    found = _NAME.search(row)
    return found[0] if found else row.strip()


def _lines(random: Random, text: str) -> Edit:
    """A line dropped, doubled, or exchanged with the next."""
    lines = text.rstrip("\n").split("\n")
    at = random.randrange(len(lines))
    words, branch = own_words(text, at), branch_of(lines, at)
    match random.randrange(3):
        case 0:
            touched = frozenset({max(1, at), at + 1}) | held(lines, at) | list_around(lines, at)
            touched |= steps_beside(lines, at)
            del lines[at]
            return _moved("dropped line", lines, touched, words, branch)
        case 1:
            lines.insert(at, lines[at])
            return _moved("doubled line", lines, frozenset({at + 1, at + 2}), words, branch)
    other = min(at + 1, len(lines) - 1)
    words += own_words(text, other)
    lines[at], lines[other] = lines[other], lines[at]
    touched = frozenset(range(max(1, at), other + 3))  # their neighbours may lose what they held
    return _moved("order", lines, touched, words, branch)


def _moved(
    kind: str,
    lines: list[str],
    touched: frozenset[int],
    words: tuple[str, ...],
    branch: tuple[str, ...],
) -> Edit:
    """An edit of whole lines; what a branch adds to a sum of channels is told as `384 (pool)`."""
    derived = tuple(f" ({word})" for word in (*words, *branch) if word not in VOCABULARY)
    return Edit(kind, "\n".join([*lines, ""]), touched, words, derived=derived)


def held(lines: list[str], at: int) -> frozenset[int]:
    """The lines that change their place in the document when a line is dropped, and who gets them.

    What a key held falls to what stands above it: to the key before it on its own level, whose
    value is now longer, or else to the key around both. Numbered from 1, without the dropped line.
    """
    depth, last = _depth(lines[at]), at + 1
    while last < len(lines) and lines[last].strip() and _depth(lines[last]) > depth:
        last += 1
    if last == at + 1:
        return frozenset()
    above = range(at - 1, -1, -1)
    heir = next((i for i in above if lines[i].strip() and _depth(lines[i]) <= depth), at)
    return frozenset({heir + 1, *range(at + 1, last)})


def list_around(lines: list[str], at: int) -> frozenset[int]:
    """The key of the list that lacks a step when its line is dropped, numbered from 1."""
    depth = _depth(lines[at])
    if not lines[at].lstrip().startswith("- "):
        return frozenset()
    keys = (i + 1 for i in range(at - 1, -1, -1) if lines[i].strip() and _depth(lines[i]) < depth)
    return frozenset({next(keys, at)})


def steps_beside(lines: list[str], at: int) -> frozenset[int]:
    """The other steps in the list of one, numbered from 1 without it.

    When it is dropped, one before it makes its value, and one behind it takes another and ends the list.
    """
    depth = _depth(lines[at])
    if not lines[at].lstrip().startswith("- "):
        return frozenset()

    def is_inside(i: int) -> bool:
        return not lines[i].strip() or _depth(lines[i]) >= depth

    before = takewhile(is_inside, range(at - 1, -1, -1))
    behind = takewhile(is_inside, range(at + 1, len(lines)))
    numbers = [*(i + 1 for i in before if _depth(lines[i]) == depth)]
    return frozenset((*numbers, *(i for i in behind if _depth(lines[i]) == depth)))


def branch_of(lines: list[str], at: int) -> tuple[str, ...]:
    """What the list is called that a step stands in."""
    return tuple(_first_word(lines[line - 1]) for line in list_around(lines, at))


def own_words(text: str, at: int) -> tuple[str, ...]:
    """The first word of a line, those on it that the language does not know, and names made there."""
    line = text.split("\n")[at]
    found = re.findall(r"[A-Za-z_]\w*", line)
    made = (site.text for site in sites(text) if site.line == at and is_made_up(site))
    return (_first_word(line), *(word for word in found if word not in VOCABULARY), *made)


def _sign(random: Random, text: str) -> Edit | None:
    """A dash, colon, bracket, quote or comma dropped."""
    found = [i for i, sign in enumerate(text) if sign in PUNCTUATION]
    if not found:
        return None
    at = random.choice(found)
    line = text.count("\n", 0, at) + 1
    row = text.split("\n")[line - 1]
    edited = text[:at] + text[at + 1 :]
    return Edit(f"dropped {text[at]}", edited, frozenset({line}), (_first_word(row),))


WAYS: tuple[Callable[[Random, str], Edit | None], ...] = (
    *(_key, _key, _key, _name, _name, _name, _value, _value, _number, _size),
    *(_indentation, _indentation, _lines, _lines, _sign, _sign),
)


def broken(random: Random, text: str) -> Edit:
    """The spec with one token broken in one of the ways."""
    edit = random.choice(WAYS)(random, text)
    return edit if edit is not None else _key(random, text)


def broken_often(random: Random, text: str, count: int) -> Edit:
    """The spec with up to `count` tokens broken one after the other: fewer where it is no YAML any more."""
    edits = [broken(random, text)]
    while len(edits) < count and parse(edits[-1].text, "", Findings()) is not None:
        edits.append(broken(random, edits[-1].text))
    kind = " + ".join(edit.kind for edit in edits)
    lines = frozenset().union(*(edit.lines for edit in edits))
    words = tuple(word for edit in edits for word in edit.words)
    return Edit(kind, edits[-1].text, lines, words, tokens=count)
