"""The main result of a network apart from what only further results need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce

from archgen.lift.branches import distinct
from archgen.lift.names import is_free, snake_case
from archgen.lift.steps import Step, common, maker, walk
from archgen.ops import OPS_BY_NAME


@dataclass(frozen=True)
class Head:
    """A further result: the value of the network that it starts from, and the steps behind that."""

    name: str
    source: str
    value: str
    steps: tuple[Step, ...]


def parted(
    steps: tuple[Step, ...], main: str, others: Iterable[str]
) -> tuple[tuple[Step, ...], tuple[Head, ...]]:
    """The steps that the main output needs, and for each other one the steps that it alone needs."""
    by_value = {step.value: step for step in steps}
    needed = _needed(main, by_value, set())
    heads = tuple(_head(value, by_value, needed) for value in others)
    return tuple(step for step in steps if step.value in needed), heads


def named(heads: tuple[Head, ...], network: tuple[Step, ...]) -> tuple[Head, ...]:
    """The heads by names that differ from each other and from all in the network."""
    taken = {name for step in walk(network) for name in (step.op, step.name)}
    taken |= {branch.name for step in walk(network) for branch in step.branches}
    names = distinct([head.name for head in heads], taken)
    return tuple(replace(head, name=name) for head, name in zip(heads, names, strict=True))


def _head(value: str, by_value: Mapping[str, Step], main: set[str]) -> Head:
    own = _needed(value, by_value, main)
    steps = tuple(step for name, step in by_value.items() if name in own)
    return Head(_name(steps), _source(steps, own) if steps else value, value, steps)


def _name(steps: tuple[Step, ...]) -> str:
    """The head as its module calls it: `aux1`."""
    around = reduce(common, (step.scopes for step in steps)) if steps else ()
    name = snake_case(around[0].name) if around else ""
    return name if is_free(name, OPS_BY_NAME) else "features"


def _source(steps: Iterable[Step], own: set[str]) -> str:
    return next(value for step in steps for value in step.reads if maker(value) not in own)


def _needed(value: str, by_value: Mapping[str, Step], known: set[str]) -> set[str]:
    """The calls behind a value, without those known."""
    found: set[str] = set()
    waiting = [maker(value)]
    while waiting:
        name = waiting.pop()
        if name in by_value and name not in known and name not in found:
            found.add(name)
            waiting += map(maker, by_value[name].reads)
    return found
