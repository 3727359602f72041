"""What the order of a file says of its layers, if the network could have been written in that order.

Whoever writes a module down writes each part in one piece, and of parts that do not depend on each other
either first. So a file's order speaks for a pair only where every such order of the network that has the
file's shapes, kind by kind, agrees on it; where two equal branches could stand either way, it says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from archgen.weights.leaves import Leaf
from archgen.weights.structure import Part

MAX_STATES = 2_000  # of one list of parts; beyond that its parts are too free to be followed

Place: TypeAlias = "tuple[int, int, int]"
Possible: TypeAlias = "dict[str, set[str]]"
Steps: TypeAlias = "list[tuple[int, Place]]"
KINDS = 3


def kind_of(leaf: Leaf) -> int:
    """Norms, linear layers and others apart: which of a pair a file lists first is a matter of taste."""
    return 1 if leaf.is_norm else 2 if leaf.is_linear else 0


def possible_in_order(root: Part, theirs: Sequence[Leaf]) -> Possible:
    """By the path of each of our layers, those of theirs that it may be; nothing where no order fits.

    Heads that only training has may be absent.
    """
    for part in (root, _evaluated(root)):
        if [len(leaves) for leaves in _by_kind(part.leaves)] == [
            len(leaves) for leaves in _by_kind(theirs)
        ]:
            return _Orders(_by_kind(theirs)).possible(part)
    return {}


def _evaluated(root: Part) -> Part:
    """The parts that evaluation needs; those of training heads are last, and nothing needs them."""
    kept = [
        i
        for i, part in enumerate(root.parts)
        if not part.leaves or not all(leaf.training_only for leaf in part.leaves)
    ]
    return Part(tuple(root.parts[i] for i in kept), tuple(root.before[i] for i in kept))


def _by_kind(leaves: Sequence[Leaf]) -> tuple[list[Leaf], ...]:
    kinds: tuple[list[Leaf], ...] = tuple([] for _ in range(KINDS))
    for leaf in leaves:
        kinds[kind_of(leaf)].append(leaf)
    return kinds


class _Orders:
    """The orders in which parts may be written, as far as they have the shapes of a file."""

    def __init__(self, theirs: tuple[list[Leaf], ...]) -> None:
        self._theirs = theirs
        self._signatures = [[leaf.signature for leaf in leaves] for leaves in theirs]
        self._counts: dict[Part, Place] = {}
        self._steps: dict[tuple[Part, Place], Steps | None] = {}

    def possible(self, root: Part) -> Possible:
        """What each layer may be in any of them."""
        start = (0, 0, 0)
        found: Possible = defaultdict(set)
        if not self._fits(root, start):
            return {}
        waiting, seen = [(root, start)], {(root, start)}
        while waiting:
            part, place = waiting.pop()
            if part.leaf is not None:
                kind = kind_of(part.leaf)
                found[part.leaf.path].add(self._theirs[kind][place[kind]].path)
            for number, inner in self._steps.get((part, place)) or ():
                next_one = (part.parts[number], inner)
                if next_one not in seen:
                    seen.add(next_one)
                    waiting.append(next_one)
        return found

    def _fits(self, part: Part, place: Place) -> bool:
        """Whether a part may be written from a place of the file on."""
        if part.leaf is not None:
            kind = kind_of(part.leaf)
            row = self._signatures[kind]
            return place[kind] < len(row) and row[place[kind]] == part.leaf.signature
        key = (part, place)
        if key not in self._steps:
            self._steps[key] = self._found_steps(part, place)
        return self._steps[key] is not None

    def _found_steps(self, part: Part, place: Place) -> Steps | None:
        """Which part of a list may be written at which place, in orders that come to an end."""
        if not part.parts:
            return []
        needed = [sum(1 << other for other in before) for before in part.before]
        levels: list[dict[int, Place]] = [{0: place}]
        moves: list[list[tuple[int, int, Place]]] = []  # what was written before, what comes next
        for _ in part.parts:
            states: dict[int, Place] = {}
            steps = []
            for done, here in levels[-1].items():
                free = [
                    number
                    for number, before in enumerate(needed)
                    if not done >> number & 1 and before & done == before
                ]
                # what holds no layers stands anywhere, so one place is tried
                without = [number for number in free if not part.parts[number].leaves][:1]
                for number in without or free:
                    if self._fits(part.parts[number], here):
                        steps.append((number, done, here))
                        states[done | 1 << number] = self._after(part.parts[number], here)
            if not states or len(states) > MAX_STATES:
                return None
            levels.append(states)
            moves.append(steps)
        found: Steps = []
        wanted = {(1 << len(part.parts)) - 1}
        for steps in reversed(moves):
            kept = [step for step in steps if step[1] | 1 << step[0] in wanted]
            found += [(number, here) for number, _, here in kept]
            wanted = {done for _, done, _ in kept}
        return found

    def _after(self, part: Part, place: Place) -> Place:
        if part not in self._counts:
            counts = [len(leaves) for leaves in _by_kind(part.leaves)]
            self._counts[part] = (counts[0], counts[1], counts[2])
        a, b, c = self._counts[part]
        return place[0] + a, place[1] + b, place[2] + c
