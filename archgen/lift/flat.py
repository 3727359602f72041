"""A traced network before it has structure: a row of ops of the table, and what each reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

INPUT = "in"

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class Scope:
    """A module around a call: its name in the module that owns it, and what it is an instance of."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Call:
    """One op as a module or function called it, in the order in which they ran.

    `name` is the op's with a number, `conv_17`, and what `inputs` and `outputs` say; a part of a
    split is `split_3.a`. `settings` are those a spec would write, by their names in the op table,
    defaults left out: a window is `3` or "1x7", a padding "valid", "same" (only of a kernel above 1
    at stride 1), a number, (height, width) or (top, bottom, left, right), a norm or activation
    "batch" or {"batch": {"eps": 0.001}}, the sizes of a split {"a": 58, "b": 58}. A convolution,
    its norm and its activation are three calls. `scopes` begin with the outermost module below the
    network and end with the innermost around the call, which may be the op itself. `tensors` pairs
    names within the op ("weight") with names in the traced state dict. `shape` is that of the
    result of one sample as the op table has it, (C, H, W) or (C,): a vector behind a global pool.
    """

    name: str
    op: str
    settings: tuple[tuple[str, Value], ...]
    inputs: tuple[str, ...]
    scopes: tuple[Scope, ...]
    tensors: tuple[tuple[str, str], ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FlatNetwork:
    """A network of one input (C, H, W) as its calls; the first of `outputs` is the main one."""

    name: str
    source: str
    input: tuple[int, int, int]
    calls: tuple[Call, ...]
    outputs: tuple[str, ...]
