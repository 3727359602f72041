"""All there is to know about the findings, as one JSON document for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from archgen.cli.palette import PLAIN, Palette
from archgen.cli.reporters.tally import Tally
from archgen.diagnostics import Diagnostic, Fix, Span

SCHEMA = 1


def json_document(
    diagnostics: Sequence[Diagnostic],
    _sources: Mapping[str, str],
    _palette: Palette = PLAIN,
) -> Iterator[str]:
    """Yields the lines of one ASCII document: `schema`, `diagnostics` and `summary`.

    `schema` grows when a field is renamed or dropped; a new field alone does not change it.
    """
    document = {
        "schema": SCHEMA,
        "diagnostics": [_finding(diagnostic) for diagnostic in diagnostics],
        "summary": asdict(Tally.of(diagnostics)),
    }
    yield from json.dumps(document, indent=2).splitlines()


def _finding(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.rule.code,
        "name": diagnostic.rule.name,
        "summary": diagnostic.rule.summary,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "span": _span(diagnostic.span),
        "caption": diagnostic.caption,
        "labels": [{"span": _span(label.span), "text": label.text} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def _fix(fix: Fix) -> dict[str, object]:
    edits = [{**_span(edit.span), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "applicability": str(fix.applicability), "edits": edits}


def _span(span: Span) -> dict[str, object]:
    return {"source": span.source, "start": span.start._asdict(), "end": span.end._asdict()}
