"""Multiplication by a factor, constant or learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archgen.ir.op import Helper, Layout, ModuleCall, Op, Tensors
from archgen.ir.shape import Shape
from archgen.ops.settings import setting
from archgen.ops.slots import BoolSlot, FloatSlot
from archgen.spec.traced import formula_of, is_traced

_CONSTANT = Helper(
    "Scale",
    '''class @NAME(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x
''',
)
_LEARNED = '''class @NAME(nn.Module):
    """Multiplies each channel by a learned factor, which starts from `start`."""

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight{stretch} * x
'''
_ON_GRID = Helper("LayerScale", _LEARNED.format(stretch="[:, None, None]"))
_ON_VECTOR = Helper("LayerScale1d", _LEARNED.format(stretch=""))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale(Op):
    """Multiplies by a factor: the same for all or, where it is learned, one for each channel.

    Weights: a learned factor a channel.
    """

    name: ClassVar[str] = "scale"
    bare: ClassVar[str] = "factor"
    layout: ClassVar[Layout] = Layout.EITHER

    factor: float = setting(
        FloatSlot(float("-inf")), "the factor, or what a learned one starts from"
    )
    learned: bool = setting(BoolSlot(), "whether each channel learns a factor", False)

    def infer(self, x: Shape) -> Shape:
        return x

    def params(self, x: Shape) -> int:
        return x.channels if self.learned else 0

    def tensors(self, x: Shape) -> Tensors:
        return {"weight": (x.channels,)} if self.learned else {}

    def module(self, x: Shape) -> ModuleCall | None:
        return self.stand_in(x) if self.learned else None

    def expression(self, x: str, shape: Shape) -> str:
        factor = str(formula_of(self.factor)) if is_traced(self.factor) else repr(self.factor)
        return f"{factor} * {x}"

    def stand_in(self, x: Shape) -> ModuleCall:
        if not self.learned:
            return ModuleCall(_CONSTANT.name, (self.factor,), helper=_CONSTANT)
        helper = _ON_GRID if x.grid else _ON_VECTOR
        return ModuleCall(helper.name, (x.channels, self.factor), helper=helper)
