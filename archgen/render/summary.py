"""The summary of a network: as a table for people, as a document for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from archgen.cost import Cost
from archgen.render.markdown import code_span
from archgen.render.outline import Outline, Row
from archgen.render.table import Line, aligned
from archgen.render.values import plain_shape

SCHEMA = 1
UNKNOWN = "?"
BYTES = 4  # of a weight as fp32
CSV_COLUMNS = (
    *("path", "kind", "repeat", "channels", "height", "width"),
    *("params", "macs", "activations", "errors"),
)
COLUMNS = ("block", "output", "params", "%", "MACs", "%", "activations")


def summary_table(outline: Outline, facts: Mapping[str, str]) -> Iterator[Line]:
    """The table, then a line for each of its totals and each of `facts`."""
    source = f" ({outline.source})" if outline.source else ""
    output = UNKNOWN if outline.output is None else str(outline.output)
    yield Line(f"{outline.name}{source}: {outline.input} -> {output}", "head")
    yield Line("")
    rows = [row for part in (*outline.rows, *outline.heads) for row in _flat(part)]
    cells = [cells for part in (*outline.rows, *outline.heads) for cells in _cells(part, outline)]
    head, *body, last = aligned([COLUMNS, *cells, _total(outline)], left=2)
    yield Line(head, "head")
    for text, row in zip(body, rows, strict=True):
        codes = f"  {' '.join(row.codes)}" if row.codes else ""
        yield Line(f"{text}{codes}", "broken" if row.codes or row.cost is None else "")
    yield Line(last, "head")
    yield Line("")
    yield from (Line(f"{name}: {text}") for name, text in _totals(outline, facts))


def summary_markdown(outline: Outline) -> str:
    """The table as Markdown, names in code spans, the total last."""
    cells = [cells for part in (*outline.rows, *outline.heads) for cells in _cells(part, outline)]
    rows: list[tuple[str, ...]] = [COLUMNS, ("---", "---", *["---:"] * 5)]
    for name, *numbers in cells:
        level = len(name) - len(name.lstrip())
        rows.append(("&nbsp;" * (2 * level) + code_span(name.strip(), in_table=True), *numbers))
    rows.append(tuple(f"**{cell}**" if cell else "" for cell in _total(outline)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def summary_csv(outline: Outline) -> str:
    """A row for each part, by path and with exact numbers; what an error hides is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for part in (*outline.rows, *outline.heads):
        for row in _flat(part):
            writer.writerow(_csv_row(row))
    return text.getvalue()


def _csv_row(row: Row) -> tuple[object, ...]:
    shape = plain_shape(row.output)
    sides: list[object] = [] if shape is None else [*shape]
    channels, height, width = [*sides, *[""] * 3][:3]
    cost = row.cost
    numbers = ("",) * 3 if cost is None else (cost.params, cost.macs, cost.activations)
    words = (_inert(row.path), _inert(row.kind), row.repeat, channels, height, width)
    return (*words, *numbers, " ".join(row.codes))


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _flat(row: Row) -> Iterator[Row]:
    yield row
    for child in row.children:
        yield from _flat(child)


def _cells(part: Row, outline: Outline) -> Iterator[tuple[str, ...]]:
    """The cells of a top-level row and of all under it.

    What only training has is no share of a total that leaves it out.
    """
    is_training = part.kind == "output" and part.name in outline.training_heads
    total = None if is_training else outline.cost
    remark = "" if part.kind != "output" else " (in training)" if is_training else " (output)"
    yield from _indented(part, 0, total, remark)


def _indented(row: Row, level: int, total: Cost | None, remark: str) -> Iterator[tuple[str, ...]]:
    name = f"{row.repeat} x {row.name}" if row.repeat > 1 else row.name
    output = UNKNOWN if row.output is None else str(row.output)
    yield (f"{'  ' * level}{name}{remark}", output, *_numbers(row.cost, total))
    for child in row.children:
        yield from _indented(child, level + 1, total, "")


def _numbers(cost: Cost | None, total: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return (UNKNOWN, "", UNKNOWN, "", UNKNOWN)
    return (
        f"{cost.params:,}",
        _percent(cost.params, total.params) if total else "",
        f"{cost.macs:,}",
        _percent(cost.macs, total.macs) if total else "",
        f"{cost.activations:,}",
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


def _total(outline: Outline) -> tuple[str, ...]:
    return ("total", "", *_numbers(outline.cost, outline.cost))


def _totals(outline: Outline, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    cost, training = outline.cost, outline.params_training
    if cost is not None and training is not None:
        more = ""
        if training != cost.params:
            more = f"; {training:,} in training, with {', '.join(outline.training_heads)}"
        yield "params", f"{cost.params:,}, {cost.params * BYTES / 1e6:,.1f} MB as fp32{more}"
        yield "MACs", f"{cost.macs:,} in convolutions and linear layers; 1 MAC = 2 FLOPs"
    yield from facts.items()


def summary_document(outline: Outline, input_sizes: Mapping[str, object]) -> dict[str, object]:
    """All of it as plain data; numbers that an error hides are null.

    `schema` grows when a field is renamed or dropped; a new field alone does not change it.
    """
    cost = outline.cost
    return {
        "schema": SCHEMA,
        "name": outline.name,
        "source": outline.source,
        "input": plain_shape(outline.input),
        "output": plain_shape(outline.output),
        "params": cost.params if cost else None,
        "params_training": outline.params_training,
        "macs": cost.macs if cost else None,
        "flops": cost.flops if cost else None,
        "activations": cost.activations if cost else None,
        "weights_bytes": cost.params * BYTES if cost else None,
        "input_sizes": dict(input_sizes),
        "codes": list(outline.codes),
        "blocks": [_document(row, cost) for row in outline.rows],
        "outputs": [
            {**_document(row, None), "training_only": row.name in outline.training_heads}
            for row in outline.heads
        ],
    }


def _document(row: Row, total: Cost | None) -> dict[str, object]:
    cost = row.cost
    return {
        "path": row.path,
        "name": row.name,
        "kind": row.kind,
        "repeat": row.repeat,
        "output": plain_shape(row.output),
        "params": cost.params if cost else None,
        "params_share": _share(cost.params, total.params) if cost and total else None,
        "macs": cost.macs if cost else None,
        "macs_share": _share(cost.macs, total.macs) if cost and total else None,
        "activations": cost.activations if cost else None,
        "codes": list(row.codes),
        "children": [_document(child, total) for child in row.children],
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
