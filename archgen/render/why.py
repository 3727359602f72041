"""Who set the values of a network, as text and as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from archgen.diagnostics import Span
from archgen.render.table import Line, aligned
from archgen.render.values import plain_value, spec_text
from archgen.why import By, Origin, Why

SCHEMA = 1
MAX_TEXT = 60
_INDENT = "  "
WORDS = {
    By.STEP: "written on the step",
    By.DEFAULTS: "`defaults:` for `{}`",
    By.OP: "default of the op `{}`",
    By.USE: "given at the use `{}`",
    By.VARIANT: "variant `{}`",
    By.PARAM: "default of the param of `{}`",
    By.SHAPE: "what `{}` receives",
    By.INDEX: "the instance of `{}`",
    By.BASE: "in the base",
}


def why_text(found: Sequence[Why], sources: Mapping[str, str]) -> Iterator[Line]:
    """For each setting its value, and below it a line for each link of its chain."""
    for number, one in enumerate(found):
        if number:
            yield Line("")
        value = spec_text(plain_value(one.value)) if one.is_known else "?"
        yield Line(f"{_path(one)} = {value}", "head")
        rows = [_cells(origin, sources) for origin in one.chain]
        yield from (Line(f"{_INDENT}{text}") for text in aligned(rows, left=3))


def _path(one: Why) -> str:
    return f"{one.path}.{one.setting}" if one.path else one.setting


def _cells(origin: Origin, sources: Mapping[str, str]) -> tuple[str, str, str]:
    """What is written, by whom, and where."""
    text = _text(origin, sources)
    what = f"over {text}" if origin.over else f"{origin.name}: {text}"
    place = "" if origin.span is None else str(origin.span)
    who = _who(origin)
    return f"{_INDENT * (origin.depth + origin.over)}{what}", who, place


def _who(origin: Origin) -> str:
    if origin.by is By.SHAPE and not origin.owner:
        return "the input of the network"
    words = WORDS[origin.by].format(origin.owner)
    return words if origin.edit is None else f"{words}, by an edit"


def _text(origin: Origin, sources: Mapping[str, str]) -> str:
    if origin.span is None:
        return spec_text(plain_value(origin.value))
    return written(origin.span, sources)


def written(span: Span, sources: Mapping[str, str]) -> str:
    """The text at a place, on one line, its end cut off where it is long."""
    lines = sources[span.source].splitlines()[span.start.line - 1 : span.end.line]
    if span.start.line == span.end.line:
        lines = [lines[0][: span.end.column - 1]]
    text = " ".join(" ".join(lines)[span.start.column - 1 :].split())
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."


def why_document(found: Iterable[Why], sources: Mapping[str, str]) -> dict[str, object]:
    """All of it as plain data; `schema` grows when a field is renamed or dropped."""
    return {"schema": SCHEMA, "settings": [_document(one, sources) for one in found]}


def _document(one: Why, sources: Mapping[str, str]) -> dict[str, object]:
    return {
        "path": one.path,
        "setting": one.setting,
        "value": plain_value(one.value) if one.is_known else None,
        "chain": [_origin_document(origin, sources) for origin in one.chain],
    }


def _origin_document(origin: Origin, sources: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": origin.name,
        "by": str(origin.by),
        "owner": origin.owner,
        "text": _text(origin, sources),
        "at": _place(origin.span),
        "edit": _place(origin.edit),
        "depth": origin.depth,
        "over": origin.over,
    }


def _place(span: Span | None) -> dict[str, object] | None:
    if span is None:
        return None
    return {"file": span.source, "line": span.start.line, "column": span.start.column}
