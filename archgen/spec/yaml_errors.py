"""What libyaml refuses, told in the words of somebody who writes a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile

import yaml

from archgen.diagnostics import Applicability, Diagnostic, Edit, Fix, Label, Position, Span
from archgen.rules import MERGE_CONFLICT, YAML_SYNTAX

# YAML ends a line at each of these
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_FORBIDDEN = yaml.reader.Reader.NON_PRINTABLE
_BYTE_ORDER_MARK = re.compile("\ufeff")
_MARGIN = re.compile(r"[ \t]*")
_WIDE = re.compile("[\uff1a\uff0c\u201c\u201d\u201e]")  # full-width signs, typographic quotes
_CONFLICT = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?: (.*))?\r?")
_CONFLICT_SIGNS = {
    "<<<<<<<": "ours begins here",
    "|||||||": "what both come from begins here",
    "=======": "theirs begins here",
    ">>>>>>>": "and ends here",
}
_GLUED = re.compile(r"\b(\w{1,64}):[{\[]")
_ODD_COLON = "a `:` cannot stand here"
_LIST_IN_BRACKETS = "no `-` can begin a list inside brackets"
_INDENTATION = "the indentation of this line fits nothing above it"

# A part of libyaml's words, what we say instead, and what to type.
_SLIPS = (
    (
        "mapping values are not allowed",
        _ODD_COLON,
        "quote a text that holds a colon, or put the key on a line of its own",
    ),
    (
        "block sequence entries are not allowed",
        "a list cannot begin here",
        "begin it on a line of its own, or write it in brackets: `[...]`",
    ),
    ("expected '-' indicator", _INDENTATION, "align its `-` with the `-` of the list above"),
    ("expected <document start>", _INDENTATION, "begin the keys of a spec at the left edge"),
    ("expected key", _INDENTATION, "align the key with the keys that it belongs to"),
    (
        "violates indentation",
        "a tab stands where YAML counts the spaces of the indentation",
        "indent with spaces",
    ),
    ("could not find expected ':'", "a `:` is missing here", "write `key: value`"),
    (
        "unknown escape",
        "this backslash begins no escape of YAML",
        "put the text in single quotes, where a backslash is a backslash",
    ),
    (
        "expected comment or line break",
        "`>` and `|` begin a text of several lines in YAML",
        'quote the expression: "> 3"',
    ),
    ("expected node content", "a value is missing here", "write it, or remove the comma or key"),
    ("unexpected document indicator", "a document ends here, within a text", "close the quote"),
)


def end_of(text: str) -> Position:
    """The place behind the last character, lines counted as YAML does."""
    lines = _BREAK.split(text)
    return Position(len(lines), len(lines[-1]) + 1)


def forbidden_character(text: str, source: str) -> Diagnostic | None:
    """The finding for the first character that YAML does not allow, such as a control character."""
    found = _FORBIDDEN.search(text) or _BYTE_ORDER_MARK.search(text)
    if found is None:
        return None
    lines = _BREAK.split(text[: found.start()])
    message = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
    place = _point(source, len(lines), len(lines[-1]) + 1)
    return YAML_SYNTAX.at(place, message, help="remove the character")


def merge_conflict(text: str, source: str) -> Diagnostic | None:
    """The finding for a text that a merge of git has left with both sides in it.

    Git writes seven signs at the start of a line: `<<<<<<< OURS`, in some styles `||||||| BASE`, `=======`,
    `>>>>>>> THEIRS`.
    """
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return None
    found = [
        (number, match)
        for number, line in enumerate(_BREAK.split(text), start=1)
        if (match := _CONFLICT.fullmatch(line))
    ]
    begin = next(((n, match) for n, match in found if match[1] == "<<<<<<<"), None)
    end = next(((n, match) for n, match in found if match[1] == ">>>>>>>"), None)
    number, match = begin or end or (0, None)
    if match is None:
        return None
    ours, theirs = (side[1][2] if side and side[1][2] else "?" for side in (begin, end))
    message = f"this is a merge that is not resolved, of `{ours}` and `{theirs}`"
    labels = [
        Label(
            Span(source, Position(n, 1), Position(n, len(other[0]) + 1)), _CONFLICT_SIGNS[other[1]]
        )
        for n, other in found
        if n != number
    ][:3]
    path = source if source.startswith("/") else f"./{source.removeprefix('./')}"
    help = (
        f"keep one side and remove the lines with seven signs; `archgen diff :2:{path} :3:{path}` "
        "says what each side means (ours, then theirs)"
    )
    span = Span(source, Position(number, 1), Position(number, len(match[0]) + 1))
    return MERGE_CONFLICT.at(span, message, labels=labels, help=help)


def syntax_diagnostic(error: yaml.MarkedYAMLError, text: str, source: str) -> Diagnostic:
    """The finding for a text that is not YAML, with the fix for a slip of the keyboard."""
    lines = _BREAK.split(text)
    found = _diagnostic(error, lines, source)
    fix = _fix(found.span, lines)
    return found if fix is None else found._replace(fixes=(fix,))


def _diagnostic(error: yaml.MarkedYAMLError, lines: list[str], source: str) -> Diagnostic:
    problem = error.problem or ""
    place = _place(error.problem_mark or error.context_mark, lines, source)
    if "unexpected end of stream" in problem or "expected ':'" in problem:
        place = _place(error.context_mark, lines, source)
    row = lines[place.start.line - 1] if place.start.line <= len(lines) else ""
    message, help = _slip(problem, row[place.start.column - 1 :][:1])
    help = _habit(row, lines[: place.start.line - 1]) or help
    if "expected ',' or" not in problem:
        labels = _origins(message, place, lines)
        return YAML_SYNTAX.at(place, message, help=help, labels=labels)
    opened = _place(error.context_mark, lines, source)
    if " #" in lines[opened.start.line - 1][opened.start.column :]:
        help = "` #` begins a comment and cuts the line: quote the text, or close the bracket before it"
    if not "".join([row, *lines[place.start.line :]])[place.start.column - 1 :].strip():
        return YAML_SYNTAX.at(opened, message, caption="opened here", help=help)
    return YAML_SYNTAX.at(place, message, labels=[Label(opened, "opened here")], help=help)


def _open(lines: list[str], place: Span) -> list[yaml.Mark]:
    """The brackets and braces that are open at a place, the outermost first."""
    marks: list[yaml.Mark] = []
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    with suppress(yaml.YAMLError):
        for token in yaml.scan("\n".join(lines[: place.start.line]), Loader=loader):
            if (token.start_mark.line + 1, token.start_mark.column + 1) >= place.start:
                break
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                marks.append(token.start_mark)
            elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
                marks.pop()
    return marks


def _origins(message: str, place: Span, lines: list[str]) -> Iterator[Label]:
    """What stands above a place and may be at fault, as YAML finds a slip late."""
    at, source = place.start.line - 1, place.source
    if message == _LIST_IN_BRACKETS:
        for mark in _open(lines, place)[-1:]:
            yield Label(_place(mark, lines, source), "opened here")
    above = [
        (i, _depth(lines[i])) for i in range(min(at, len(lines)) - 1, -1, -1) if lines[i].strip()
    ]
    if message == _ODD_COLON and above:
        around = next((i for i, inner in above if inner < _depth(lines[at])), above[0][0])
        told, text = above[0][0], "or this line is where a `:` or a space is wrong"
        if ":" not in lines[around]:
            told, text = around, "or this line is where a `:` is missing"
        yield Label(_row(told, lines, source), text)
    if message != _INDENTATION:
        return
    depth = _depth(lines[at]) if at < len(lines) else 0
    deeper = list(takewhile(lambda line: line[1] > depth, above))
    for i, inner in ([min(reversed(deeper), key=lambda line: line[1])] if deeper else []) + above[
        len(deeper) :
    ][:1]:
        yield Label(_row(i, lines, source), f"this line is indented by {inner}")


def _depth(row: str) -> int:
    return len(row) - len(row.lstrip())


def _row(number: int, lines: list[str], source: str) -> Span:
    """A line, counted from 0, without its indentation."""
    row = lines[number].rstrip()
    return Span(source, Position(number + 1, _depth(row) + 1), Position(number + 1, len(row) + 1))


def _slip(problem: str, sign: str) -> tuple[str, str]:
    """The message and the help for one of libyaml's problems, at a place where `sign` stands."""
    if closing := re.search(r"expected ',' or '(.)'", problem):
        help = "close the bracket, or put a comma between the entries"
        return f"`{closing[1]}` or `,` is missing here", help
    if "unexpected end of stream" in problem:
        return "this quote is never closed", f"write the second `{sign}`"
    if "cannot start any token" in problem:
        if sign == "\t":
            return "a tab indents this line, and YAML knows spaces only", "indent with spaces"
        shown = "a backquote" if sign == "`" else f"`{sign}`"
        return f"{shown} cannot begin a value in YAML", f'quote the text: "{sign}..."'
    if "expected node content" in problem and sign == "-":
        return _LIST_IN_BRACKETS, "close the bracket before it, or write the list in brackets"
    for part, message, help in _SLIPS:
        if part in problem:
            return message, help
    return f"this is not YAML: {problem or 'it cannot be read'}", ""


def _habit(row: str, above: list[str]) -> str:
    """What to type instead, for slips that come of habits from elsewhere."""
    bare = re.fullmatch(r"\s*-\s+([\w.]+)\s*", above[-1]) if above else None
    if bare and re.match(r"\s+\w+:", row):
        return f"a bare step takes no further keys: write `- {bare[1]}: {{}}` above"
    if times := re.search(r"[}\]]\s*[x*\u00d7]\s*([0-9]+)\s*$", row):
        return f"write `repeat: {times[1]}` on a line of its own, below the op"
    if "${" in row or "{{" in row:
        return "expressions need no `${}` or `{{}}`: write `filters: n`"
    if wide := _WIDE.search(row):
        sign = {"\uff1a": ": ", "\uff0c": ", "}.get(wide[0], '"')
        return f"`{wide[0]}` is no sign of YAML's: write `{sign}`"
    if glued := _GLUED.search(row):
        return f"put a space behind the colon: `{glued[1]}: ...`"
    return ""


def _fix(place: Span, lines: list[str]) -> Fix | None:
    """The edit for a slip of the keyboard in the row of a finding: a tab, or a colon without a space."""
    number = place.start.line
    row = lines[number - 1] if number <= len(lines) else ""
    if row[place.start.column - 1 :][:1] == "\t":
        return _indented(lines, place.source)
    glued = list(_GLUED.finditer(row))
    if not glued:
        return None
    at = Span(place.source, Position(number, 1), Position(number, 1))
    edits = tuple(Edit(at.within(one.end(1) + 1, 0), " ") for one in glued)
    return Fix("put a space behind the colon", edits, Applicability.SAFE)


def _indented(lines: list[str], source: str) -> Fix | None:
    """Four spaces for each tab, where the text is indented with nothing but tabs."""
    margins = [_MARGIN.match(line) for line in lines if line.strip()]
    if any(margin is None or (" " in margin[0] and "\t" in margin[0]) for margin in margins):
        return None
    if any(margin is not None and margin[0].startswith(" ") for margin in margins):
        return None
    edits = []
    for number, line in enumerate(lines, start=1):
        tabs = len(line) - len(line.lstrip("\t"))
        if tabs:
            span = Span(source, Position(number, 1), Position(number, tabs + 1))
            edits.append(Edit(span, " " * 4 * tabs))
    return Fix("indent with spaces", tuple(edits), Applicability.SAFE)


def _place(mark: yaml.Mark | None, lines: list[str], source: str) -> Span:
    """Where libyaml points, which is at times behind the end of a line or of the text."""
    if mark is None:
        return Span(source, Position(1, 1), Position(1, 1))
    line = min(mark.line, len(lines) - 1)
    column = mark.column if line == mark.line else len(lines[line])
    column = min(column, len(lines[line]))
    end = min(column + 1, len(lines[line]))
    return Span(source, Position(line + 1, column + 1), Position(line + 1, end + 1))


def _point(source: str, line: int, column: int) -> Span:
    return Span(source, Position(line, column), Position(line, column + 1))
