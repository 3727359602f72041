"""Ops of a network's head, and the op that does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Helper, Layout, ModuleCall, Op, Tensors
from archgen.ir.shape import Shape
from archgen.ops.settings import setting
from archgen.ops.slots import BoolSlot, FloatSlot, IntSlot

_POINTWISE = Helper(
    "PointwiseLinear",
    '''class @NAME(nn.Linear):
    """A linear layer over the channels of each position."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
''',
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Op):
    """A fully connected layer over the channels: of a vector, or of each position of a grid.

    Weights: features x channels and a bias a feature. MACs: weights times positions.
    """

    name: ClassVar[str] = "linear"
    layout: ClassVar[Layout] = Layout.EITHER

    features: int = setting(IntSlot(), "output channels")
    bias: bool = setting(BoolSlot(), "whether a bias is added", True)

    def infer(self, x: Shape) -> Shape:
        return Shape(self.features, x.grid)

    def params(self, x: Shape) -> int:
        return self.features * (x.channels + (1 if self.bias else 0))

    def macs(self, x: Shape, out: Shape) -> int:
        return self.features * x.channels * x.height * x.width

    def tensors(self, x: Shape) -> Tensors:
        bias = {"bias": (self.features,)} if self.bias else {}
        return {"weight": (self.features, x.channels), **bias}

    def module(self, x: Shape) -> ModuleCall:
        kwargs = () if self.bias else (("bias", False),)
        arguments = (x.channels, self.features)
        if x.grid is None:
            return ModuleCall("nn.Linear", arguments, kwargs)
        return ModuleCall(_POINTWISE.name, arguments, kwargs, _POINTWISE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dropout(Op):
    """Zeroes each value with probability `rate` in training; the paper's "keep 0.8" is a rate of 0.2."""

    name: ClassVar[str] = "dropout"
    bare: ClassVar[str] = "rate"
    layout: ClassVar[Layout] = Layout.EITHER

    rate: float = setting(FloatSlot(0.0, 1.0, below=True), "probability that a value is dropped")

    def infer(self, x: Shape) -> Shape:
        return x

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.Dropout", (self.rate,))


_STOCHASTIC_DEPTH = Helper(
    "StochasticDepth",
    '''class @NAME(nn.Module):
    """Zeroes whole samples in training, so often, and scales the others up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        kept = x.new_empty([len(x)] + [1] * (x.dim() - 1)).bernoulli_(1 - self.rate)
        return x * kept.div_(1 - self.rate)
''',
)


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticDepth(Op):
    """Zeroes whole samples with probability `rate` in training (arXiv:1603.09382), and scales the others up.

    Behind a residual's body it drops the body for some samples of a batch.
    """

    name: ClassVar[str] = "stochastic_depth"
    bare: ClassVar[str] = "rate"
    layout: ClassVar[Layout] = Layout.EITHER

    rate: float = setting(FloatSlot(0.0, 1.0, below=True), "probability that a sample is dropped")

    def infer(self, x: Shape) -> Shape:
        return x

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall(_STOCHASTIC_DEPTH.name, (self.rate,), helper=_STOCHASTIC_DEPTH)


@dataclass(frozen=True, kw_only=True, eq=False)
class Flatten(Op):
    """A grid as one vector, channels first."""

    name: ClassVar[str] = "flatten"
    layout: ClassVar[Layout] = Layout.EITHER

    def infer(self, x: Shape) -> Shape:
        return Shape(x.channels * x.height * x.width)

    def derivation(self, x: Shape) -> str:
        return f"{x.channels} * {x.height} * {x.width} channels"

    def expression(self, x: str, shape: Shape) -> str:
        return x if shape.grid is None else f"{x}.flatten(1)"

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.Flatten")


@dataclass(frozen=True, kw_only=True, eq=False)
class Identity(Op):
    """Passes its input on."""

    name: ClassVar[str] = "identity"
    layout: ClassVar[Layout] = Layout.EITHER

    def infer(self, x: Shape) -> Shape:
        return x

    def expression(self, x: str, shape: Shape) -> str:
        return x

    def stand_in(self, x: Shape) -> ModuleCall:
        return ModuleCall("nn.Identity")
