"""Convolutions with the norm and the activation behind them as one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from archgen.lift.steps import Scopes, Step, common, maker

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "Module")
_CARRIERS = ("conv", "conv_transpose")


def readers(steps: Iterable[Step]) -> Mapping[str, list[str]]:
    """Who reads what each call makes, by their values."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for step in steps:
        for value in dict.fromkeys(map(maker, step.reads)):
            found[value].append(step.value)
    return found


def belong_together(one: Scopes, other: Scopes) -> bool:
    """Whether a person would write two ops in a row as one step: one module calls at least one of them."""
    around = len(common(one, other))
    return min(_modules_between(one, around), _modules_between(other, around)) == 0


def _modules_between(scopes: Scopes, around: int) -> int:
    """How many modules, containers apart, call an op inside the outer `around` ones."""
    return sum(scope.kind not in CONTAINERS for scope in scopes[around:-1])


def merged(steps: tuple[Step, ...], outputs: Collection[str]) -> tuple[Step, ...]:
    """The steps with norms and activations attached to the convolution before them."""
    read_by = readers(steps)
    result: dict[str, Step] = {}
    for step in steps:
        before = result.get(step.reads[0])
        is_alone = read_by[step.reads[0]] == [step.value] and step.reads[0] not in outputs
        if before is not None and is_alone and _attaches(step, before):
            del result[before.value]
            result[step.value] = _attached(before, step)
        else:
            result[step.value] = step
    return tuple(result.values())


def _attaches(step: Step, before: Step) -> bool:
    if before.op not in _CARRIERS or before.settings["act"] != "none":
        return False
    if not belong_together(before.scopes, step.scopes):
        return False
    return step.op == "act" or (step.op == "norm" and before.settings["norm"] == "none")


def _attached(before: Step, step: Step) -> Step:
    name, own = ("norm", "kind") if step.op == "norm" else ("act", "function")
    return replace(
        before,
        settings={**before.settings, name: step.settings[own]},
        value=step.value,
        scopes=_around(before.scopes, step.scopes),
    )


def _around(carrier: Scopes, other: Scopes) -> Scopes:
    """The convolution's own module where the other stands beside it, else the one around both."""
    around = common(carrier, other)
    return carrier if len(carrier) == len(around) + 1 else around
