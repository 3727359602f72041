"""What an op must say about itself: its shape rule, its cost, and its PyTorch form as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple, TypeAlias

from archgen.diagnostics import Rule
from archgen.ir.shape import Shape

# The shapes of learned tensors and statistics, by their names in the state dict of the layer.
Tensors: TypeAlias = "Mapping[str, tuple[int, ...]]"


class ShapeError(Exception):
    """An op cannot take these shapes; `setting` names the setting to blame, if one is."""

    def __init__(self, rule: Rule, message: str, *, setting: str = "", help: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.setting = setting
        self.help = help


class JoinError(Exception):
    """The inputs of a join do not fit; `odd` holds the indices of those that differ from the rest.

    Where only two inputs disagree, neither is odd and `odd` is empty. `goes_on` is the shape to
    continue with, so that what is wrong further on is found in the same run. `help_in_block` is the help
    in a block whose input has the channels that are wanted. What is meant may be nothing that a spec can
    say (`is_sayable`): then no edit of a setting is offered, which would make another network.
    """

    def __init__(
        self,
        rule: Rule,
        message: str,
        odd: tuple[int, ...] = (),
        *,
        goes_on: Shape | None = None,
        help: str = "",
        help_in_block: str = "",
        is_sayable: bool = True,
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.is_sayable = is_sayable
        self.odd = odd
        self.goes_on = goes_on
        self.help = help
        self.help_in_block = help_in_block or help


class Helper(NamedTuple):
    """A small class that an emitted file defines for itself before its blocks use it.

    In `source`, `@NAME` stands for the class's name in the file, `@SIGNATURE` and `@FORWARDED` for the
    constructor's arguments and how they are handed on; `optional` declares those that are written
    only where a call in the file gives them. Another helper that it `needs` is `@` and its name.
    """

    name: str
    source: str
    optional: tuple[tuple[str, str], ...] = ()
    needs: tuple[Helper, ...] = ()


class ModuleCall(NamedTuple):
    """`target(*args, **kwargs)`: how an emitted constructor makes the layer. Numbers may be traced."""

    target: str
    args: tuple[object, ...] = ()
    kwargs: tuple[tuple[str, object], ...] = ()
    helper: Helper | None = None


class Layout(StrEnum):
    """What a step's emitted code needs its input to look like: N x C, N x C x H x W, or either."""

    VECTOR = "vector"
    GRID = "grid"
    EITHER = "either"


class Op:
    """One operation with its settings: a frozen dataclass whose fields are the settings.

    `name` is the key in a spec; `bare` names the setting that may be written without its name
    (`dropout: 0.2`); `whole` says that the bare setting takes a mapping as well (`norm: {batch: {}}`).
    """

    name: ClassVar[str]
    bare: ClassVar[str] = ""
    whole: ClassVar[bool] = False
    layout: ClassVar[Layout] = Layout.GRID

    def infer(self, x: Shape) -> Shape:
        """The output's shape. Raises ShapeError."""
        raise NotImplementedError(type(self).__name__)

    def derivation(self, x: Shape) -> str:
        """How the output's height comes about from `x`, as text: `(35 - 3) // 2 + 1`."""
        return str(self.infer(x).height)

    def parts(self, x: Shape) -> Mapping[str, Shape]:
        """The outputs by name of an op that has several; such an op has no other."""
        return {}

    def params(self, x: Shape) -> int:
        """Learned numbers."""
        return 0

    def tensors(self, x: Shape) -> Tensors:
        """Learned tensors and statistics."""
        return {}

    def macs(self, x: Shape, out: Shape) -> int:
        """Multiply-adds of convolutions and linear layers for one sample, of which they make `out`."""
        return 0

    def enlarges(self) -> tuple[int, int]:
        """By what height and width the op multiplies a grid; what shrinks one says so by its stride."""
        return (1, 1)

    def unread(self, x: Shape) -> tuple[int, int]:
        """Rows and columns at the far end of `x` that no window covers."""
        return (0, 0)

    def module(self, x: Shape) -> ModuleCall | None:
        """The layer to construct, or None where the op is an expression only."""
        return None

    def expression(self, x: str, shape: Shape) -> str:
        """The op applied to the Python expression `x`; only for ops without a module."""
        raise NotImplementedError(type(self).__name__)

    def stand_in(self, x: Shape) -> ModuleCall:
        """A layer that does what `expression` says, for a place that takes layers only."""
        raise NotImplementedError(type(self).__name__)


class Branches(StrEnum):
    """Which branches a join has."""

    NAMED = "named"
    RESIDUAL = "residual"


class Join(Op):
    """An op that joins several values: its own branches, or the steps that `from` lists."""

    branches: ClassVar[Branches] = Branches.NAMED

    def join(self, inputs: tuple[Shape, ...]) -> Shape:
        """The output's shape. Raises JoinError."""
        raise NotImplementedError(type(self).__name__)

    def joined(self, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        """The Python expression that joins `inputs`."""
        raise NotImplementedError(type(self).__name__)
