"""Classes as text: docstrings, signatures, and what `forward` returns."""

from __future__ import annotations

from dataclasses import dataclass

from archgen.cost import NetworkCost
from archgen.emit.code import INDENT, LINE_LENGTH, Call, docstring
from archgen.emit.layers import BODY, ClassBody
from archgen.emit.values import Result
from archgen.ir.shaped import ShapedBlock, ShapedNetwork

PLACES = ("Figure", "Table", "Section", "Page")


@dataclass(frozen=True)
class Argument:
    """One argument of an emitted constructor; required where `default` is None."""

    name: str
    annotation: str
    default: object = None

    def __str__(self) -> str:
        default = "" if self.default is None else f" = {self.default!r}"
        return f"{self.name}: {self.annotation}{default}"


def block_class(
    name: str,
    shaped: ShapedBlock,
    arguments: tuple[Argument, ...],
    body: ClassBody,
    results: list[Result],
    *,
    is_same: bool,
) -> str:
    """The class of a block. Where all uses take the same shapes (`is_same`), the docstring states them."""
    block = shaped.block
    about = block.source if block.source.startswith(PLACES) else f"The block {block.name}"
    if is_same:
        inputs = " and ".join(str(shape) for shape in shaped.inputs)
        about += f": {inputs} -> {shaped.output}"
    doc = f"{about}." + (f"\n\n{block.note}" if block.note else "")
    returned = [f"{BODY}return {', '.join(result.expression for result in results)}"]
    kind = "Tensor" if len(results) == 1 else f"tuple[{', '.join(['Tensor'] * len(results))}]"
    return _class(name, doc, arguments, body, kind, returned)


def network_class(
    name: str,
    network: ShapedNetwork,
    cost: NetworkCost,
    arguments: tuple[Argument, ...],
    body: ClassBody,
    results: list[Result],
    output: str,
) -> str:
    """The class of the network; with further results it returns the named tuple `output`."""
    block = network.block.block
    title = network.network.title
    about = f"{title}, {block.source}." if block.source else f"{title}."
    counts = f"{cost.cost.params:,} params, {cost.cost.macs:,} multiply-adds"
    if cost.params_training != cost.cost.params:
        counts += f" ({cost.params_training:,} params in training)"
    note = f"\n\n{block.note}" if block.note else ""
    doc = f"{about}{note}\n\n{network.network.input} -> {network.output}: {counts}."
    kind = "Tensor" if not output else output if _is_always_tuple(results) else f"Tensor | {output}"
    return _class(name, doc, arguments, body, kind, _returned(results, output))


def output_class(name: str, network: str, results: list[Result]) -> str:
    """The named tuple of a network with further outputs."""
    heads = _ordered(results)
    has_tap = any(not head.training_only for head in heads)
    when = "" if has_tap else " in training"
    if has_tap and any(head.training_only for head in heads):
        when = "; outside training, what may be None is"
    lines = [
        f"class {name}(NamedTuple):",
        *docstring(f"What {network} returns{when}.", 1),
        "",
    ]
    lines.append(f"{INDENT}logits: Tensor")
    for head in heads:
        default = " | None = None" if head.training_only and has_tap else ""
        lines.append(f"{INDENT}{head.name}: Tensor{default}")
    return "\n".join(lines)


def _ordered(results: list[Result]) -> list[Result]:
    """The heads, those that are there in evaluation too before the others."""
    return sorted(results[1:], key=lambda result: result.training_only)


def _is_always_tuple(results: list[Result]) -> bool:
    """Whether evaluation returns a named tuple too: there is a head that is not for training only."""
    return any(not result.training_only for result in results[1:])


def _returned(results: list[Result], output: str) -> list[str]:
    """The end of a network's `forward`: one tensor, or in training a named tuple with the heads."""
    main, heads = results[0].expression, _ordered(results)
    if not heads:
        return [f"{BODY}return {main}"]
    taps = [head.expression for head in heads if not head.training_only]
    whole = Call(output, (main, *(head.expression for head in heads)))
    if len(taps) == len(heads):
        return whole.lines("return ", "", 2)
    otherwise = Call(output, (main, *taps)).lines("return ", "", 2) if taps else []
    return [
        *_condition([head.expression for head in heads if head.is_optional]),
        *whole.lines("return ", "", 3),
        *(otherwise or [f"{BODY}return {main}"]),
    ]


def _condition(optional: list[str]) -> list[str]:
    """`if` in training, said by the heads that are None otherwise where there are any."""
    parts = [f"{name} is not None" for name in optional] or ["self.training"]
    whole = f"{BODY}if {' and '.join(parts)}:"
    if len(whole) <= LINE_LENGTH:
        return [whole]
    first, *rest = parts
    inner = [first, *(f"and {part}" for part in rest)]
    return [f"{BODY}if (", *(f"{BODY}{INDENT}{part}" for part in inner), f"{BODY}):"]


def _class(
    name: str,
    doc: str,
    arguments: tuple[Argument, ...],
    body: ClassBody,
    kind: str,
    returned: list[str],
) -> str:
    taken = ", ".join(["self", *(f"{port}: Tensor" for port in body.inputs)])
    lines = [f"class {name}(nn.Module):", *docstring(doc, 1), "", *_signature(arguments)]
    lines += [
        f"{BODY}super().__init__()",
        *(f"{BODY}self.{name} = {value}" for name, value in body.attributes.items()),
    ]
    lines += [*body.init, ""]
    lines += [f"{INDENT}def forward({taken}) -> {kind}:", *body.forward, *returned]
    return "\n".join(lines)


def _signature(arguments: tuple[Argument, ...]) -> list[str]:
    """`def __init__`, on one line if it fits."""
    parts = ["self", *(str(argument) for argument in arguments)]
    whole = f"{INDENT}def __init__({', '.join(parts)}) -> None:"
    if len(whole) <= LINE_LENGTH:
        return [whole]
    return [f"{INDENT}def __init__(", *(f"{BODY}{part}," for part in parts), f"{INDENT}) -> None:"]
