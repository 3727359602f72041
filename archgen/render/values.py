"""Values of settings as a spec would write them, and as plain data for programs."""

from __future__ import annotations

from collections.abc import Mapping

from archgen.ir.op import Op
from archgen.ir.shape import Padding, PaddingMode, Shape, Window
from archgen.ops.attached import ACTIVATIONS, Activation
from archgen.ops.norms import BatchNorm, GroupNorm, LayerNorm, norm_name, norm_settings
from archgen.ops.rearrange import Part
from archgen.ops.settings import settings_of
from archgen.ops.slots import describe


def settings_as_data(op: Op) -> dict[str, object]:
    """Every setting of an op by name, defaults filled in."""
    return {name: plain_value(getattr(op, name)) for name in settings_of(type(op))}


def plain_value(value: object) -> object:
    """A setting's value as data of the kind that a spec would write; nothing is left to defaults."""
    match value:
        case Window():
            return int(value.height) if value.is_square else f"{value.height}x{value.width}"
        case Padding():
            return _padding(value)
        case BatchNorm() | LayerNorm() | GroupNorm():
            return {norm_name(value): norm_settings(value)}
        case Activation():
            return _activation(value)
        case (Part(), *_):
            return {part.name: int(part.channels) for part in value if isinstance(part, Part)}
        case bool() | int() | float():
            return _number(value)
    return "none" if value is None else str(value)


def _number(value: bool | int | float) -> object:  # noqa: PYI041  # a truth value stays one
    """The plain number, without the formula of a traced one."""
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else float(value)


def _padding(padding: Padding) -> object:
    if padding.mode is PaddingMode.SAME_TF:
        return {"same": "tf"}
    if padding.mode is not PaddingMode.AMOUNTS:
        return str(padding.mode)
    first, *others = padding.amounts
    return first if all(other == first for other in others) else list(padding.amounts)


def _activation(activation: Activation) -> object:
    form = ACTIVATIONS[activation.function]
    if not form.setting:
        return activation.function
    number = form.fixed if activation.number is None else activation.number
    return {activation.function: {form.setting: number}}


def plain_shape(shape: Shape | None) -> list[int] | None:
    """`[channels, height, width]`, `[channels]` for a vector, None where it is not known."""
    if shape is None:
        return None
    if shape.grid is None:
        return [int(shape.channels)]
    return [int(shape.channels), shape.grid.height, shape.grid.width]


def spec_text(value: object) -> str:
    """Plain data in YAML's flow style, as it may stand behind a key in a spec."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {spec_text(part)}" for key, part in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(spec_text(part) for part in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return describe(value) if isinstance(value, float) else str(value)
