"""A difference as plain data for programs, with exact numbers of both sides."""

from __future__ import annotations

from archgen.cost import Cost
from archgen.diagnostics import Diagnostic
from archgen.diff.changes import Change
from archgen.diff.compare import Difference, Row
from archgen.diff.parts import State
from archgen.diff.ripple import Widened, ripple
from archgen.diff.wording import KINDS
from archgen.ir.shaped import ShapedNetwork
from archgen.render.values import plain_shape

SCHEMA = 1


def difference_document(difference: Difference, names: tuple[str, str]) -> dict[str, object]:
    """All of it; what an error hides is null. `schema` grows when a field is renamed or dropped."""
    old, new, kept = difference.tensors
    return {
        "schema": SCHEMA,
        "before": side_document(difference.before, names[0], difference.totals[0]),
        "after": side_document(difference.after, names[1], difference.totals[1]),
        "severity": str(difference.severity),
        "is_known": difference.is_known,
        "tensors": {"before": old, "after": new, "kept": kept},
        "changes": [_change(change) for change in difference.changes],
        "parts": [_row(row) for row in difference.rows],
        "ripple": [_widened(widened) for widened in ripple(difference)],
        "failed": [finding_document(found) for found in difference.failed],
        "mended": [finding_document(found) for found in difference.mended],
        "lasting": [finding_document(found) for found in difference.lasting],
    }


def side_document(
    network: ShapedNetwork | None, name: str, cost: Cost | None = None
) -> dict[str, object] | None:
    """One of the networks; None where there is none."""
    if network is None:
        return None
    return {
        "spec": name,
        "name": network.network.title,
        "input": plain_shape(network.network.input),
        "output": plain_shape(network.output),
        "params": cost.params if cost else None,
        "macs": cost.macs if cost else None,
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "block": change.block or None,
        "part": change.part or None,
        "step": change.step or None,
        "what": change.what,
        "before": change.before or None,
        "after": change.after or None,
        "file": change.place.source,
        "line": change.place.start.line,
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "part": row.name,
        "status": KINDS[row.sign],
        "kept": row.kept,
        "renamed": row.renamed,
        "before": _state(row.before),
        "after": _state(row.after),
    }


def _state(state: State | None) -> dict[str, object] | None:
    if state is None:
        return None
    return {
        "name": state.name,
        "times": state.times,
        "output": plain_shape(state.output),
        "params": state.cost.params if state.cost else None,
        "macs": state.cost.macs if state.cost else None,
        "tensors": len(state.tensors) if state.cost else None,
    }


def _widened(widened: Widened) -> dict[str, object]:
    return {
        "part": widened.part,
        "layers": list(widened.layers),
        "channels": "output" if widened.is_made else "input",
        "before": widened.before,
        "after": widened.after,
        "params": widened.params,
        "cause": widened.cause or None,
    }


def finding_document(found: Diagnostic) -> dict[str, object]:
    """An error that a side has."""
    place = {"file": found.span.source, "line": found.span.start.line}
    return {"code": found.rule.code, "message": found.message, **place}
