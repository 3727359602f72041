"""How the names of a file are to be read: without the words of wrappers, and Keras' numbers from zero on.

DataParallel puts `module.` before every name, `torch.compile` puts `_orig_mod.`. Keras counts the layers of
a class through a whole session, so the second network of one may begin with `conv2d_94`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from archgen.weights.dialects import KERAS, Dialect
from archgen.weights.leaves import Leaf, by_number
from archgen.weights.maps import WeightMap

# the names that Keras gives by itself: a class, and a number from the second layer on
COUNTED = re.compile(
    r"((?:depthwise_|separable_)?conv2d(?:_transpose)?|dense|(?:batch|layer|group)_normalization)"
    r"(_\d+)?(/depthwise|/pointwise)?"
)


class Reading(NamedTuple):
    """Names of a file by what they are read as, and in words what was done to them."""

    names: Mapping[str, str]
    prefix: str = ""
    told: str = ""

    def leaves(self, leaves: Sequence[Leaf]) -> list[Leaf]:
        """The layers of the file under the names that they are read as."""
        read = {name: new for new, name in self.names.items()}
        return [leaf._replace(path=read[leaf.path]) for leaf in leaves]

    def written(self, name: str) -> str:
        """The name in the file of what is read as `name`."""
        return self.names.get(name, f"{self.prefix}{name}")

    def map(self, chart: WeightMap) -> WeightMap:
        """A map of names as they are read, as one of the names in the file."""
        return chart._replace(
            layers=tuple(line._replace(theirs=self.written(line.theirs)) for line in chart.layers),
            split=tuple((self.written(theirs), ours) for theirs, ours in chart.split),
            shared=tuple((self.written(one), self.written(other)) for one, other in chart.shared),
            ignore=tuple(f"{self.prefix}{name}" for name in chart.ignore),
        )


def readings(names: Sequence[str], dialect: Dialect) -> Iterator[Reading]:
    """The ways to read the names of a file's layers, first as they are."""
    yield Reading({name: name for name in names})
    if dialect is KERAS:
        counted = _counted_from_zero(names)
        if any(new != name for new, name in counted.items()):
            yield Reading(
                counted, told="layers are counted from zero: Keras counts on in a session"
            )
    for prefix in _prefixes(names):
        told = f"`{prefix}` is taken off: all names of the file begin with it"
        yield Reading({name.removeprefix(prefix): name for name in names}, prefix, told)


def _prefixes(names: Sequence[str]) -> Iterator[str]:
    """What all names begin with, from the least to the most: `module.`, `module.model.`."""
    length = 0
    while names:
        length += len(names[0][length:].partition(".")[0]) + 1
        prefix = names[0][:length]
        if not all(name.startswith(prefix) and len(name) > length for name in names):
            return
        yield prefix


def _counted_from_zero(names: Sequence[str]) -> dict[str, str]:
    """The names with the n-th layer of a class called so, by the new name."""
    classes: dict[str, list[str]] = defaultdict(list)
    found: dict[str, str] = {}
    for name in names:
        match = COUNTED.fullmatch(name)
        if match is None:
            found[name] = name
        else:
            owner = f"{match[1]}{match[2] or ''}"
            if owner not in classes[match[1]]:
                classes[match[1]].append(owner)
    new = {
        owner: f"{kind}_{number}" if number else kind
        for kind, owners in classes.items()
        for number, owner in enumerate(sorted(owners, key=by_number))
    }
    for name in names:
        match = COUNTED.fullmatch(name)
        if match is not None:
            found[f"{new[match[1] + (match[2] or '')]}{match[3] or ''}"] = name
    return found
