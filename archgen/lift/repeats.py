"""Repeats: equal uses of a block in a row are one step that is repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from archgen.lift.flat import Value
from archgen.lift.ramps import ramp_of
from archgen.lift.steps import Step
from archgen.ops import OPS_BY_NAME

_FEWEST = 3  # equal layers that are worth a repeat


def folded(steps: tuple[Step, ...], read: Collection[str]) -> tuple[Step, ...]:
    """The steps with equal uses in a row as one; what `read` names must stay a step of its own."""
    return tuple(_repeated(run) for run in _runs(steps, read, _continues))


def rows_of_ops(steps: tuple[Step, ...], read: Collection[str]) -> tuple[Step, ...]:
    """The steps with equal ops in a row, three or more, as one."""
    runs = _runs(steps, read, _is_same_op)
    return tuple(
        step for run in runs for step in ([_repeated(run)] if len(run) >= _FEWEST else run)
    )


def _runs(
    steps: Iterable[Step], read: Collection[str], continues: Callable[[list[Step]], bool]
) -> Iterator[list[Step]]:
    run: list[Step] = []
    for step in steps:
        if run and not (run[-1].value not in read and continues([*run, step])):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


def _continues(run: list[Step]) -> bool:
    """Whether the steps are uses of one block, each behind the other, with equal arguments or a ramp."""
    last, step = run[-2:]
    is_use = step.op == last.op and step.op not in OPS_BY_NAME and not step.is_group
    if not is_use or step.reads != (last.value,) or step.repeat != 1 or last.repeat != 1:
        return False
    return len({stem(one.name) for one in run}) == 1 and _shared(run) is not None


def _is_same_op(run: list[Step]) -> bool:
    """Whether the last step is a layer like the one before, and behind it."""
    last, step = run[-2:]
    is_op = step.op == last.op and step.op in OPS_BY_NAME and not step.branches
    return is_op and step.reads == (last.value,) and dict(step.settings) == dict(last.settings)


def stem(name: str) -> str:
    """A name without the number at its end."""
    return name.rstrip("0123456789").rstrip("_")


def _shared(run: list[Step]) -> Mapping[str, Value] | None:
    """Settings that all of the run can write: equal ones, and at most one that rises step by step."""
    first = run[0].settings
    odd = [name for name in first if any(step.settings[name] != first[name] for step in run)]
    if not odd:
        return first
    ramp = ramp_of([step.settings[odd[0]] for step in run]) if len(odd) == 1 else None
    return None if ramp is None else {**first, odd[0]: ramp}


def _repeated(run: list[Step]) -> Step:
    settings = _shared(run)
    if len(run) == 1 or settings is None:
        return run[0]
    name = "" if len({step.name for step in run}) > 1 else run[0].name
    last = run[-1]
    return replace(
        run[0],
        settings=settings,
        value=last.value,
        output=last.output,
        repeat=len(run),
        name=name,
    )
