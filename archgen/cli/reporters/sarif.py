"""Findings as a SARIF 2.1.0 log, which code scanners and editors read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from archgen import __version__
from archgen.cli.palette import PLAIN, Palette
from archgen.cli.reporters.fingerprints import fingerprints, project_path
from archgen.diagnostics import Diagnostic, Edit, Fix, Rule, Span
from archgen.harmless import harmless

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "archgenFinding/v1"


def sarif(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    _palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields the lines of one ASCII document: a log with one run."""
    rules = sorted({diagnostic.rule for diagnostic in diagnostics})
    numbers = fingerprints(diagnostics, sources)
    driver = {"name": "archgen", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(diagnostic, rules.index(diagnostic.rule), number)
            for diagnostic, number in zip(diagnostics, numbers, strict=True)
        ],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    yield from json.dumps(log, indent=2).splitlines()


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": _message(rule.summary),
        "help": _message(f"archgen explain {rule.code} says why, and shows an example."),
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(diagnostic: Diagnostic, index: int, fingerprint: str) -> dict[str, object]:
    labels = [
        {"id": number, **_location(label.span), "message": _message(label.text)}
        for number, label in enumerate(diagnostic.labels, 1)
    ]
    fixes = [_fix(fix) for fix in diagnostic.fixes if fix.edits]
    return {
        "ruleId": diagnostic.rule.code,
        "ruleIndex": index,
        "level": diagnostic.severity.value,
        "message": _message("\n".join(_parts(diagnostic))),
        "locations": [_location(diagnostic.span)],
        **({"relatedLocations": labels} if labels else {}),
        "partialFingerprints": {FINGERPRINT: fingerprint},
        **({"fixes": fixes} if fixes else {}),
    }


def _parts(diagnostic: Diagnostic) -> Iterable[str]:
    yield diagnostic.message
    if diagnostic.caption:
        yield diagnostic.caption
    yield from diagnostic.notes
    if diagnostic.help:
        yield f"help: {diagnostic.help}"


def _message(text: str) -> dict[str, str]:
    """A plain text; SARIF would take `[words](place)` in it for a link."""
    lines = (harmless(line) for line in text.split("\n"))
    return {"text": "\n".join(lines).replace("](", "\\](")}


def _location(span: Span) -> dict[str, object]:
    return {"physicalLocation": {"artifactLocation": _artifact(span), "region": _region(span)}}


def _artifact(span: Span) -> dict[str, str]:
    return {"uri": quote(project_path(span.source), errors="surrogateescape")}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _fix(fix: Fix) -> dict[str, object]:
    """A fix with its edits by the files they are in."""
    files: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        files.setdefault(edit.span.source, []).append(edit)
    changes = [
        {
            "artifactLocation": _artifact(edits[0].span),
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in edits
            ],
        }
        for edits in files.values()
    ]
    return {
        "description": _message(fix.title),
        "artifactChanges": changes,
        "properties": {"applicability": str(fix.applicability)},
    }
