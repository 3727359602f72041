"""The main result of a network apart from what only further results need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain

from archgen.lift.branches import distinct
from archgen.lift.names import is_free, snake_case
from archgen.lift.steps import Step, common, maker, walk
from archgen.ops import OPS_BY_NAME


@dataclass(frozen=True)
class Head:
    """A further result: the values of the network that its steps read, in the end a single one, and they."""

    name: str
    sources: tuple[str, ...]
    value: str
    steps: tuple[Step, ...]

    @property
    def source(self) -> str:
        """What the first step reads, or the output itself where there are no steps."""
        return self.sources[0]


def parted(
    steps: tuple[Step, ...], main: str, others: Sequence[str]
) -> tuple[tuple[Step, ...], tuple[Head, ...]]:
    """The network's steps, the last of which makes the main output, and a head for each other one.

    What two outputs need is a step of the network, and so is what reads two of its values. Where that
    comes after the main output, as in networks that give their features shallow first, an `identity`
    reads the main output last, and the network goes on to the deepest features.
    """
    by_value = {step.value: step for step in steps}
    needed = [_needed(value, by_value) for value in (main, *others)]
    shared = {value for value, count in Counter(chain(*needed)).items() if count > 1}
    inside = needed[0] | shared
    for value in others:
        head = _head(value, by_value, inside)
        if len(head.sources) > 1:
            inside |= {step.value for step in head.steps}
    last = by_value.get(maker(main))
    after = {maker(main)}
    for step in steps:
        if not after.isdisjoint(map(maker, step.reads)):
            after.add(step.value)
    if last is not None and after & inside == {last.value}:
        kept = [step for step in steps if step.value in inside and step is not last]
        return (*kept, last), tuple(_head(value, by_value, inside) for value in others)
    for value in others:
        deepest = [step.value for step in steps if step.value in inside][-1:]
        head = _head(value, by_value, inside)
        if [*head.sources] == deepest:
            inside |= {step.value for step in head.steps}
    kept = [step for step in steps if step.value in inside]
    shape = last.output if last is not None else steps[0].input if steps else ()
    end = Step("identity", {}, f"{main}#last", (main,), (), shape, shape)
    return (*kept, end), tuple(_head(value, by_value, inside) for value in others)


def named(heads: tuple[Head, ...], network: tuple[Step, ...]) -> tuple[Head, ...]:
    """The heads by names that differ from each other and from all in the network."""
    taken = {name for step in walk(network) for name in (step.op, step.name)}
    taken |= {branch.name for step in walk(network) for branch in step.branches}
    names = distinct([head.name for head in heads], taken)
    return tuple(replace(head, name=name) for head, name in zip(heads, names, strict=True))


def _head(value: str, by_value: Mapping[str, Step], inside: AbstractSet[str]) -> Head:
    own = _needed(value, by_value) - inside
    steps = tuple(step for name, step in by_value.items() if name in own)
    read = dict.fromkeys(v for step in steps for v in step.reads if maker(v) not in own)
    return Head(_name(steps), tuple(read) or (value,), value, steps)


def _name(steps: tuple[Step, ...]) -> str:
    """The head as its module calls it: `aux1`."""
    around = reduce(common, (step.scopes for step in steps)) if steps else ()
    name = snake_case(around[0].name) if around else ""
    return name if is_free(name, OPS_BY_NAME) else "features"


def _needed(value: str, by_value: Mapping[str, Step]) -> set[str]:
    """The calls that a value comes of, its own among them."""
    found: set[str] = set()
    waiting = [maker(value)]
    while waiting:
        name = waiting.pop()
        if name in by_value and name not in found:
            found.add(name)
            waiting += map(maker, by_value[name].reads)
    return found
