"""The state dicts in what a trainer saved: where they are, which one is meant, and what is passed over."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from archgen.diagnostics import brief, did_you_mean
from archgen.weights.checkpoint import MAX_TENSORS, Unreadable
from archgen.weights.formats.pickles import Inert, PickleError
from archgen.weights.formats.torch_storages import Stored

MAX_LEVELS = 4  # of dicts in dicts in which a state dict is looked for
MAX_MODULES = 100_000
MAX_NESTED = 64
MAX_SEEN = 10_000
SHOWN = 12
LONGEST = 200  # letters of a key to which another is compared
TOP = "."  # what `--part` calls the outermost dict
COUNTER = "n_averaged"  # that torch's AveragedModel keeps among the tensors of its model
# dicts of tensors that a training keeps besides networks, by what their keys begin with
_OF_TRAINING = (
    *("optim", "lr_sched", "sched", "scaler", "grad_scaler", "amp", "callback", "loops"),
    *("rng", "random", "criterion", "loss"),
)


class Part(NamedTuple):
    """A state dict in a file: the keys that lead to it, what it holds, and of which class it is a module."""

    keys: tuple[str, ...]
    values: Mapping[str, object]
    module: str = ""

    @property
    def name(self) -> str:
        """What `--part` calls it."""
        return ".".join(self.keys) or TOP

    @property
    def tensors(self) -> dict[str, Stored]:
        """Its tensors by name."""
        return {
            name: value
            for name, value in self.values.items()
            if isinstance(value, Stored) and not (name == COUNTER and not value.shape)
        }

    def described(self) -> str:
        """Its name and its size, as lists of parts say it."""
        tensors = self.tensors.values()
        count = f"{len(tensors):,} tensor{'s' if len(tensors) != 1 else ''}"
        return (
            f"`{brief(self.name)}` ({count}, {sum(math.prod(t.shape) for t in tensors):,} numbers)"
        )


def parts_of(root: object) -> tuple[Part, ...]:
    """All state dicts in a value, the outer ones first."""
    found: list[Part] = []
    waiting: deque[tuple[tuple[str, ...], object]] = deque([((), root)])
    seen: set[int] = set()
    while waiting:
        keys, value = waiting.popleft()
        entries = _entries(value)
        if id(value) in seen or not entries:
            continue
        seen.add(id(value))
        if isinstance(value, Inert) and _is_module(value):
            found.append(Part(keys, _module_state(value), value.kind))
            continue
        if any(isinstance(each, Stored) and each.shape for each in entries.values()):
            found.append(Part(keys, entries))
        if len(keys) < MAX_LEVELS and len(seen) < MAX_SEEN:
            waiting += [
                ((*keys, key), each)
                for key, each in entries.items()
                if isinstance(each, dict | Inert)
            ]
    return tuple(found)


def _entries(value: object) -> dict[str, object]:
    """What a dict or an object has under names. Other keys are those of optimizers."""
    held: object = value.attributes() if isinstance(value, Inert) else value
    if not isinstance(held, Mapping):
        return {}
    return {key: each for key, each in held.items() if isinstance(key, str)}


# --------------------------------------------------------------------------------- modules as data


def _is_module(value: Inert) -> bool:
    held = value.attributes()
    return all(isinstance(held.get(key), dict | Inert) for key in ("_parameters", "_modules"))


def _module_state(module: Inert) -> dict[str, object]:
    """The tensors that the `state_dict()` of a pickled module would name, in its order."""
    state: dict[str, object] = {}
    waiting: list[tuple[str, Inert, int]] = [("", module, 0)]
    for _ in range(MAX_MODULES):
        if not waiting:
            return state
        prefix, inner, depth = waiting.pop()
        held = inner.attributes()
        passing = _members(held.get("_non_persistent_buffers_set"))
        for key in ("_parameters", "_buffers"):
            for name, value in _entries(held.get(key)).items():
                if isinstance(value, Stored) and not (key == "_buffers" and name in passing):
                    state[prefix + name] = value
        children = [
            (f"{prefix}{name}.", child, depth + 1)
            for name, child in _entries(held.get("_modules")).items()
            if isinstance(child, Inert)
        ]
        if depth > MAX_NESTED or len(state) > MAX_TENSORS:
            break
        waiting += reversed(children)
    raise PickleError("it holds a module of modules without end")


def _members(value: object) -> tuple[object, ...]:
    """The members of a pickled set, which is a list or, in old protocols, a call with one."""
    held = value.arguments[0] if isinstance(value, Inert) and value.arguments else value
    return tuple(held) if isinstance(held, list) else ()


# ------------------------------------------------------------------------------------ which is meant


def chosen(parts: tuple[Part, ...], wanted: str, root: object) -> tuple[Part, str]:
    """The part that is wanted, and what the names in it are to begin with.

    Raises Unreadable, with a list of the parts, where there is none of that name or no single one.
    """
    networks = [part for part in parts if not _is_of_training(part)] or list(parts)
    if not parts:
        keys = ", ".join(f"`{brief(key)}`" for key in list(_entries(root))[:8])
        held = f"only {keys}" if keys else f"but {_kind(root) or 'a ' + type(root).__name__}"
        raise Unreadable(f"it holds no tensors by name, {held}")
    for part in parts:
        if wanted == part.name:
            return part, ""
    for part in parts if wanted else ():
        prefix = wanted if part in networks and len(networks) == 1 else ""
        if part.keys and wanted.startswith(f"{part.name}."):
            prefix = wanted.removeprefix(f"{part.name}.")
        if prefix and any(name.startswith(f"{prefix}.") for name in part.tensors):
            return part, prefix
    if not wanted and len(networks) == 1:
        return networks[0], ""
    listed = ", ".join(part.described() for part in networks[:SHOWN])
    more = f", and {len(networks) - SHOWN:,} more" if len(networks) > SHOWN else ""
    near = (
        did_you_mean(wanted, [part.name for part in parts if len(part.name) < LONGEST])
        if wanted
        else networks[0].name
    )
    help = f"choose with `--part KEY`, such as `--part {near or networks[0].name}`"
    if wanted:
        raise Unreadable(f"it holds no part `{brief(wanted)}`, but {listed}{more}", help)
    raise Unreadable(f"it holds several state dicts: {listed}{more}", help)


def _is_of_training(part: Part) -> bool:
    return any(key.lower().startswith(_OF_TRAINING) for key in part.keys)


# --------------------------------------------------------------------------------- what is passed over


def remarks(part: Part, parts: tuple[Part, ...], root: object) -> Iterator[str]:
    """What was taken and left of a file, and which objects in it were passed over, by their keys."""
    others = {other.keys: f" ({len(other.tensors):,} tensors)" for other in parts if other != part}
    left: list[tuple[str, ...]] = []
    value = root
    for depth, key in enumerate(part.keys):
        entries = _entries(value)
        left += [(*part.keys[:depth], other) for other in entries if other != key]
        value = entries[key]
    if not part.module:
        left += [(*part.keys, name) for name in part.values if name not in part.tensors]
    if left or part.keys:
        names = [f"{brief('.'.join(keys))}{others.get(keys, '')}" for keys in left]
        taken = f"took `{brief(part.name)}` of it" if part.keys else ""
        rest = f"left {_listed(names)}" if left else ""
        yield ", and ".join(filter(None, (taken, rest)))
    if part.module:
        yield f"it is a pickled module, {brief(part.module)}: its tensors are read, its code is not run"
    objects = list(islice(_objects(root), MAX_SEEN))
    if objects:
        yield f"passed over without making them: {_listed(objects)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _objects(root: object) -> Iterator[str]:
    """The objects in the dicts and lists of a file, with the keys that lead to them."""
    waiting: deque[tuple[tuple[object, ...], object]] = deque([((), root)])
    seen: set[int] = set()
    while waiting and len(seen) < MAX_SEEN:
        keys, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Inert):
            if not _is_module(value):
                yield f"`{brief('.'.join(map(str, keys)) or TOP)}` ({brief(value.kind)})"
            continue
        assert isinstance(value, dict | list | tuple)
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        if len(keys) <= MAX_LEVELS:
            waiting += [
                ((*keys, key), each)
                for key, each in islice(inner, MAX_SEEN)
                if isinstance(each, dict | list | tuple | Inert)
            ]


def _kind(value: object) -> str:
    return f"an object of {brief(value.kind)}" if isinstance(value, Inert) else ""
