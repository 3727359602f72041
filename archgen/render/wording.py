"""How the paper's figures word a layer: `3x3 Conv` over `(256 stride 2 V)`, `Filter concat`.

"All the convolutions not marked with V are same-padded" (arXiv:1602.07261, section 3.1); "Linear" is a
convolution without an activation. What the figures have no words for is said in the same manner.
"""

from __future__ import annotations

from typing import NamedTuple

from archgen.ir.op import Op
from archgen.ir.shape import Padding, PaddingMode, Shape, Window, same_amounts
from archgen.ops.attached import ACTIVATIONS, Activation
from archgen.ops.conv import Conv
from archgen.ops.head import Dropout, Linear
from archgen.ops.normalize import Act, Norm
from archgen.ops.norms import norm_name
from archgen.ops.pool import AvgPool, MaxPool, Pool
from archgen.ops.slots import describe
from archgen.render.drawing import Kind

ACRONYMS = {"resnet": "ResNet", "densenet": "DenseNet", "mobilenet": "MobileNet", "se": "SE"}

FIXED = {
    "global_avg_pool": ("Average Pooling", Kind.MEAN),
    "concat": ("Filter concat", Kind.CONCAT),
    "residual": ("+", Kind.SUM),
    "add": ("+", Kind.SUM),
    "multiply": ("×", Kind.SUM),
}


class Words(NamedTuple):
    """The lines in a box, and what kind of box it is."""

    lines: tuple[str, ...]
    kind: Kind


def words_of(op: Op, x: Shape | None) -> Words:
    """The box of a layer that receives `x`."""
    match op:
        case Conv():
            return _conv(op)
        case Pool():
            return _pool(op)
        case Linear():
            where = "" if x is None or x.grid is None else " 1x1"
            return Words(("Linear", f"({int(op.features)}{where})"), Kind.CLASSIFIER)
        case Dropout():
            return Words((f"Dropout (keep {1 - op.rate:.4g})",), Kind.DROPOUT)
        case Norm():
            name = norm_name(op.kind).capitalize() if op.kind else "No"
            return Words((f"{name} norm",), Kind.OTHER)
        case Act():
            return Words((activation_words(op.function),), Kind.ACTIVATION)
    line, kind = FIXED.get(op.name, (title_of(op.name), Kind.OTHER))
    return Words((line,), kind)


def activation_words(activation: Activation | None) -> str:
    """`Relu activation`, as under the residual figures."""
    if activation is None:
        return "Identity"
    name = ACTIVATIONS[activation.function].module
    number = "" if activation.number is None else f" {describe(activation.number)}"
    return f"{'Relu' if name == 'ReLU' else name} activation{number}"


def scale_words(scale: float) -> tuple[str, ...]:
    """The box of Figure 20, with its factor."""
    return ("Activation", f"Scaling ({describe(scale)})")


def shape_words(shape: Shape | None) -> str:
    """`35x35x384`, height before width before channels, as the figures have it."""
    if shape is None:
        return "?"
    return f"{shape.grid}x{int(shape.channels)}" if shape.grid else str(int(shape.channels))


def title_of(name: str) -> str:
    """`inception_resnet_a` as Inception-ResNet-A; a name with a number in a word stays as it is."""
    words = name.split("_")
    if not all(word.isascii() and word.isalpha() for word in words):
        return name
    return "-".join(ACRONYMS.get(word, word[:1].upper() + word[1:]) for word in words)


def _conv(op: Conv) -> Words:
    marks = [str(int(op.filters)), *_stride(op.stride)]
    if not op.dilation.is_one:
        marks.append(f"dilation {_window(op.dilation)}")
    if op.groups != 1:
        marks.append(f"groups {int(op.groups)}")
    marks += _padding(op.padding, op.kernel, op.dilation)
    if op.act is None:
        marks.append("Linear")
    elif op.act.function != "relu":
        marks.append(ACTIVATIONS[op.act.function].module)
    kind = Kind.STRIP
    if op.kernel.is_square:
        kind = Kind.POINTWISE if op.kernel.is_one else Kind.CONV
    return Words((f"{op.kernel} Conv", f"({' '.join(marks)})"), kind)


def _pool(op: Pool) -> Words:
    """`3x3 MaxPool`; the average pools of the figures, 3x3 with stride 1, are only called so."""
    marks = [*_stride(op.stride), *_padding(op.padding, op.kernel, Window(1, 1))]
    name = {MaxPool: "MaxPool", AvgPool: "Avg Pooling"}.get(type(op), title_of(op.name))
    is_plain = isinstance(op, AvgPool) and op.kernel == Window(3, 3) and not marks
    lines = (name if is_plain else f"{op.kernel} {name}", f"({' '.join(marks)})")
    return Words(lines if marks else lines[:1], Kind.POOL)


def _stride(stride: Window) -> list[str]:
    return [] if stride.is_one else [f"stride {_window(stride)}"]


def _window(window: Window) -> str:
    return str(int(window.height)) if window.is_square else str(window)


def _padding(padding: Padding, kernel: Window, dilation: Window) -> list[str]:
    """`V` for a window that stays inside; nothing where the grid stays what it was before the stride."""
    if kernel.is_one and padding.mode is not PaddingMode.AMOUNTS:
        return []
    if padding.mode is PaddingMode.VALID:
        return ["V"]
    if padding.mode is not PaddingMode.AMOUNTS:
        return []
    same = (
        *same_amounts(kernel.height, dilation.height),
        *same_amounts(kernel.width, dilation.width),
    )
    if padding.amounts == (0, 0, 0, 0):
        return [] if kernel.is_one else ["V"]
    return [] if padding.amounts == same else [f"pad {padding}"]
