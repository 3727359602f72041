"""Normalisations and activations as steps of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Helper, Layout, ModuleCall, Op, ShapeError, Tensors
from archgen.ir.shape import Shape
from archgen.ops.attached import Activation, ActivationSlot, NormSlot
from archgen.ops.norms import NormKind, norm_params, require_groups
from archgen.ops.settings import setting
from archgen.ops.slots import FloatSlot, IntSlot
from archgen.rules import NEEDS_GRID


@dataclass(frozen=True, kw_only=True, eq=False)
class Norm(Op):
    """Normalisation; weights: gamma and beta where it is affine.

    `batch` works on each channel over the whole batch, `layer` on the channels of each position, `group`
    on groups of channels of each sample.
    """

    name: ClassVar[str] = "norm"
    bare: ClassVar[str] = "kind"
    whole: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.EITHER

    kind: NormKind | None = setting(
        NormSlot(),
        "`batch`, `layer`, `group`, or one with settings: `{batch: {eps, momentum, affine}}`, "
        "`{layer: {eps, affine}}`, `{group: {groups, eps, affine}}`",
    )

    def infer(self, x: Shape) -> Shape:
        require_groups(self.kind, x.channels, "kind")
        return x

    def params(self, x: Shape) -> int:
        return norm_params(self.kind, x.channels)

    def tensors(self, x: Shape) -> Tensors:
        return self.kind.tensors(x.channels) if self.kind else {}

    def module(self, x: Shape) -> ModuleCall | None:
        return self.kind.module(x.channels, on_grid=x.grid is not None) if self.kind else None

    def expression(self, x: str, shape: Shape) -> str:
        return x

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.Identity")


@dataclass(frozen=True, kw_only=True, eq=False)
class Act(Op):
    """An activation; it keeps the shape. Weights: those of `prelu`, a slope a channel."""

    name: ClassVar[str] = "act"
    bare: ClassVar[str] = "function"
    whole: ClassVar[bool] = True
    layout: ClassVar[Layout] = Layout.EITHER

    function: Activation | None = setting(ActivationSlot(), "an activation's name, or `none`")

    def infer(self, x: Shape) -> Shape:
        return x

    def params(self, x: Shape) -> int:
        return x.channels if self.function and self.function.is_learned else 0

    def tensors(self, x: Shape) -> Tensors:
        return self.function.tensors(x.channels) if self.function else {}

    def module(self, x: Shape) -> ModuleCall | None:
        is_layer = self.function is not None and self.function.is_learned
        return self.stand_in(x) if is_layer else None

    def expression(self, x: str, shape: Shape) -> str:
        return self.function.apply(x) if self.function else x

    def stand_in(self, x: Shape) -> ModuleCall:
        return self.function.module(x.channels) if self.function else ModuleCall("nn.Identity")


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalResponseNorm(Op):
    """Local response normalisation, as AlexNet has it: x / (k + alpha * m)^beta.

    m is the mean of the squares of `size` neighbouring channels; a paper that sums them prints
    alpha / size.
    """

    name: ClassVar[str] = "lrn"

    size: int = setting(IntSlot(), "neighbouring channels, the own one in the middle")
    alpha: float = setting(FloatSlot(), "factor on the mean of squares", 1e-4)
    beta: float = setting(FloatSlot(), "exponent", 0.75)
    k: float = setting(FloatSlot(), "what is added to the mean", 1.0)

    def infer(self, x: Shape) -> Shape:
        if x.grid is None:
            message = f"`lrn` needs a grid, and a vector of {x} comes in"
            help = "put this step before `global_avg_pool` or `flatten`"
            raise ShapeError(NEEDS_GRID, message, help=help)
        return x

    def module(self, x: Shape) -> ModuleCall:
        settings = (("alpha", self.alpha), ("beta", self.beta), ("k", self.k))
        return ModuleCall("nn.LocalResponseNorm", (self.size,), settings)


_L2_NORMALIZE = Helper(
    "L2Normalize",
    '''class @NAME(nn.Module):
    """Scales the channels of each position to length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1)
''',
)


@dataclass(frozen=True, kw_only=True, eq=False)
class L2Normalize(Op):
    """Scales the channels of each position to length 1, as embeddings are compared."""

    name: ClassVar[str] = "l2_normalize"
    layout: ClassVar[Layout] = Layout.EITHER

    def infer(self, x: Shape) -> Shape:
        return x

    def expression(self, x: str, shape: Shape) -> str:
        return f"F.normalize({x}, dim=1)"

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall(_L2_NORMALIZE.name, helper=_L2_NORMALIZE)
