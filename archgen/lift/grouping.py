"""Modules around steps: neighbouring steps that one module called become a group of its name and class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from archgen.lift.merging import readers
from archgen.lift.steps import Branch, Scopes, Step, maker, walk


def grouped(steps: tuple[Step, ...], outputs: Collection[str]) -> tuple[Step, ...]:
    """The steps in groups, one for each module that is fed by one value and read by its last alone."""
    return _List(readers(walk(steps)), frozenset(outputs), ()).grouped(steps)


class _List:
    """A list of steps inside the modules `around` it."""

    def __init__(
        self, readers: Mapping[str, list[str]], outputs: frozenset[str], around: Scopes
    ) -> None:
        self._readers = readers
        self._outputs = outputs
        self._around = around

    def grouped(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps, those of one module in one group."""
        return tuple(
            step
            for module, run in groupby(steps, key=self._module)
            for step in self._as_group(module, tuple(run))
        )

    def _module(self, step: Step) -> Scopes:
        """The module inside `around` that called the step."""
        return step.scopes[: len(self._around) + 1]

    def _as_group(self, module: Scopes, run: tuple[Step, ...]) -> Iterator[Step]:
        below = _List(self._readers, self._outputs, module)
        if module == self._around or not any(_has_more(step, module) for step in run):
            yield from (self._opened(step) for step in run)
        elif not self._is_closed(run):
            yield from below.grouped(run)
        else:
            yield _group(module, below.grouped(run))

    def _is_closed(self, run: tuple[Step, ...]) -> bool:
        """Whether the steps take one value in, and nobody else reads any but the last."""
        made = {step.value for step in walk(run)}
        taken = {value for step in walk(run) for value in step.reads if maker(value) not in made}
        hidden = made - {run[-1].value}
        is_hidden = hidden.isdisjoint(self._outputs) and all(
            made.issuperset(self._readers.get(value, ())) for value in hidden
        )
        return len(taken) == 1 and is_hidden

    def _opened(self, step: Step) -> Step:
        """A step by its name in the module around it; a join with its branches in groups."""
        below = _List(self._readers, self._outputs, step.scopes)
        branches = tuple(Branch(name, below.grouped(inner)) for name, inner in step.branches)
        own = step.scopes[len(self._around) :]
        return replace(step, branches=branches, name=own[0].name if own else "")


def _has_more(step: Step, module: Scopes) -> bool:
    return len(step.scopes) > len(module) or bool(step.branches)


def _group(module: Scopes, inner: tuple[Step, ...]) -> Step:
    first, last = inner[0], inner[-1]
    return Step(
        op="",
        settings={},
        value=last.value,
        reads=first.reads[:1],
        scopes=module,
        input=first.input,
        output=last.output,
        inner=inner,
        name=module[-1].name,
    )
