"""The small classes and functions that an emitted file defines for itself."""

from __future__ import annotations

from collections.abc import Iterable

from archgen.emit.code import INDENT, LINE_LENGTH
from archgen.emit.naming import ClassNames
from archgen.ir.op import Helper

BRANCH = '''class Branch(nn.Sequential):
    """Layers in a row, each under its name in the spec."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)'''

_FUNCTIONS = {
    "pad_same": '''def pad_same(
    x: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Tensor:
    """Pads as TensorFlow's SAME: ceil(size / stride) positions, the odd row behind."""
    amounts: list[int] = []
    for size, k, s, d in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], dilation[::-1]):
        total = max(0, (-(-size // s) - 1) * s + d * (k - 1) + 1 - size)
        amounts += [total // 2, total - total // 2]
    return F.pad(x, amounts)''',
    "round_to": '''def round_to(x: float, n: int) -> int:
    """The multiple of n nearest to x, halves upwards."""
    return int((x + n / 2) // n) * n''',
    "make_divisible": '''def make_divisible(x: float, n: int) -> int:
    """The multiple of n nearest to x, at least n, and never more than 10 % below x."""
    rounded = max(n, int((x + n / 2) // n) * n)
    return rounded + n if rounded < 0.9 * x else rounded''',
}

_ALWAYS = ("stride", "padding")


def helper_functions(text: str, functions: set[str]) -> list[str]:
    """The functions that the module's text or its formulas call."""
    return [
        source for name, source in _FUNCTIONS.items() if name in functions or f"{name}(" in text
    ]


class Helpers:
    """The helper classes of one module: each under a name of its own, with the arguments in use."""

    def __init__(self, names: ClassNames) -> None:
        self._names = names
        self._used: dict[str, tuple[str, Helper, set[str]]] = {}

    def use(self, helper: Helper, arguments: Iterable[str]) -> str:
        """The class's name in this module; `arguments` are what a call gives by name."""
        needed = {inner.name: self.use(inner, ()) for inner in helper.needs}
        if helper.source not in self._used:
            source = helper.source
            for wish, name in needed.items():
                source = source.replace(f"@{wish}", name)
            named = helper._replace(source=source)
            self._used[helper.source] = (self._names.take(helper.name), named, set())
        name, _, used = self._used[helper.source]
        used.update(arguments)
        return name

    def texts(self) -> list[str]:
        """The classes as text, in the order of their first use."""
        return [_render(*parts) for parts in self._used.values()]


def _render(name: str, helper: Helper, used: set[str]) -> str:
    """One helper, its constructor taking the optional arguments that calls in this module give."""
    source = helper.source.replace("@NAME", name).rstrip("\n")
    if "@SIGNATURE" not in source:
        return source
    options = [
        (option, form) for option, form in helper.optional if option in used or option in _ALWAYS
    ]
    names = [option for option, _ in options]
    forwarded = [option if option in _ALWAYS else f"{option}={option}" for option in names]
    if "bias" not in names and ("bias", "bool = False") in helper.optional:
        forwarded.append("bias=False")
    declared = [
        "self",
        "in_channels: int",
        "out_channels: int",
        "kernel_size: int | tuple[int, int]",
        *(f"{option}: {form}" for option, form in options),
    ]
    signature = "".join(f"\n{INDENT * 2}{part}," for part in declared) + f"\n{INDENT}"
    source = source.replace("@FORWARDED", "".join(f", {argument}" for argument in forwarded))
    return _broken_super(source.replace("@SIGNATURE", signature))


def _broken_super(source: str) -> str:
    """The arguments of the base constructor on a line of their own where it is too long, or a line each."""
    start, end, pad = "super().__init__(", ")", INDENT * 3
    lines: list[str] = []
    for line in source.split("\n"):
        if len(line) > LINE_LENGTH and line.strip().startswith(start):
            inner = line.strip().removeprefix(start).removesuffix(end)
            one = [f"{pad}{inner}"]
            each = [f"{pad}{argument}," for argument in inner.split(", ")]
            arguments = one if len(one[0]) <= LINE_LENGTH else each
            lines += [f"{INDENT * 2}{start}", *arguments, f"{INDENT * 2}{end}"]
        else:
            lines.append(line)
    return "\n".join(lines)
