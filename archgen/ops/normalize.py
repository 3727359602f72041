"""A norm or an activation as a step of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Layout, ModuleCall, Op, ShapeError
from archgen.ir.shape import Shape
from archgen.ops.attached import Activation, ActivationSlot, BatchNorm, NormSlot
from archgen.ops.settings import setting
from archgen.rules import NEEDS_GRID


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm(Op):
    """Normalisation of each channel; weights: gamma and beta where it is affine."""

    name: ClassVar[str] = "norm"
    bare: ClassVar[str] = "kind"
    whole: ClassVar[bool] = True

    kind: BatchNorm | None = setting(NormSlot(), "`batch`, or `{batch: {eps, momentum, affine}}`")

    def infer(self, x: Shape) -> Shape:
        if x.grid is None:
            message = f"a batch norm needs a grid, and a vector of {x} comes in"
            help = "put this step before `global_avg_pool` or `flatten`"
            raise ShapeError(NEEDS_GRID, message, help=help)
        return x

    def params(self, x: Shape) -> int:
        return self.kind.params(x.channels) if self.kind else 0

    def module(self, x: Shape) -> ModuleCall | None:
        return self.kind.module(x.channels) if self.kind else None

    def expression(self, x: str, shape: Shape) -> str:
        return x

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.Identity")


@dataclass(frozen=True, kw_only=True, eq=False)
class Act(Op):
    """An activation; it keeps the shape and has no weights."""

    name: ClassVar[str] = "act"
    bare: ClassVar[str] = "function"
    whole: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.EITHER

    function: Activation | None = setting(ActivationSlot(), "an activation's name, or `none`")

    def infer(self, x: Shape) -> Shape:
        return x

    def expression(self, x: str, shape: Shape) -> str:
        return self.function.apply(x) if self.function else x

    def stand_in(self, x: Shape) -> ModuleCall:
        return self.function.module() if self.function else ModuleCall("nn.Identity")
