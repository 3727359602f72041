"""A difference as text for a terminal, as Markdown for a pull request, and as data for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from archgen.cost import Cost
from archgen.diagnostics import Span
from archgen.diff.changes import Change
from archgen.diff.compare import Difference, Row, Severity, State, Widened
from archgen.render.table import Line, aligned
from archgen.render.values import plain_shape

SCHEMA = 1
LONGEST_COMMENT = 65_536  # characters that GitHub takes
LONGEST_TEXT = 60
COLUMNS = ("", "part", "output", "params", "", "MACs", "", "weights kept")
VERDICTS = {
    Severity.EQUAL: "The networks are equal.",
    Severity.COSMETIC: "Cosmetic: nothing that is computed has changed.",
    Severity.NUMERICS: "Numerics: the same weights and sizes, and other results.",
    Severity.WEIGHT_COMPATIBLE: "Weight-compatible: checkpoints load, and sizes inside are others.",
    Severity.WEIGHT_BREAKING: "Weight-breaking: checkpoints do not fit.",
    Severity.SHAPE_BREAKING: "Shape-breaking: the network takes or makes something else.",
}


def difference_text(difference: Difference, names: tuple[str, str]) -> Iterator[Line]:
    """Own changes with their places, a table of what they do, and what they mean."""
    yield Line(f"{names[0]} -> {names[1]}", "head")
    if difference.severity is Severity.EQUAL:
        yield Line(VERDICTS[Severity.EQUAL])
        return
    yield Line("")
    yield from (Line(f"  {line}") for line in aligned(list(_changes(difference)), left=5))
    rows = [row for row in difference.rows if row.sign]
    if rows:
        head, *body, last = aligned(
            [COLUMNS, *(_cells(row) for row in rows), _total(difference)], left=3
        )
        yield Line("")
        yield Line(f"  {head}", "head")
        yield from (Line(f"  {line}") for line in body)
        yield Line(f"  {last}", "head")
    for widened in difference.ripple:
        yield Line(f"  {_told(widened)}")
    yield Line("")
    yield Line(_closing(difference), "broken" if _is_breaking(difference) else "")


def difference_markdown(difference: Difference, names: tuple[str, str]) -> str:
    """A comment on a pull request: verdict, table, changes folded away, and the parts as a diagram."""
    verdict = f"**{VERDICTS[difference.severity]}** {_code(names[0])} → {_code(names[1])}"
    rows = [row for row in difference.rows if row.sign]
    if not rows:
        return "\n\n".join([verdict, *_folded(difference)]) + "\n"
    table: list[tuple[str, ...]] = [COLUMNS, ("---",) * 3 + ("---:",) * 5]
    table += [tuple(map(_escaped, _cells(row))) for row in rows]
    table.append(tuple(f"**{cell}**" if cell else "" for cell in _total(difference)))
    parts = [verdict, "\n".join(f"| {' | '.join(cells)} |" for cells in table)]
    parts += ["\n".join(f"- {_escaped(_told(widened))}" for widened in difference.ripple)]
    parts += [*_folded(difference), _diagram(difference), _escaped(_closing(difference))]
    return _fitting([part for part in parts if part])


def difference_document(difference: Difference, names: tuple[str, str]) -> dict[str, object]:
    """Everything, with exact numbers of both sides."""
    old, new, kept = difference.tensors
    return {
        "schema": SCHEMA,
        "before": _side(difference, 0, names[0]),
        "after": _side(difference, 1, names[1]),
        "severity": str(difference.severity),
        "tensors": {"before": old, "after": new, "kept": kept},
        "changes": [_change_document(change) for change in difference.changes],
        "parts": [_row_document(row) for row in difference.rows],
        "ripple": [
            {
                "part": widened.part,
                "layers": list(widened.layers),
                "channels": "output" if widened.is_made else "input",
                "before": widened.before,
                "after": widened.after,
            }
            for widened in difference.ripple
        ],
    }


# --- text ---------------------------------------------------------------------------------------


def _changes(difference: Difference) -> Iterator[tuple[str, ...]]:
    for change in difference.changes:
        what = f"{change.before} -> {change.after}" if change.sign == "~" else ""
        what = what or change.before or change.after
        where = change.block or "network"
        step = " ".join(part for part in (change.step, _named(change)) if part)
        yield change.sign, where, step, _cut(what), _place(change.place)


def _named(change: Change) -> str:
    return "" if change.what in ("step", "branch", "op") else change.what


def _place(span: Span | None) -> str:
    return f"{span.source}:{span.start.line}" if span is not None else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."


def _cells(row: Row) -> tuple[str, ...]:
    before, after = row.before, row.after
    there = after or before
    assert there is not None
    name = f"{there.times} x {there.name}" if there.times > 1 else there.name
    if before is not None and after is not None:
        if before.times != after.times:
            name = f"{before.times} -> {after.times} x {after.name}"
        if before.name != after.name:
            name = f"{name} (was {before.name})"
    total = len(before.tensors) if before is not None else 0
    return (
        row.sign,
        name,
        _both(before, after, lambda state: str(state.output or "?")),
        *_numbers(before and before.cost, after and after.cost),
        f"{row.kept} of {total}" if total else "",
    )


def _total(difference: Difference) -> tuple[str, ...]:
    old, _, kept = difference.tensors
    return ("", "total", "", *_numbers(*difference.totals), f"{kept} of {old}")


def _both(before: State | None, after: State | None, text: Callable[[State], str]) -> str:
    texts = [text(state) if state is not None else "" for state in (before, after)]
    if texts[0] == texts[1] or not texts[0]:
        return texts[1]
    return f"{texts[0]} -> {texts[1] or 'gone'}"


def _numbers(before: Cost | None, after: Cost | None) -> tuple[str, ...]:
    """Params and MACs of both sides, each with its share of change."""
    old, new = before or Cost(), after or Cost()
    cells: list[str] = []
    for one, other in ((old.params, new.params), (old.macs, new.macs)):
        same = one == other
        cells.append(_short(other) if same else f"{_short(one)} -> {_short(other)}")
        cells.append("" if same or not one else f"{(other - one) / one:+.1%}")
    return tuple(cells)


def _short(number: int) -> str:
    """`384`, `1,024`, `22.76M`, `12.3G`: four digits or so."""
    for size, letter in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.4g}{letter}"
    return f"{number:,}"


def _told(widened: Widened) -> str:
    first, *others = widened.layers
    which = f"{first} and {len(others)} more layers" if others else first
    verb = ("make" if widened.is_made else "take") + ("" if others else "s")
    channels = f"{widened.before} -> {widened.after} channels"
    return f"> {widened.part}: {which} {verb} {channels}, by what goes in alone"


def _closing(difference: Difference) -> str:
    own = sum(1 for row in difference.rows if row.sign in ("~", "+", "-"))
    induced = sum(1 for row in difference.rows if row.sign == ">")
    equal = sum(1 for row in difference.rows if not row.sign)
    parts = "1 part" if own == 1 else f"{own} parts"
    counts = [f"{parts} changed", f"{induced} only by what goes in", f"{equal} as before"]
    return f"{VERDICTS[difference.severity]} {', '.join(counts)}."


def _is_breaking(difference: Difference) -> bool:
    return difference.severity >= Severity.WEIGHT_BREAKING


# --- Markdown -----------------------------------------------------------------------------------


def _folded(difference: Difference) -> Iterator[str]:
    """The own changes, folded away."""
    lines = [
        f"{sign} {where}: {step} {what} ({place})".replace("  ", " ")
        for sign, where, step, what, place in _changes(difference)
    ]
    if lines:
        inner = "\n".join(f"- {_escaped(line)}" for line in lines)
        summary = f"{len(lines)} own changes" if len(lines) > 1 else "1 own change"
        yield f"<details><summary>{summary}</summary>\n\n{inner}\n\n</details>"


def _diagram(difference: Difference) -> str:
    """The parts in a row, the changed ones coloured."""
    kinds = {"~": "changed", ">": "induced", "+": "new", "-": "gone", "": "same"}
    lines = ["```mermaid", "flowchart LR"]
    for number, row in enumerate(difference.rows):
        label = "".join(c if c.isalnum() or c in " _.-x" else f"#{ord(c)};" for c in row.name)
        lines.append(f'  n{number}["{label}"]:::{kinds[row.sign]}')
    steps = [n for n, row in enumerate(difference.rows) if row.sign != "-"]
    lines += [f"  n{one} --> n{other}" for one, other in pairwise(steps)]
    fills = {"changed": "#f5c542", "induced": "#fbe9a9", "new": "#8fd19e", "gone": "#f19c9c"}
    lines += [f"  classDef {kind} fill:{fill},color:#000" for kind, fill in fills.items()]
    return "\n".join([*lines, "```"])


def _escaped(text: str) -> str:
    """Text that stands for itself in Markdown: no markup, no mention, no direction of its own."""
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return "".join(f"&#{ord(c)};" if c in "<>&|`*_[]\\@#~!" and c not in ">-" else c for c in shown)


def _code(text: str) -> str:
    return f"<code>{_escaped(text)}</code>"


def _fitting(parts: Sequence[str]) -> str:
    """The parts as one comment; the last of them are left out, and named, where it would be too long."""
    kept: list[str] = []
    room = LONGEST_COMMENT - 200
    for part in parts:
        if len(part) + 2 > room:
            kept.append("_The rest does not fit in a comment: run `archgen diff`._")
            break
        kept.append(part)
        room -= len(part) + 2
    return "\n\n".join(kept) + "\n"


# --- data ---------------------------------------------------------------------------------------


def _side(difference: Difference, side: int, name: str) -> dict[str, object]:
    network = (difference.before, difference.after)[side]
    cost = difference.totals[side]
    return {
        "spec": name,
        "name": network.network.title,
        "input": plain_shape(network.network.input),
        "output": plain_shape(network.output),
        "params": cost.params,
        "macs": cost.macs,
    }


def _change_document(change: Change) -> dict[str, object]:
    place = change.place
    return {
        "block": change.block or None,
        "step": change.step or None,
        "what": change.what,
        "before": change.before or None,
        "after": change.after or None,
        "file": place.source if place else None,
        "line": place.start.line if place else None,
    }


def _row_document(row: Row) -> dict[str, object]:
    sides: Iterable[tuple[str, State | None]] = (("before", row.before), ("after", row.after))
    signs = {"~": "changed", ">": "induced", "+": "new", "-": "gone", "": "same"}
    return {
        "part": row.name,
        "status": signs[row.sign],
        "kept": row.kept,
        **{side: _state_document(state) if state else None for side, state in sides},
    }


def _state_document(state: State) -> dict[str, object]:
    return {
        "name": state.name,
        "times": state.times,
        "output": plain_shape(state.output),
        "params": state.cost.params,
        "macs": state.cost.macs,
        "tensors": len(state.tensors),
    }
