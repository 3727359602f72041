"""`archgen check --fix`: safe fixes written into the files, and with `--unsafe-fixes` suggestions too.

Edits are made one after another, and the file is checked anew after each. One that does not end its
finding, leads to another at its place, or breaks the YAML, is taken back. No safe fix changes what a
network is.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from archgen.cli.checking import check_file
from archgen.cli.locate import Found
from archgen.cli.write_file import CannotWrite, write_file
from archgen.diagnostics import Diagnostic, Fix, Position, Severity, Span
from archgen.harmless import harmless
from archgen.rules import (
    DUPLICATE_KEY,
    MISSING_SETTING,
    NAME_TAKEN,
    UNQUOTED_EXPRESSION,
    YAML_SYNTAX,
)
from archgen.spec.files import SpecText
from archgen.spec.patching import applied, text_at

MAX_FIXES = 1000


class Fixed(NamedTuple):
    """A file with the text that it has after its fixes, and a line about each of them."""

    file: Found
    before: str
    lines: tuple[str, ...]


def fix_file(file: Found, *, is_unsafe: bool = False) -> Fixed:
    """The file with all that is safe put right, or with `is_unsafe` suggestions too; nothing is written."""
    if file.text is None:
        return Fixed(file, "", ())
    before, lines = file.text.text, []
    refused: set[tuple[object, ...]] = set()
    found = check_file(file).diagnostics
    for _ in range(MAX_FIXES):
        chosen = next(_certain(file, found, refused, is_unsafe=is_unsafe), None)
        if chosen is None:
            break
        finding, fix = chosen
        assert file.text is not None
        changed = file._replace(text=file.text._replace(text=applied(file.text.text, fix.edits)))
        after = check_file(changed).diagnostics
        if _is_worse(finding, fix, found, after):
            refused.add(finding.key)
            continue
        lines.append(_line(file.text.text, fix))
        file, found = changed, after
    return Fixed(file, before, tuple(lines))


def _certain(
    file: Found,
    found: tuple[Diagnostic, ...],
    refused: set[tuple[object, ...]],
    *,
    is_unsafe: bool,
) -> Iterator[tuple[Diagnostic, Fix]]:
    """The fixes to apply that concern this very file."""
    assert file.text is not None
    for finding in (one for one in found if one.key not in refused):
        for fix in finding.fixes:
            if (
                fix.edits
                and _is_chosen(finding, fix, is_unsafe=is_unsafe)
                and _is_whole(file.text, fix)
            ):
                yield finding, fix


def _is_chosen(finding: Diagnostic, fix: Fix, *, is_unsafe: bool) -> bool:
    """A safe fix; or a suggestion, where it was asked for and is the only one of its finding."""
    others = [other for other in finding.fixes if other.edits]
    return fix.is_safe or (is_unsafe and len(others) == 1)


def _is_whole(text: SpecText, fix: Fix) -> bool:
    """Whether the fix is all in this file, and no anchor, alias or tag would be lost."""
    return all(
        edit.span.source == text.source
        and not text_at(text.text, edit.span).startswith(("&", "*", "!"))
        for edit in fix.edits
    )


def _is_worse(
    finding: Diagnostic, fix: Fix, before: tuple[Diagnostic, ...], after: tuple[Diagnostic, ...]
) -> bool:
    """Whether the finding is still there, or another where the fix has written, or a name is taken.

    After one slip of the YAML the next may come to light, further down. That a setting is missing was
    so before, where the word that names the op could not be read.
    """
    if finding.key in {other.key for other in after}:
        return True
    known = {(other.rule, other.message) for other in before}
    new = [other for other in after if (other.rule, other.message) not in known]
    if any(other.rule in (DUPLICATE_KEY, NAME_TAKEN) for other in new):
        return True
    written = [edit.span.start for edit in fix.edits]
    errors = [other for other in new if other.severity is Severity.ERROR]
    here = [other for other in errors if other.rule is not MISSING_SETTING]
    if any(_covers(other.span, place) for other in here for place in written):
        return True
    slips = [other.span.start for other in after if other.rule is YAML_SYNTAX]
    was_slip = finding.rule in (YAML_SYNTAX, UNQUOTED_EXPRESSION)
    return any(not was_slip or slip <= finding.span.start for slip in slips)


def _covers(span: Span, place: Position) -> bool:
    """Whether a finding on one line covers a place; one of several lines is about more than that."""
    return span.start.line == span.end.line == place.line and span.start <= place < span.end


def _line(text: str, fix: Fix) -> str:
    """`fixed specs/x.yaml:12:9: padding: vaild -> valid`."""
    edit = fix.edits[0]
    place = harmless(str(edit.span))
    old = text_at(text, edit.span)
    if len(fix.edits) > 1 or not old:
        return f"fixed {place}: {fix.title}"
    row = text_at(
        text, edit.span._replace(start=edit.span.start._replace(column=1), end=edit.span.start)
    )
    key = re.search(r"([\w.]+:) *$", row)
    owner = f"{key[1]} " if key else ""
    return harmless(f"fixed {place}: {owner}{old} -> {edit.text}")


def write_fixed(fixed: Fixed) -> None:
    """Puts the new text into its file; a byte order mark stays. Raises CannotWrite."""
    text = fixed.file.text
    if text is None or text.path is None or text.text == fixed.before:
        return
    path = text.path
    try:
        data = path.read_bytes()
        is_writable = bool(path.stat().st_mode & 0o222)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotWrite(f"`{path}` cannot be written: {reason}") from None
    if not is_writable:
        raise CannotWrite(f"`{path}` cannot be written: it is read-only")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    if data != mark + fixed.before.encode():
        raise CannotWrite(f"`{path}` was changed by somebody else meanwhile, and stays as it is")
    write_file(path, mark.decode() + text.text)


def diff_of(fixed: Fixed) -> Iterator[str]:
    """The fixes of a file as a unified diff, made harmless for a terminal."""
    text = fixed.file.text
    if text is None:
        return
    old, new = fixed.before.splitlines(), text.text.splitlines()
    for line in difflib.unified_diff(old, new, text.source, text.source, lineterm=""):
        yield harmless(line)


def libraries_first(files: list[Found]) -> list[Found]:
    """The files in the order in which to fix them: what others use goes before what uses it."""
    return sorted(files, key=lambda file: file.kind != "blocks")
