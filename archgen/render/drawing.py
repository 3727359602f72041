"""A network or a block as boxes and arrows: what every picture is made of, without any place on paper."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from archgen.ir.shape import Shape


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
    `faults` say what is wrong with it. `output` is None where a reported error hides it.
    """

    path: str
    lines: tuple[str, ...]
    kind: Kind
    output: Shape | None
    beside: str = ""
    details: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    mark: Mark | None = None


class Arrow(NamedTuple):
    """From box to box. A shortcut goes past a residual's body; a broken one carries what does not fit."""

    tail: str
    head: str
    is_shortcut: bool = False
    is_broken: bool = False
    mark: Mark | None = None


class Drawing(NamedTuple):
    """One picture. Boxes stand in the order of the spec; arrows run from earlier boxes to later ones.

    `is_overview` says that the boxes are the stages of a network.
    """

    name: str
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    is_overview: bool = False

    @property
    def is_broken(self) -> bool:
        """Whether anything in it is wrong."""
        return any(box.faults for box in self.boxes) or any(a.is_broken for a in self.arrows)
