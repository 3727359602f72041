"""The op table: one dataclass an op, one line in `OPS`."""

from archgen.ir.op import Op
from archgen.ops.conv import Conv
from archgen.ops.head import Dropout, Flatten, Identity, Linear
from archgen.ops.merge import Add, Concat, Multiply, Residual
from archgen.ops.normalize import Act, Norm
from archgen.ops.pool import AvgPool, GlobalAvgPool, MaxPool

OPS: tuple[type[Op], ...] = (
    Conv,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    Linear,
    Flatten,
    Dropout,
    Norm,
    Act,
    Identity,
    Concat,
    Residual,
    Add,
    Multiply,
)

OPS_BY_NAME: dict[str, type[Op]] = {op.name: op for op in OPS}
