"""`when:` of a step that some uses of a block lack: a condition that is true in just those that have it."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.lift.params import COUNT, WIDTHS, Difference, Params, type_of
from archgen.lift.relations import holds
from archgen.lift.side_by_side import Column
from archgen.lift.steps import Expression, Step

HARMLESS = ("stochastic_depth", "dropout")  # with a rate of 0 they are as good as absent


def condition(
    column: Column, is_there: tuple[bool, ...], step: Step, params: Params
) -> Expression | None:
    """The condition of a step, `step` in its final form; None where all bodies that are there have it.

    It speaks of the block's input and its params, where need be of a new one, true or false.
    """
    wanted = tuple(
        (found is not None) if there else None
        for found, there in zip(column.steps, is_there, strict=True)
    )
    if False not in wanted or step.op in HARMLESS or column.is_repeated:
        return None
    names = {"in.channels": params.received, **params.rows()}
    known = next((text for text in _likely(step, params) if holds(text, names, wanted)), "")
    if known:
        return Expression(known)
    row = tuple(map(bool, wanted))
    most = sum(row) * 2 >= len(row)
    return params.add(Difference(f"with_{_short(step.op)}", "", row, "bool", most))


def _likely(step: Step, params: Params) -> Iterator[str]:
    """Conditions that a person would try: on the stride and the channels, then on any param but a count."""
    width = next((step.settings[name] for name in WIDTHS if name in step.settings), None)
    stride = step.settings.get("stride")
    is_other = width is not None and "in.channels" not in str(width)
    if is_other and isinstance(stride, Expression):
        yield f"{stride} > 1 or in.channels != {width}"
    if is_other:
        yield f"in.channels != {width}"
    counts = params.rows(COUNT)
    for name, row in params.rows().items():
        if type_of(row) == "bool":
            yield name
        elif type_of(row) == "int" and name not in counts:
            yield f"{name} > 1"


def _short(op: str) -> str:
    """The op; of a block with a long name its initials."""
    return op if len(op) < 12 else "".join(word[0] for word in op.split("_"))
