"""Failures: the steps that cannot have a shape, as whoever looks for a way to mend them needs them."""

from __future__ import annotations

from typing import NamedTuple

from archgen.diagnostics import Diagnostic
from archgen.infer.frames import Frame
from archgen.ir.op import JoinError, ShapeError
from archgen.ir.shaped import ShapedNode


class Failure(NamedTuple):
    """A step that fails: what is said about it, why, and the use of its block in which it does.

    `node` has the op that failed, for a join its branches; the steps before it are in `frame.done`.
    """

    finding: Diagnostic
    error: ShapeError | JoinError
    node: ShapedNode
    frame: Frame


class Diagnosis(NamedTuple):
    """Every failure of a network, in the order of the walk, and the steps that the walk looked at."""

    failures: tuple[Failure, ...]
    steps: int
