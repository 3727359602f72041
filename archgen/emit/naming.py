"""Identifiers of an emitted module: what classes, attributes and variables are called."""

from __future__ import annotations

import keyword

RESERVED = frozenset("Branch F NamedTuple Tensor annotations nn pad_same torch".split())


class ClassNames:
    """Class names of one module: CamelCase, unique, never a name the module uses already."""

    def __init__(self) -> None:
        self._taken: set[str] = set(RESERVED)

    def take(self, *wishes: str) -> str:
        """The first wish that is free; else the last one with a number."""
        names = [camel_case(wish) if "_" in wish or wish.islower() else wish for wish in wishes]
        free = next((name for name in names if name not in self._taken), "")
        count = 2
        while not free:
            numbered = f"{names[-1]}{count}"
            free = numbered if numbered not in self._taken else ""
            count += 1
        self._taken.add(free)
        return free

    def reserve(self, *names: str) -> None:
        """Marks names as used."""
        self._taken.update(names)


def camel_case(name: str) -> str:
    """`inception_resnet_v2` is `InceptionResNetV2`: known abbreviations keep their own case."""
    known = {
        "resnet": "ResNet",
        "resnext": "ResNeXt",
        "densenet": "DenseNet",
        "vgg": "VGG",
        "tf": "TF",
    }
    parts = [known.get(part, part[:1].upper() + part[1:]) for part in name.split("_") if part]
    joined = "".join(parts)
    return joined if not keyword.iskeyword(joined) else joined + "Block"


class Variables:
    """Variables of one `forward`: each wish is granted once, then numbered; `taken` it uses already."""

    def __init__(self, *taken: str) -> None:
        self._taken: set[str] = {"self", "torch", "nn", "F", "Tensor", *taken}
        self._granted: dict[str, int] = {}

    def take(self, wish: str) -> str:
        """A free name near the wish."""
        count = self._granted.get(wish, 0) + 1
        name = wish if count == 1 else f"{wish}_{count}"
        while name in self._taken or keyword.iskeyword(name):
            count += 1
            name = f"{wish}_{count}"
        self._taken.add(name)
        self._granted[wish] = count
        return name
