"""Modules as blocks: those of one class that are alike become uses of one block, inner ones first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from archgen.lift.branches import distinct
from archgen.lift.chains import Body, content
from archgen.lift.gathering import GATHERED, gathered, lines
from archgen.lift.merging import CONTAINERS
from archgen.lift.names import is_free, snake_case
from archgen.lift.ramps import Ramp
from archgen.lift.repeats import folded, rows_of_ops
from archgen.lift.side_by_side import columns
from archgen.lift.steps import Branch, Step, walk
from archgen.lift.unifying import Unifying
from archgen.lift.units import around_units, as_unit
from archgen.lift.writing import Block
from archgen.ops import OPS_BY_NAME
from archgen.spec.model import Step as WrittenStep

Key = tuple[str, ...]

_LEAST = 6  # lines that are worth a block of their own though used once


def with_blocks(
    steps: tuple[Step, ...], read: Collection[str]
) -> tuple[tuple[Step, ...], tuple[Block, ...]]:
    """The steps without groups, and the blocks that they use; `read` are values read by name."""
    making = _Making(read)
    steps = gathered(steps, read)
    while groups := [step for step in walk(steps) if step.is_group]:
        steps = _replaced(steps, making.replacements(groups))
    return rows_of_ops(making.folded(steps), read), tuple(making.blocks.values())


class _Making:
    """The blocks so far."""

    def __init__(self, read: Collection[str]) -> None:
        self.blocks: dict[str, Block] = {}
        self._read = read

    def folded(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps with repeats, in branches too."""
        opened = [
            replace(
                step, branches=tuple(Branch(b.name, self.folded(b.steps)) for b in step.branches)
            )
            for step in steps
        ]
        return folded(tuple(opened), self._read)

    def replacements(self, groups: Sequence[Step]) -> Mapping[Key, Body]:
        """What stands in the place of the groups of one class that have none of another inside."""
        by_key: defaultdict[Key, list[Step]] = defaultdict(list)
        for group in groups:
            by_key[_key(group)].append(group)
        key = next((key for key, found in by_key.items() if _is_ready(key, found)), None)
        chosen = groups if key is None else by_key[key]
        innermost = [
            group for group in chosen if not any(step.is_group for step in walk(group.inner))
        ]
        if key is None:
            return {_place(group): group.inner for group in innermost}
        return self._of_class(key, [replace(g, inner=self.folded(g.inner)) for g in innermost])

    def _of_class(self, key: Key, groups: list[Step]) -> Mapping[Key, Body]:
        """What stands in the place of the modules of one class."""
        found: dict[Key, Body] = {}
        left = []
        for group in _first_and_rest(groups):
            if len(group.inner) == 1 and not group.inner[0].branches:
                found[_place(group)] = (_bearing(group.inner[0], group.name),)
            else:
                left.append(group)
        if parted := around_units(left):
            return {**found, **{_place(group): (as_unit(group),) for group in parted}}
        for cluster in sorted(_clusters(left), key=_is_down):
            found.update(self._of_cluster(key, cluster))
        return found

    def _of_cluster(self, key: Key, uses: list[Step]) -> Mapping[Key, Body]:
        """Uses of a block, or what is in the modules where no block is worth its lines."""
        if not self._is_worth_a_block(key, uses):
            return {_place(use): use.inner for use in uses}
        unifying = Unifying(uses, self.blocks)
        block = unifying.block(self._name(key, uses))
        self.blocks[block.name] = block
        arguments = [unifying.params.arguments(block.params, use) for use in range(len(uses))]
        return {
            _place(use): (replace(use, op=block.name, settings=given, inner=()),)
            for use, given in zip(uses, arguments, strict=True)
        }

    def _is_worth_a_block(self, key: Key, uses: list[Step]) -> bool:
        """Whether a person would name it: a class of some size, or modules in a row that are a stage."""
        size = max(sum(map(lines, use.inner)) for use in uses)
        has_uses = any(step.op not in OPS_BY_NAME for step in walk(uses[0].inner))
        if key[0] in GATHERED and len(uses) == 1:
            return False
        if key[0] not in CONTAINERS:
            return size > 2 if len(uses) > 1 else size >= _LEAST and not has_uses
        is_stage = all(step.op not in OPS_BY_NAME for use in uses for step in use.inner)
        if is_stage:
            return len(uses) > 2
        spared = size * (len(uses) - 1) - 2 * len(uses) - 4
        return spared > 0 and not has_uses and not _is_in_class(key)

    def _name(self, key: Key, uses: list[Step]) -> str:
        """The class's name; another block of the class is told by what it does, or by a letter."""
        wish = snake_case(key[0])
        if key[0] in CONTAINERS:
            is_stage = any(step.op not in OPS_BY_NAME for step in uses[0].inner)
            wish = "stage" if is_stage else snake_case(key[-1]) or "unit"
        reserved = {*OPS_BY_NAME, *WrittenStep.keys()}
        wish = wish if is_free(wish, reserved) else f"{wish or 'unit'}_block"
        taken = {*self.blocks, *reserved}
        wishes = [wish, *([f"{wish}_down"] if _is_down(uses) else [])]
        wishes += [f"{wish}_{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"]
        return next((name for name in wishes if name not in taken), distinct([wish], taken)[0])


def _is_down(uses: Sequence[Step]) -> bool:
    """Whether all end on a smaller grid than they begin with."""
    return all(use.output[1:] < use.input[1:] for use in uses)


def _key(group: Step) -> Key:
    """The class; of a container the module that it is part of and its name without numbers."""
    kind = group.scopes[-1].kind
    if kind not in CONTAINERS:
        return (kind,)
    owner = group.scopes[-2].kind if len(group.scopes) > 1 else ""
    return kind, owner, group.name.rstrip("0123456789").rstrip("_")


def _is_in_class(key: Key) -> bool:
    return key[1] not in ("", *CONTAINERS)


def _is_ready(key: Key, groups: Sequence[Step]) -> bool:
    return all(
        _key(inner) == key for group in groups for inner in walk(group.inner) if inner.is_group
    )


def _place(group: Step) -> Key:
    """The group itself: one module may end on the value of another inside it."""
    return (*(scope.name for scope in group.scopes), group.value)


def _replaced(steps: tuple[Step, ...], replacements: Mapping[Key, Body]) -> tuple[Step, ...]:
    return tuple(_each_replaced(steps, replacements))


def _each_replaced(steps: tuple[Step, ...], replacements: Mapping[Key, Body]) -> Iterator[Step]:
    for step in steps:
        if not step.is_group:
            branches = (Branch(b.name, _replaced(b.steps, replacements)) for b in step.branches)
            yield replace(step, branches=tuple(branches))
        elif _place(step) in replacements:
            yield from replacements[_place(step)]
        else:
            yield replace(step, inner=_replaced(step.inner, replacements))


def _bearing(step: Step, name: str) -> Step:
    return step if name.isdigit() else replace(step, name=name)


def _clusters(groups: Sequence[Step]) -> list[list[Step]]:
    """Groups that can be uses of one block, the longest bodies first to say what there is."""
    equal: defaultdict[str, list[Step]] = defaultdict(list)
    for group in groups:
        equal[repr(content(group.inner))].append(group)
    found: list[list[list[Step]]] = []
    for uses in sorted(equal.values(), key=lambda uses: -sum(map(lines, uses[0].inner))):
        bodies = [*([known[0].inner for known in cluster] + [uses[0].inner] for cluster in found)]
        fitting = next((n for n, tried in enumerate(bodies) if columns(tried) is not None), None)
        if fitting is None:
            found.append([uses])
        else:
            found[fitting].append(uses)
    order = {_place(group): number for number, group in enumerate(groups)}
    return [
        sorted((use for uses in cluster for use in uses), key=lambda use: order[_place(use)])
        for cluster in found
    ]


def _first_and_rest(groups: list[Step]) -> list[Step]:
    """Groups of one block repeated, with the first use apart where it is another in some of them."""
    ops = {step.op for group in groups for step in group.inner}
    lengths = {len(group.inner) for group in groups}
    if len(ops) > 1 or lengths != {1, 2} or any(_begins_repeated(group) for group in groups):
        return groups
    return [replace(group, inner=_parted(group.inner)) for group in groups]


def _begins_repeated(group: Step) -> bool:
    """Whether the first use cannot stand apart."""
    first = group.inner[0]
    has_ramp = any(isinstance(value, Ramp) for value in first.settings.values())
    return has_ramp or (len(group.inner) == 2 and first.repeat != 1)


def _parted(body: Body) -> Body:
    (first, *more) = body
    if more or not isinstance(first.repeat, int) or first.repeat == 1:
        return body
    value = f"{first.value}#first"
    return (
        replace(first, repeat=1, value=value),
        replace(first, repeat=first.repeat - 1, reads=(value,)),
    )
