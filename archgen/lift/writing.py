"""A lifted network as the text of a spec, before it has its normal form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archgen.lift.flat import Value
from archgen.lift.steps import Step
from archgen.ops import OPS_BY_NAME
from archgen.rules import RULES

_INDENT = "  "


@dataclass(frozen=True)
class Param:
    """A param of a block or network: its type as a spec writes it, its default, if any, and its kind.

    The `kind` says what its values are of, such as widths; only those of one kind are related.
    """

    name: str
    type: str | tuple[str, ...]
    default: Value = None
    kind: str = ""


@dataclass(frozen=True)
class Block:
    """A block: params and steps."""

    name: str
    params: tuple[Param, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Output:
    """A further result: the step it is read from, and the steps behind that."""

    name: str
    source: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Document:
    """All that a spec says, in the order in which it says it."""

    name: str
    source: str
    input: tuple[int, int, int]
    network: tuple[Step, ...]
    params: tuple[Param, ...] = ()
    blocks: tuple[Block, ...] = ()
    outputs: tuple[Output, ...] = ()
    defaults: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    expect: Mapping[str, int] = field(default_factory=dict)
    allow: tuple[str, ...] = ()


def written(document: Document) -> str:
    """The text; every list of steps on lines of its own and all settings in brackets."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(document: Document) -> Iterator[str]:
    channels, height, width = document.input
    grid = height if height == width else (height, width)
    yield "archgen: 1"
    yield f"name: {flow(document.name)}"
    yield f"source: {flow({'code': document.source})}"
    yield f"input: {flow({'channels': channels, 'grid': grid})}"
    if document.defaults:
        yield "defaults:"
        yield from (f"  {op}: {flow(given)}" for op, given in document.defaults.items())
    if document.params:
        yield "params:"
        yield from (f"  {param.name}: {flow(_param(param))}" for param in document.params)
    if document.blocks:
        yield "blocks:"
        for block in document.blocks:
            yield from _block(block)
    yield "network:"
    yield from _steps(document.network, 1)
    if document.outputs:
        yield "outputs:"
        for output in document.outputs:
            yield from _output(output)
    if document.expect:
        yield f"expect: {flow(document.expect)}"
    if document.allow:
        names = {rule.code: rule.name for rule in RULES}
        told = ", ".join(names[code] for code in document.allow)
        yield f"allow: {flow(document.allow)}  # so it is in the module: {told}"


def _block(block: Block) -> Iterator[str]:
    yield f"  {block.name}:"
    if block.params:
        yield f"    params: {flow({param.name: _param(param) for param in block.params})}"
    yield "    body:"
    yield from _steps(block.steps, 3)


def _param(param: Param) -> Value:
    if param.default is None:
        return param.type
    return {"type": param.type, "default": param.default}


def _output(output: Output) -> Iterator[str]:
    yield f"  {output.name}:"
    yield f"    from: {flow(output.source)}"
    if output.steps:
        yield "    body:"
        yield from _steps(output.steps, 3)


def _steps(steps: tuple[Step, ...], level: int) -> Iterator[str]:
    pad = _INDENT * level
    for step in steps:
        beside = [*_beside(step)]
        if step.branches:
            yield f"{pad}- {step.op}:"
            yield from _branches(step, level + 2)
        elif not step.settings and not beside and _may_be_bare(step.op):
            yield f"{pad}- {step.op}"
        else:
            yield f"{pad}- {step.op}: {flow(_settings(step))}"
        yield from (f"{pad}{_INDENT}{line}" for line in beside)


def _may_be_bare(op: str) -> bool:
    return op in OPS_BY_NAME and op not in ("max_pool", "avg_pool", "conv")


def _branches(step: Step, level: int) -> Iterator[str]:
    pad = _INDENT * level
    yield from (f"{pad}{name}: {flow(value)}" for name, value in step.settings.items())
    for name, steps in step.branches:
        if step.op == "residual" and not steps:
            continue
        yield f"{pad}{name}:{'' if steps else ' []'}"
        yield from _steps(steps, level + 1)


def _settings(step: Step) -> Value:
    """The settings, or the one that an op takes without its name."""
    bare = OPS_BY_NAME[step.op].bare if step.op in OPS_BY_NAME else ""
    is_bare = [*step.settings] == [bare] and _is_short(step, bare)
    return step.settings[bare] if is_bare else dict(step.settings)


def _is_short(step: Step, bare: str) -> bool:
    """Whether the setting can stand without its name; a number may, an expression reads better with it."""
    return step.op in ("norm", "act", "split") or isinstance(step.settings[bare], int | float)


def _beside(step: Step) -> Iterator[str]:
    if step.name:
        yield f"id: {step.name}"
    if step.reads:
        yield f"from: {flow(step.reads[0] if len(step.reads) == 1 else step.reads)}"
    if step.repeat != 1:
        yield f"repeat: {flow(step.repeat)}"
    if step.when:
        yield f"when: {flow(step.when)}"


def flow(value: object) -> str:
    """A value on one line, in brackets where it has parts."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)}: {flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _number(value: float) -> str:
    """A number as short as it can be read: 0.17, 1.0, 1e-3."""
    plain = repr(value)
    short = f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e+")
    return short if 0 < abs(value) <= 1e-3 and float(short) == value else plain
