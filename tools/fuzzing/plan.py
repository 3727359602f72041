"""Random specs as data: what a step says, and the YAML text with the lines where each step stands.

The types here know the language and nothing of the compiler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Values = Mapping[str, Any]


class Expression(NamedTuple):
    """An expression of the language, and independently of its text what it means."""

    text: str
    of: Callable[[Values], Any]


class Param(NamedTuple):
    """A param: `int`, `float`, `bool`, `kernel`, or the words it may be."""

    kind: str | tuple[str, ...]
    default: Any = None
    bounds: tuple[int, int] | None = None


@dataclass
class Step:
    """One op or block with its settings; a join has branches. `lines` is filled when it is printed."""

    op: str
    settings: dict[str, Any] = field(default_factory=dict)
    branches: dict[str, list[Step]] = field(default_factory=dict)
    id: str = ""
    reads: tuple[str, ...] = ()
    repeat: Any = None
    when: Expression | None = None
    expect: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    is_bare: bool = False
    lines: tuple[int, int] = (0, 0)
    branch_lines: dict[str, int] = field(default_factory=dict)


@dataclass
class Block:
    """A definition."""

    name: str
    params: dict[str, Param] = field(default_factory=dict)
    body: list[Step] = field(default_factory=list)
    inputs: tuple[str, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    require: tuple[Expression, ...] = ()
    note: str = ""


@dataclass
class Head:
    """A further output of the network."""

    reads: str
    training_only: bool = False
    body: list[Step] = field(default_factory=list)


@dataclass
class Network:
    """A whole spec."""

    name: str
    input: tuple[int, int, int]
    params: dict[str, Param] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    body: list[Step] = field(default_factory=list)
    heads: dict[str, Head] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    expect: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def lists(self) -> Iterator[list[Step]]:
        """The lists of steps that are not branches."""
        yield from (block.body for block in self.blocks.values())
        yield self.body
        yield from (head.body for head in self.heads.values())

    def walk(self) -> Iterator[tuple[list[Step], int]]:
        """Every step, as its list and its place in it."""
        pending = list(self.lists())
        while pending:
            steps = pending.pop(0)
            for index, step in enumerate(steps):
                yield steps, index
                pending.extend(step.branches.values())


_BARE = re.compile(r"[A-Za-z_][\w.]*|\d+x\d+")


def scalar(value: Any) -> str:  # noqa: ANN401  # whatever a setting may be
    """A value on one line, as it may stand inside braces."""
    match value:
        case bool():
            return "true" if value else "false"
        case Expression():
            return scalar(value.text)
        case int() | float():
            return repr(value)
        case str():
            return value if _BARE.fullmatch(value) else quoted(value)
        case list() | tuple():
            return f"[{', '.join(scalar(part) for part in value)}]"
        case dict():
            return f"{{{', '.join(f'{key}: {scalar(part)}' for key, part in value.items())}}}"
    raise TypeError(f"{value!r} is no value of the language")


def quoted(text: str) -> str:
    """Any text as a YAML scalar in double quotes."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in safe) + '"'


class _Printer:
    """Collects lines; notes where steps stand."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, level: int, text: str) -> None:
        self.lines.append(f"{'  ' * level}{text}")

    def steps(self, steps: list[Step], level: int) -> None:
        for step in steps:
            first = len(self.lines) + 1
            self._call(step, level)
            self._keys(step, level)
            step.lines = (first, len(self.lines))

    def _call(self, step: Step, level: int) -> None:
        if step.branches:
            self.write(level, f"- {step.op}:")
            for name, value in step.settings.items():
                self.write(level + 2, f"{name}: {scalar(value)}")
            for name, branch in step.branches.items():
                step.branch_lines[name] = len(self.lines) + 1
                self.list(name, branch, level + 2)
        elif step.is_bare and not step.settings:
            alone = not (step.id or step.reads or step.when or step.expect or step.note)
            alone = alone and step.repeat is None
            self.write(level, f"- {step.op}" if alone else f"- {step.op}: {{}}")
        elif step.is_bare:
            self.write(level, f"- {step.op}: {scalar(next(iter(step.settings.values())))}")
        else:
            self.write(level, f"- {step.op}: {scalar(step.settings)}")

    def _keys(self, step: Step, level: int) -> None:
        reads: Any = step.reads[0] if len(step.reads) == 1 else list(step.reads)
        keys = {
            "id": step.id or None,
            "from": reads if step.reads else None,
            "repeat": step.repeat,
            "when": step.when,
            "expect": step.expect or None,
            "note": step.note or None,
        }
        for key, value in keys.items():
            if value is not None:
                self.write(level + 1, f"{key}: {scalar(value)}")

    def list(self, key: str, steps: list[Step], level: int) -> None:
        self.write(level, f"{key}:" if steps else f"{key}: []")
        self.steps(steps, level + 1)

    def params(self, params: Mapping[str, Param], level: int) -> None:
        if params:
            self.write(level, "params:")
        for name, param in params.items():
            kind: Any = list(param.kind) if isinstance(param.kind, tuple) else param.kind
            form = {"type": kind}
            if param.bounds is not None:
                form |= {"min": param.bounds[0], "max": param.bounds[1]}
            if param.default is not None:
                form |= {"default": param.default}
            self.write(level + 1, f"{name}: {scalar(kind if len(form) == 1 else form)}")

    def block(self, block: Block) -> None:
        self.write(1, f"{block.name}:")
        if block.note:
            self.write(2, f"note: {quoted(block.note)}")
        self.params(block.params, 2)
        if block.variants:
            self.write(2, f"variants: {scalar(block.variants)}")
        if block.require:
            self.write(2, f"require: {scalar(block.require)}")
        if block.inputs:
            self.write(2, f"inputs: {scalar(block.inputs)}")
        self.list("body", block.body, 2)
        if block.outputs:
            self.write(2, f"outputs: {scalar(block.outputs)}")


def spec_text(network: Network) -> str:
    """The network as YAML; every step then knows its lines."""
    out = _Printer()
    channels, height, width = network.input
    out.lines += ["archgen: 1", f"name: {network.name}"]
    if network.note:
        out.write(0, f"note: {quoted(network.note)}")
    grid = height if height == width else [height, width]
    out.write(0, f"input: {scalar({'channels': channels, 'grid': grid})}")
    out.params(network.params, 0)
    if network.defaults:
        out.write(0, f"defaults: {scalar(network.defaults)}")
    if network.blocks:
        out.write(0, "blocks:")
        for block in network.blocks.values():
            out.block(block)
    out.list("network", network.body, 0)
    if network.heads:
        out.write(0, "outputs:")
        for name, head in network.heads.items():
            out.write(1, f"{name}:")
            out.write(2, f"from: {head.reads}")
            out.write(2, f"training_only: {scalar(head.training_only)}")
            if head.body:
                out.list("body", head.body, 2)
    if network.expect:
        out.write(0, f"expect: {scalar(network.expect)}")
    return "\n".join(out.lines) + "\n"
