"""A resolved network as a spec again: one file, no libraries, no defaults, every setting written.

Loading the text gives the same network, so a run or a bug report can carry a network whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from archgen.ir.graph import (
    INPUT,
    Block,
    BlockCall,
    Graph,
    Head,
    JoinCall,
    NetworkGraph,
    Node,
    OpCall,
    Param,
    Ref,
    Term,
)
from archgen.ir.op import Branches, Op
from archgen.ir.shape import Padding, PaddingMode, Window
from archgen.ops.attached import ACTIVATIONS, Activation, NamedSlot
from archgen.ops.norms import BatchNorm, GroupNorm, LayerNorm, NormKind, norm_name, norm_settings
from archgen.ops.rearrange import PartsSlot
from archgen.ops.settings import settings_of
from archgen.ops.slots import FloatSlot, IntSlot, Literal, PaddingSlot, Setting
from archgen.ops.words import WordSlot
from archgen.spec.expressions import Expression

_BARE = re.compile(r"[A-Za-z_][\w.]*|\d+x\d+|\d+")
_INDENT = "  "


def print_spec(network: NetworkGraph, arguments: Mapping[str, object]) -> str:
    """The whole network; `arguments` are what its params are set to, written as their defaults."""
    names = block_names(network)
    block, shape = network.block, network.input
    lines = ["archgen: 1", f"name: {network.title}"]
    lines.append(
        f"input: {{channels: {shape.channels}, height: {shape.height}, width: {shape.width}}}"
    )
    if block.params:
        params = (_param(param, arguments.get(param.name)) for param in block.params.values())
        lines += ["params:", *(f"{_INDENT}{line}" for line in params)]
    if names:
        lines.append("blocks:")
        for used in used_blocks(network):
            lines += [f"{_INDENT}{line}" for line in _block(used, names[id(used)], names)]
    inside = _Names.of(names, block.graph, *(head.graph for head in network.heads))
    lines += _list("network", _steps(block.graph, Ref(INPUT), inside, 1))
    if network.heads:
        lines.append("outputs:")
        for head in network.heads:
            lines += [f"{_INDENT}{line}" for line in _head(head, inside)]
    return "\n".join(lines) + "\n"


class _Names(NamedTuple):
    """What blocks are called, and within one of them the steps of all its lists."""

    blocks: Mapping[int, str]
    steps: Mapping[int, str]

    @staticmethod
    def of(blocks: Mapping[int, str], *graphs: Graph) -> _Names:
        """The names inside a block whose steps are in `graphs`."""
        return _Names(blocks, {node.id: node.name for g in graphs for node in g.walk()})


def block_names(network: NetworkGraph) -> dict[int, str]:
    """Every block that is used, and a name of its own for each; blocks of libraries may share one."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for block in used_blocks(network):
        name, count = block.name, 1
        while name in taken:
            count += 1
            name = f"{block.name}_{count}"
        taken.add(name)
        names[id(block)] = name
    return names


def used_blocks(network: NetworkGraph) -> Iterable[Block]:
    """The blocks in use, outer ones first, each once."""
    found: dict[int, Block] = {}
    graphs = [network.block.graph, *(head.graph for head in network.heads)]
    while graphs:
        for node in graphs.pop(0).walk():
            if isinstance(node.call, BlockCall) and id(node.call.block) not in found:
                found[id(node.call.block)] = node.call.block
                graphs.append(node.call.block.graph)
    return found.values()


def _block(block: Block, name: str, names: Mapping[int, str]) -> Iterator[str]:
    yield f"{name}:"
    if block.params:
        yield f"{_INDENT}params:"
        yield from (f"{_INDENT * 2}{_param(param, None)}" for param in block.params.values())
    if block.inputs:
        yield f"{_INDENT}inputs: [{', '.join(block.inputs)}]"
    # a block with several inputs begins with none of them: its first step names what it reads
    start = Ref(INPUT, "".join(block.inputs[:1])) if len(block.inputs) < 2 else None
    inside = _Names.of(names, block.graph)
    yield from _list(f"{_INDENT}body", _steps(block.graph, start, inside, 2))
    if block.outputs:
        ports = (f"{port}: {_reference(ref, inside)}" for port, ref in block.outputs.items())
        yield f"{_INDENT}outputs: {{{', '.join(ports)}}}"


def _list(key: str, steps: Iterator[str]) -> list[str]:
    """A key with its steps, `[]` where there are none."""
    lines = list(steps)
    return [f"{key}:", *lines] if lines else [f"{key}: []"]


def _head(head: Head, names: _Names) -> Iterator[str]:
    yield f"{head.name}:"
    yield f"{_INDENT}from: {_reference(head.start, names)}"
    yield f"{_INDENT}training_only: {value_text(head.training_only)}"
    if head.loss_weight is not None:
        yield f"{_INDENT}loss_weight: {head.loss_weight!r}"
    if head.graph.nodes:
        yield f"{_INDENT}body:"
        yield from _steps(head.graph, head.start, names, 2)


def _reference(ref: Ref, names: _Names) -> str:
    if ref.id == INPUT:
        return f"in.{ref.port}" if ref.port else "in"
    tail = f".{ref.port}" if ref.port else "" if ref.instance is None else f".{ref.instance}"
    return names.steps[ref.id] + tail


def _steps(graph: Graph, start: Ref | None, names: _Names, level: int) -> Iterator[str]:
    previous = start
    for node in graph.nodes:
        yield from _step(node, previous, names, level)
        previous = Ref(node.id)


def _step(node: Node, previous: Ref | None, names: _Names, level: int) -> Iterator[str]:
    pad = _INDENT * level
    first, *rest = _call(node, names, level)
    yield f"{pad}- {first}"
    yield from rest
    if node.segment and node.segment == node.name:
        yield f"{pad}  id: {node.segment}"
    if node.inputs != (previous,):
        yield f"{pad}  from: [{', '.join(_reference(ref, names) for ref in node.inputs)}]"
    for key, term in (("repeat", node.repeat), ("when", node.when)):
        if term is not None:
            yield f"{pad}  {key}: {term_text(term)}"


def _call(node: Node, names: _Names, level: int) -> Iterator[str]:
    call = node.call
    if isinstance(call, OpCall):
        yield f"{call.op.name}: {_settings(call.op, call.settings)}"
    elif isinstance(call, BlockCall):
        given = ", ".join(f"{name}: {term_text(term)}" for name, term in call.arguments.items())
        yield f"{names.blocks[id(call.block)]}: {{{given}}}"
    elif isinstance(call, JoinCall) and not call.branches:
        yield f"{call.op.name}: {{}}"
    elif isinstance(call, JoinCall):
        yield f"{call.op.name}:"
        yield from _branches(call, names, level + 2)


def _branches(call: JoinCall, names: _Names, level: int) -> Iterator[str]:
    pad = _INDENT * level
    yield from (f"{pad}{name}: {term_text(term)}" for name, term in call.settings.items())
    for branch in call.branches:
        if not branch.graph.nodes:
            if branch.is_body or call.op.branches is not Branches.RESIDUAL:
                yield f"{pad}{branch.name}: []"
            continue
        yield f"{pad}{branch.name}:"
        yield from _steps(branch.graph, branch.start, names, level + 1)


def _settings(op: type[Op], terms: Mapping[str, Term]) -> str:
    if op.whole:
        return term_text(terms[op.bare])
    defaults = {name: kind.default for name, kind in settings_of(op).items()}
    written = [f"{name}: {term_text(terms[name])}" for name in defaults if name in terms]
    implied = [f"{n}: {value_text(d)}" for n, d in defaults.items() if n not in terms]
    return f"{{{', '.join([*written, *implied])}}}"


def _param(param: Param, value: object) -> str:
    parts = [f"type: {_kind(param)}"]
    if isinstance(param.slot, IntSlot | FloatSlot):
        bounds = (("min", param.slot.minimum), ("max", param.slot.maximum))
        parts += [f"{key}: {bound!r}" for key, bound in bounds if abs(bound) < 2**31 - 1]
    if value is not None:
        parts.append(f"default: {value_text(value)}")
    elif param.default is not None:
        parts.append(f"default: {term_text(param.default)}")
    return f"{param.name}: {{{', '.join(parts)}}}"


def _kind(param: Param) -> str:
    if isinstance(param.slot, WordSlot):
        return f"[{', '.join(param.slot.words)}]"
    return param.kind


def term_text(term: Term) -> str:
    """A setting as it is written: an expression as such, a literal as a value."""
    assert isinstance(term, Setting)
    form = term.form
    if isinstance(form, Expression):
        return form.text if _BARE.fullmatch(form.text) else _quoted(form.text)
    if isinstance(form, Literal):
        return value_text(form.value)
    if isinstance(term.slot, PaddingSlot):
        parts = [term_text(part) for part in form]
        return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    return _named(form) if isinstance(term.slot, PartsSlot) else _nested(form)


def _nested(parts: tuple[Setting, ...]) -> str:
    """A norm or activation with settings of its own."""
    base, *others = parts
    assert isinstance(base.form, Literal)
    value = base.form.value
    if isinstance(value, Activation):
        if not others:
            return value.function
        (number,) = others
        setting = ACTIVATIONS[value.function].setting
        return f"{{{value.function}: {{{setting}: {term_text(number)}}}}}"
    return f"{{{value}: {_named(others)}}}"


def _named(parts: Iterable[Setting]) -> str:
    """Settings inside another, each with its name."""
    named = ((part.slot.name, part) for part in parts if isinstance(part.slot, NamedSlot))
    return f"{{{', '.join(f'{name}: {_inside(part)}' for name, part in named)}}}"


def _inside(part: Setting) -> str:
    assert isinstance(part.form, tuple)
    return term_text(part.form[0])


def norm_text(norm: NormKind) -> str:
    """A norm with every setting."""
    settings = (f"{key}: {value_text(part)}" for key, part in norm_settings(norm).items())
    return f"{{{norm_name(norm)}: {{{', '.join(settings)}}}}}"


def value_text(value: object) -> str:
    """A value as a spec would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Window():
            return str(value.height) if value.is_square else f"{value.height}x{value.width}"
        case Padding():
            return "{same: tf}" if value.mode is PaddingMode.SAME_TF else str(value)
        case BatchNorm() | LayerNorm() | GroupNorm():
            return norm_text(value)
        case float():
            return repr(float(value))
        case int():
            return str(int(value))
    is_bare = isinstance(value, Activation) or _BARE.fullmatch(str(value))
    return str(value) if is_bare else _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
