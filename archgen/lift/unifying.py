"""One body for all uses of a block: what they share is written, what differs becomes an expression.

An expression is over the block's input, over params that stand for what else differs, or over what
the step receives. A step that some uses lack has a condition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archgen.lift.chains import Body, is_chain, renamed_reads, unnamed
from archgen.lift.conditions import condition
from archgen.lift.flat import INPUT
from archgen.lift.params import Params
from archgen.lift.relations import Row
from archgen.lift.side_by_side import Column, columns
from archgen.lift.steps import Branch, Step
from archgen.lift.varying import Varying
from archgen.lift.writing import Block


class Unifying:
    """The uses of one block, and what is known of its params so far."""

    def __init__(self, uses: Sequence[Step], blocks: Mapping[str, Block]) -> None:
        self._uses = uses
        self._blocks = blocks
        self._made: Row = tuple(use.output[0] for use in uses)
        self.params = Params(tuple(use.input[0] for use in uses))

    def block(self, name: str) -> Block:
        """The block of all uses."""
        params, steps = self.params.named(self._body([use.inner for use in self._uses]))
        if all(is_chain(use.inner) for use in self._uses):
            return Block(name, params, unnamed(steps))
        return Block(name, params, renamed_reads(steps, {self._uses[0].reads[0]: INPUT}))

    def _body(
        self,
        bodies: Sequence[Body | None],
        order: tuple[int, ...] = (),
        place: str = "",
        *,
        is_kept: bool = False,
    ) -> Body:
        """The one body of all, in the place `order`; `is_kept` says that it is added to what it receives.

        Steps that all bodies have come first, so that conditions can speak of their params.
        """
        found = columns(bodies)
        assert found is not None
        is_there = tuple(body is not None for body in bodies)
        singles = sum(not column.is_repeated for column in found)
        made: dict[int, Step] = {}
        for number in sorted(range(len(found)), key=lambda number: found[number].is_optional):
            column = found[number]
            varying = Varying(
                column=column,
                params=self.params,
                blocks=self._blocks,
                place=place or column.first.name,
                order=(*order, number),
                made=self._made,
                keeps=is_kept,
                widens=number > 0 and found[number - 1].is_optional,
            )
            step = self._step(varying)
            if column.is_repeated:
                step = replace(step, repeat=varying.counted(singles))
            when = condition(column, is_there, step, self.params)
            made[number] = step if when is None else replace(step, when=when)
        return tuple(made[number] for number in range(len(found)))

    def _step(self, varying: Varying) -> Step:
        first = varying.column.first
        branches = self._branches(varying.column, varying.order)
        return replace(first, settings=varying.settings(), branches=branches)

    def _branches(self, column: Column, order: tuple[int, ...]) -> tuple[Branch, ...]:
        """The branches in their order; a residual's body is looked at before its shortcut."""
        found = dict(column.branches())
        is_residual = column.first.op == "residual"
        is_identity = is_residual and not any(found["shortcut"])
        made = {
            name: self._body(
                found[name],
                order,
                "" if is_residual else name,
                is_kept=is_identity and name == "body",
            )
            for name in sorted(found, key=lambda name: name == "shortcut")
            if any(found[name])
        }
        return tuple(Branch(name, made.get(name, ())) for name in found)
