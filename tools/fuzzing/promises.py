"""What the compiler promises for any text at all, and which of it a case breaks."""

from __future__ import annotations

import resource
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import process_time
from typing import NamedTuple

from archgen.cli.networks import checked as check
from archgen.cli.palette import PLAIN
from archgen.cli.reporters import REPORTERS
from archgen.cli.reporters.user_text import split_lines
from archgen.diagnostics import Diagnostic, Severity, Span, SpecError
from archgen.rules import RULES
from archgen.spec.files import SpecText, decode

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
LONGEST_SECONDS = 2.0
LONGEST_MESSAGE = 600
LONGEST_DIAGNOSTIC = 20_000
LONGEST_ROW = 4_000
MOST_KIBIBYTES = 512 * 1024
FORMATS = ("full", "json", "github")
HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")

_RULES = frozenset(RULES)


class Checked(NamedTuple):
    """What became of a text: the findings, in which texts, what it cost, and what promise broke."""

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    seconds: float
    broken: str

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that make the text unusable."""
        return [found for found in self.diagnostics if found.severity is Severity.ERROR]

    @property
    def codes(self) -> str:
        """The codes of the errors, each once."""
        return " ".join(sorted({found.rule.code for found in self.errors})) or "no error"


def checked(data: bytes, name: str = "fuzz.yaml") -> Checked:
    """The whole front end over bytes that stand for a file `name` of `specs/`."""
    memory = _peak()
    began = process_time()
    sources: Mapping[str, str] = {name: ""}
    try:
        text = decode(data, name)
        sources = {name: text}
        compilation = check(SpecText(name, text, SPECS / name))
        found, sources = compilation.diagnostics, compilation.sources
    except SpecError as error:
        found = error.diagnostics
        sources = error.sources or {name: data.decode("utf-8", "replace")}
    seconds = process_time() - began
    if seconds > LONGEST_SECONDS:
        return Checked(found, sources, seconds, f"it took {seconds:.1f} s of CPU")
    if _peak() - memory > MOST_KIBIBYTES:
        return Checked(found, sources, seconds, "it took more than 512 MiB of memory")
    return Checked(found, sources, seconds, next(_broken(found, sources), ""))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _broken(found: tuple[Diagnostic, ...], sources: Mapping[str, str]) -> Iterator[str]:
    for finding in found:
        if finding.rule not in _RULES:
            yield f"unknown rule {finding.rule}"
        if not finding.message or len(finding.message) > LONGEST_MESSAGE:
            yield f"{finding.rule.code}: a message of {len(finding.message)} characters"
        parts = (finding.caption, finding.help, *finding.notes, *(t for _, t in finding.labels))
        if (size := sum(map(len, parts))) > LONGEST_DIAGNOSTIC:
            yield f"{finding.rule.code}: {size} characters beside the message"
        for span in (finding.span, *(label.span for label in finding.labels)):
            if problem := _misplaced(span, sources):
                yield f"{finding.rule.code}: {problem}"
    for name in FORMATS:
        for row in REPORTERS[name](found, sources, PLAIN):
            if problem := _undrawable(row, name):
                yield f"{name}: {problem}"


def _misplaced(span: Span, sources: Mapping[str, str]) -> str:
    """Why a span does not lie within its text; empty where it does."""
    if span.source not in sources:
        return f"no text of {span.source}"
    lines = split_lines(sources[span.source])
    for line, column in (span.start, span.end):
        if not 1 <= line <= len(lines) or not 1 <= column <= len(lines[line - 1]) + 1:
            return f"{line}:{column} lies outside the text"
    if span.end < span.start:
        return f"{span.start} comes after {span.end}"
    return ""


def _undrawable(row: str, name: str) -> str:
    if name == "full" and len(row) > LONGEST_ROW:
        return f"a row of {len(row)} characters"
    if row.isascii() and row.isprintable():
        return ""
    harm = next((c for c in row if unicodedata.category(c) in HARMFUL), None)
    return f"the control character U+{ord(harm):04X}" if harm is not None else ""
