"""The op table: one dataclass an op, one line in `OPS`."""

from archgen.ir.op import Op
from archgen.ops.conv import Conv, ConvTranspose
from archgen.ops.head import Dropout, Flatten, Identity, Linear, StochasticDepth
from archgen.ops.merge import Add, Concat, Multiply, Residual
from archgen.ops.normalize import Act, L2Normalize, LocalResponseNorm, Norm
from archgen.ops.pool import AvgPool, GlobalAvgPool, MaxPool
from archgen.ops.rearrange import ChannelShuffle, Pad, Split, Upsample
from archgen.ops.scale import Scale

OPS: tuple[type[Op], ...] = (
    Conv,
    ConvTranspose,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    Linear,
    Flatten,
    Dropout,
    StochasticDepth,
    Norm,
    LocalResponseNorm,
    L2Normalize,
    Act,
    Scale,
    Pad,
    Upsample,
    ChannelShuffle,
    Split,
    Identity,
    Concat,
    Residual,
    Add,
    Multiply,
)

OPS_BY_NAME: dict[str, type[Op]] = {op.name: op for op in OPS}
