"""What the branches of a join are called: as the modules in them, else after what they do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from archgen.lift.names import is_free
from archgen.lift.steps import Step, sides, walk
from archgen.ops import OPS_BY_NAME

_MINOR = ("max_pool", "avg_pool", "global_avg_pool", "act", "dropout")
_NAMELESS = ("branch", "block", "layer", "conv", "path", "body", "shortcut")


def branch_names(join: Step, ways: Sequence[tuple[Step, ...]]) -> tuple[str, ...]:
    """A name for each way of a join, all different."""
    of_modules = [_of_modules(join, way) for way in ways]
    names = [
        own if own and of_modules.count(own) == 1 else _of_content(join, way, ways)
        for own, way in zip(of_modules, ways, strict=True)
    ]
    return distinct(names)


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """The names, numbered where one came before or is taken."""
    given, seen = [], set(taken)
    for name in names:
        count, wish = 1, name
        while wish in seen:
            count += 1
            wish = f"{name}_{count}"
        seen.add(wish)
        given.append(wish)
    return tuple(given)


def _of_modules(join: Step, way: tuple[Step, ...]) -> str:
    """What the names of a way's modules have in common: `branch5x5` of branch5x5_1 and branch5x5_2."""
    depth = len(join.scopes)
    telling = [step for step in way if step.op not in _MINOR] or way
    names = [step.scopes[depth].name for step in telling if len(step.scopes) > depth]
    start = _shared_start(names).lower()
    start = re.sub(r"_[0-9]+[a-z]?$", "", start) if len(set(names)) < 2 else _unnumbered(start)
    is_telling = start not in _NAMELESS and start not in OPS_BY_NAME and join.op != "multiply"
    return start if is_telling and is_free(start) else ""


def _shared_start(names: Sequence[str]) -> str:
    """The letters with which all names begin."""
    letters = zip(*names, strict=False)
    return "".join(same[0] for same in takewhile(lambda some: len(set(some)) == 1, letters))


def _unnumbered(start: str) -> str:
    """What names that go on differently have in common, without the digits in which numbers begin."""
    return re.sub(r"_+[0-9]*$", "", start)


def _of_content(join: Step, way: tuple[Step, ...], ways: Sequence[tuple[Step, ...]]) -> str:
    is_pair = len(ways) == 2 and not all(ways)
    if join.op == "multiply" and is_pair:
        return "gate" if way else "features"
    if join.op == "concat" and is_pair:
        return "new" if way else "seen"
    if not way:
        return "identity"
    kernels = [step.settings["kernel"] for step in walk(way) if step.op == "conv"]
    if kernels:
        height, width = max((sides(kernel) for kernel in kernels), key=lambda s: s[0] * s[1])
        return f"b{height}x{width}"
    return "pool" if "pool" in way[0].op else f"{way[0].op}_branch"
