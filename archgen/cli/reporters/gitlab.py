"""Findings as a Code Quality report, which GitLab shows in a merge request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from archgen.cli.palette import PLAIN, Palette
from archgen.cli.reporters.fingerprints import fingerprints, project_path
from archgen.diagnostics import Diagnostic, Position, Severity
from archgen.harmless import harmless

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def gitlab(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    _palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields the lines of one ASCII document: an array of findings."""
    numbers = fingerprints(diagnostics, sources)
    document = [_finding(*pair) for pair in zip(diagnostics, numbers, strict=True)]
    yield from json.dumps(document, indent=2).splitlines()


def _finding(diagnostic: Diagnostic, fingerprint: str) -> dict[str, object]:
    span = diagnostic.span
    help = f"; {diagnostic.help}" if diagnostic.help else ""
    return {
        "description": harmless(f"{diagnostic.rule.code}: {diagnostic.message}{help}"),
        "check_name": f"{diagnostic.rule.code} {diagnostic.rule.name}",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {
            "path": project_path(span.source),
            "positions": {"begin": _position(span.start), "end": _position(span.end)},
        },
    }


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
