"""Constructor calls: what a class's `__init__` makes, from traced ops, blocks and repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from archgen.emit.code import INDENT, Call, Repeated, formulas_in, python
from archgen.emit.helpers import Helpers
from archgen.infer import Untraceable
from archgen.ir.op import ModuleCall, Op
from archgen.ir.shape import Padding, Shape, Window
from archgen.ir.shaped import Run, ShapedBlock, ShapedNode
from archgen.ops.attached import Activation
from archgen.ops.norms import BatchNorm, GroupNorm, LayerNorm
from archgen.ops.rearrange import Part, Split
from archgen.ops.settings import settings_of
from archgen.ops.slots import BoolSlot
from archgen.spec.traced import (
    UNKNOWN,
    Formula,
    Symbol,
    Traced,
    TracedFloat,
    applied,
    constant,
    formula_of,
    is_traced,
)

BODY = INDENT * 2
LONGEST_FORMULA = 40  # in names and values; each use of a block has its own numbers beyond
BlockCall = Callable[[ShapedBlock], tuple[Call, Iterable[object]]]
AnyOp = TypeVar("AnyOp", bound=Op)


@dataclass
class ClassBody:
    """The statements of a class, and the names and functions that their formulas use."""

    inputs: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    init: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    symbols: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def note(self, values: Iterable[object]) -> None:
        """Remembers which names and functions the formulas of `values` use.

        Raises Untraceable for a size that no formula tells, or none that a person would read.
        """
        for formula in formulas_in(values):
            if formula.length > LONGEST_FORMULA:
                raise Untraceable
            for atom in formula.atoms():
                if isinstance(atom, Symbol):
                    self.symbols.add(atom.name)
                elif atom.operation == UNKNOWN:
                    raise Untraceable
                else:
                    self.functions.add(atom.operation)


class Layers:
    """Makes the constructor calls of one class, and records in its body what they need."""

    def __init__(self, body: ClassBody, block_call: BlockCall, helpers: Helpers) -> None:
        self._body = body
        self._helpers = helpers
        self._block_call = block_call
        self._layer_names: frozenset[str] = frozenset()

    def name_layers(self, names: Iterable[str]) -> None:
        """Tells how layers of the class are called, so that no other attribute bears such a name."""
        self._layer_names |= frozenset(names)

    def layer(self, node: ShapedNode) -> Call | None:
        """The call that makes a step's layer; None for a step that is an expression.

        Raises Untraceable where the step is not there in the traced use, and could not be.
        """
        if node.op is None and node.block is None and node.count is None:
            raise Untraceable
        if node.node.repeat is not None:
            return self._repeated(node)
        if node.block is not None:
            call, values = self._block_call(node.block)
            self._body.note(values)
            return call
        op, x = _known(node)
        module = op.module(x)
        return None if module is None else self._module(module)

    def stand_in(self, node: ShapedNode) -> Call:
        """The step as a layer, also where it would be an expression elsewhere."""
        layer = self.layer(node)
        if layer is not None:
            return layer
        op, x = _known(node)
        return self._module(op.stand_in(x))

    def condition(self, node: ShapedNode) -> str:
        """The Python condition under which a step is there, or an empty text."""
        if not is_traced(node.condition):
            return ""
        self._body.note((node.condition,))
        return python(node.condition)

    def with_attributes(self, op: AnyOp) -> AnyOp:
        """The op with its traced settings as attributes that the constructor sets first."""
        if not _is_decided(op):
            raise Untraceable
        changes: dict[str, object] = {}
        for name, value in _values(op).items():
            if is_traced(value):
                changes[name] = self._as_attribute(name, value)
            elif isinstance(op, Split):
                changes[name] = tuple(map(self._named_part, op.sizes))
        return replace(op, **changes) if changes else op  # type: ignore[type-var]  # every op is a dataclass

    def _named_part(self, part: Part) -> Part:
        if not is_traced(part.channels):
            return part
        channels = self._as_attribute(f"{part.name}_channels", part.channels)
        return part._replace(channels=cast("int", channels))

    def _as_attribute(self, wish: str, value: object) -> object:
        """A traced value as an attribute of the class, and what stands for it in `forward`."""
        name = self._attribute(wish)
        self._set_attribute(name, value)
        return _renamed(value, f"self.{name}")

    def _attribute(self, wish: str) -> str:
        """A name for a value of the class that is no layer's."""
        while wish in self._layer_names:
            wish = f"{wish}_value"
        return wish

    def _set_attribute(self, name: str, value: object) -> None:
        self._body.note((value,))
        text = python(value)
        if self._body.attributes.setdefault(name, text) != text:
            raise Untraceable

    def _module(self, module: ModuleCall) -> Call:
        self._body.note((*module.args, *(value for _, value in module.kwargs)))
        target = module.target
        if module.helper is not None:
            target = self._helpers.use(module.helper, (name for name, _ in module.kwargs))
        kwargs = tuple((name, python(value)) for name, value in module.kwargs)
        return Call(target, tuple(python(value) for value in module.args), kwargs)

    # --- repeats --------------------------------------------------------------------------------

    def is_regular(self, node: ShapedNode) -> bool:
        """Whether one call, perhaps over `i`, makes every instance of a repeat."""
        return self._regular(node.runs) is not None

    def loop(self, node: ShapedNode) -> Call:
        """A regular repeat as an `nn.ModuleList`, which `forward` goes through itself."""
        sequence = self._repeated(node)
        (instances,) = sequence.args
        assert isinstance(instances, Repeated)
        return Call("nn.ModuleList", (replace(instances, is_unpacked=False),))

    def _repeated(self, node: ShapedNode) -> Call:
        """`nn.Sequential` over a loop, or over its instances where no formula tells them apart."""
        if not node.runs:
            return Call("nn.Sequential")
        regular = self._regular(node.runs)
        if regular is None:
            if is_traced(node.count):
                raise Untraceable
            instances = [
                self._instance(_numbered(run.instance, number))
                for run in node.runs
                for number in range(run.first, run.first + run.count)
            ]
            return Call("nn.Sequential", tuple(instances))
        self._body.note((node.count,))
        variable = "i" if "i" in self._body.symbols else "_"
        self._body.symbols.discard("i")
        return Call("nn.Sequential", (Repeated(regular, python(node.count), variable),))

    def _regular(self, runs: tuple[Run, ...]) -> Call | None:
        """The one call, perhaps over `i`, that makes every instance; None where there is none."""
        formula = _channels_over_index([_known_input(run.instance) for run in runs])
        if formula is None:
            return None
        calls = [self._instance(_with_channels(run.instance, formula)) for run in runs[:3]]
        return calls[0] if all(call == calls[0] for call in calls) else None

    def _instance(self, node: ShapedNode) -> Call:
        return self.stand_in(replace(node, node=replace(node.node, repeat=None)))


def _known(node: ShapedNode) -> tuple[Op, Shape]:
    """The op and what it takes. Raises Untraceable where its code is not the same in all uses."""
    assert node.op is not None, "only sound networks are emitted"
    assert node.input is not None, "only sound networks are emitted"
    if not _is_decided(node.op):
        raise Untraceable
    return node.op, node.input


def _is_decided(op: Op) -> bool:
    """Whether what decides about the code is the same in all uses: words and truth values are.

    So is a number inside a norm or an activation, which a helper class carries.
    """
    inner = [
        part
        for value in _values(op).values()
        if isinstance(value, BatchNorm | LayerNorm | GroupNorm | Activation)
        for part in value
    ]
    flags = [
        getattr(op, name)
        for name, kind in settings_of(type(op)).items()
        if isinstance(kind.slot, BoolSlot)
    ]
    return not any(is_traced(value) for value in (*inner, *flags))


def _values(op: Op) -> dict[str, object]:
    """The settings of an op, by name."""
    return {name: getattr(op, name) for name in settings_of(type(op))}


def _numbered(node: ShapedNode, number: int) -> ShapedNode:
    """One instance of a repeat with its number in the place of `i`."""
    op, block = node.op, node.block
    if op is not None:
        settled = {name: _settled(value, number) for name, value in _values(op).items()}
        op = replace(op, **settled)  # type: ignore[type-var]  # every op is a dataclass
    if block is not None:
        arguments = {name: _settled(value, number) for name, value in block.arguments.items()}
        block = block._replace(arguments=arguments)
    return replace(node, op=op, block=block)


def _settled(value: object, number: int) -> object:
    if isinstance(value, Traced):
        return value.formula.settled("i", number, int(value))
    if isinstance(value, TracedFloat):
        formula = value.formula.replace("i", constant(number))
        is_open = any(isinstance(atom, Symbol) for atom in formula.atoms())
        return TracedFloat.of(float(value), formula) if is_open else float(value)
    if isinstance(value, Window):
        return Window(*(cast("int", _settled(side, number)) for side in value))
    if isinstance(value, Padding):
        amounts = tuple(_settled(amount, number) for amount in value.amounts)
        return value._replace(amounts=cast("tuple[int, int, int, int]", amounts))
    return value


def _with_channels(node: ShapedNode, formula: Formula) -> ShapedNode:
    """An instance whose input channels are a formula of `i`."""
    x = _known_input(node)
    shape = Shape(Traced.of(int(x.channels), formula), x.grid)
    block = None if node.block is None else node.block._replace(inputs=(shape,))
    return replace(node, inputs=(shape,), block=block)


def _known_input(node: ShapedNode) -> Shape:
    assert node.input is not None, "only sound networks are emitted"
    return node.input


def _channels_over_index(inputs: list[Shape]) -> Formula | None:
    """`c`, `c + i * growth`, or `c if i == 0 else d`: the input channels of instance `i`."""
    formulas = [formula_of(x.channels) for x in inputs]
    first, *rest = formulas
    if not rest:
        return first
    if all(other == rest[0] for other in rest):
        zero = applied("==", Formula(((Symbol("i"), 1),)), constant(0))
        return first if rest[0] == first else applied("if", first, zero, rest[0])
    growth = rest[0] + first.times(-1)
    if all(other == first + growth.times(number) for number, other in enumerate(formulas)):
        index = Formula(((Symbol("i"), 1),))
        is_plain = not growth.terms and isinstance(growth.constant, int)
        step = index.times(int(growth.constant)) if is_plain else applied("*", index, growth)
        return first + step
    return None


def _renamed(value: object, name: str) -> object:
    formula = Formula(((Symbol(name), 1),))
    if isinstance(value, TracedFloat):
        return TracedFloat.of(float(value), formula)
    assert isinstance(value, int)
    return Traced.of(int(value), formula)
