"""Classes that add their input in some uses and not in others: the inside is a unit of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archgen.lift.chains import Body
from archgen.lift.flat import Scope
from archgen.lift.names import snake_case
from archgen.lift.side_by_side import columns
from archgen.lift.steps import Branch, Step


def around_units(groups: Sequence[Step]) -> Sequence[Step]:
    """The groups, if some are residuals around what the others do without one; else none."""
    residual = [group for group in groups if _is_around(group)]
    if not residual or len(residual) == len(groups):
        return ()
    inside = [_unit(group) for group in groups]
    return groups if columns(inside) is not None else ()


def as_unit(group: Step) -> Step:
    """A group of the unit's class; where it was a residual, inside a group with nothing else."""
    own = group.scopes[-1]
    is_named_so = "residual" in snake_case(own.kind)
    unit = Scope("unit", "Unit" if is_named_so else own.kind)
    around = own if is_named_so else Scope(own.name, f"Residual{own.kind}")
    if not _is_around(group):
        return replace(group, scopes=(*group.scopes[:-1], replace(own, kind=unit.kind)))
    (residual,) = group.inner
    scopes = (*group.scopes[:-1], around)
    body, behind = _parted(residual.branches[1].steps)
    inner = replace(
        group,
        value=body[-1].value,
        scopes=(*scopes, unit),
        inner=body,
        output=body[-1].output,
        name="",
    )
    branches = (residual.branches[0], Branch("body", (inner, *behind)))
    return replace(group, scopes=scopes, inner=(replace(residual, branches=branches),))


def _is_around(group: Step) -> bool:
    (first, *more) = group.inner
    return not more and first.op == "residual" and not first.branches[0].steps


def _unit(group: Step) -> Body:
    return _parted(group.inner[0].branches[1].steps)[0] if _is_around(group) else group.inner


def _parted(body: Body) -> tuple[Body, Body]:
    """What a residual adds, and the stochastic depth behind it that only a residual can have."""
    count = len(body) - (body[-1].op == "stochastic_depth" and len(body) > 1)
    return body[:count], body[count:]
