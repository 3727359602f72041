"""A network or a block as boxes and arrows: what every picture is made of, without any place on paper."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock


class Kind(StrEnum):
    """What a box stands for; a style gives each its colour."""

    INPUT = "input"
    STEM = "stem"
    MODULE = "module"
    REDUCTION = "reduction"
    POINTWISE = "pointwise"
    CONV = "conv"
    STRIP = "strip"
    POOL = "pool"
    MEAN = "mean"
    CONCAT = "concat"
    ACTIVATION = "activation"
    SUM = "sum"
    SCALE = "scale"
    DROPOUT = "dropout"
    CLASSIFIER = "classifier"
    OTHER = "other"


class Mark(StrEnum):
    """What a change did to a box or an arrow, where two drawings stand side by side.

    An absent one is only on the other side, and keeps its place here.
    """

    SAME = "same"
    CHANGED = "changed"
    INDUCED = "induced"
    NEW = "new"
    GONE = "gone"
    UNKNOWN = "unknown"
    ABSENT = "absent"


class Box(NamedTuple):
    """One box: `path` names it once and for all, `lines` is what stands in it.

    `beside` stands to its right where there is room; `details` are for whoever points at it;
    `faults` say what is wrong with it, `origin` where it is written. `output` is None where a reported
    error hides it, and `block` where the box does not stand for one.
    """

    path: str
    lines: tuple[str, ...]
    kind: Kind
    output: Shape | None
    beside: str = ""
    details: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    mark: Mark | None = None
    block: ShapedBlock | None = None
    origin: str = ""

    @property
    def tooltip(self) -> tuple[str, ...]:
        """The details and where it is written, line by line."""
        return (*self.details, self.origin) if self.origin else self.details


class Arrow(NamedTuple):
    """From box to box. A shortcut goes past a residual's body; a broken one carries what does not fit."""

    tail: str
    head: str
    is_shortcut: bool = False
    is_broken: bool = False
    mark: Mark | None = None


class Group(NamedTuple):
    """A block that is drawn opened: a frame with words around the boxes at `boxes`."""

    path: str
    words: str
    boxes: tuple[str, ...]
    faults: tuple[str, ...] = ()


class Repeat(NamedTuple):
    """A repeat that is drawn as several boxes, as its instances differ, and one box for `whole` of it."""

    whole: Box
    parts: tuple[str, ...]


class Drawing(NamedTuple):
    """One picture. Boxes stand in the order of the spec; arrows run from earlier boxes to later ones.

    `is_overview` says that the boxes are the stages of a network. Of two groups one is inside the
    other, and stands before it, or they are apart.
    """

    name: str
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    is_overview: bool = False
    groups: tuple[Group, ...] = ()
    repeats: tuple[Repeat, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether anything in it is wrong."""
        faults = [box.faults for box in self.boxes] + [group.faults for group in self.groups]
        return any(faults) or any(arrow.is_broken for arrow in self.arrows)

    def inside(self, group: Group | None) -> tuple[Group, ...]:
        """The groups that stand in this one with no other between; those in none for None."""
        held = self.groups if group is None else self.groups[: self.groups.index(group)]
        within = [g for g in held if group is None or set(g.boxes) <= set(group.boxes)]
        return tuple(
            g
            for number, g in enumerate(within)
            if not any(set(g.boxes) <= set(other.boxes) for other in within[number + 1 :])
        )
