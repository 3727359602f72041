"""Traced networks made by hand, and a text that says the same call by call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedNetwork
from archgen.lift.flat import Call, FlatNetwork, Scope, Value
from archgen.lift.writing import flow
from tests.compiling import network_of


class Tracing:
    """Notes calls as a tracer would; their shapes come from the compiler."""

    def __init__(self, channels: int = 3, grid: int = 32, source: str = "tests") -> None:
        self._input = (channels, grid, grid)
        self._source = source
        self._calls: list[Call] = []
        self._scopes: tuple[Scope, ...] = ()

    @contextmanager
    def module(self, name: str, kind: str) -> Iterator[None]:
        """A module around what is called inside."""
        outer = self._scopes
        self._scopes = (*outer, *(Scope(part, "Sequential") for part in name.split(".")[:-1]))
        self._scopes = (*self._scopes, Scope(name.rpartition(".")[2], kind))
        yield
        self._scopes = outer

    def call(self, op: str, *inputs: str, own: str = "", **settings: Value) -> str:
        """One call of an op; `own` is the name of its module."""
        name = f"{op}_{len(self._calls)}"
        scopes = (*self._scopes, Scope(own, op)) if own else self._scopes
        call = Call(name, op, tuple(settings.items()), inputs, scopes, (), ())
        self._calls.append(call)
        return name

    def conv(
        self,
        x: str,
        filters: int,
        kernel: Value = 3,
        *,
        act: str = "relu",
        norm: Value = "batch",
        own: str = "",
        **settings: Value,
    ) -> str:
        """A convolution without bias, its norm and its activation."""
        settings = {"padding": "same" if kernel != 1 else "valid", **settings}
        bias: dict[str, Value] = {"bias": False} if norm else {}
        x = self.call("conv", x, own=own, filters=filters, kernel=kernel, **settings, **bias)
        if norm:
            x = self.call("norm", x, own=own and f"{own}_norm", kind=norm)
        return self.call("act", x, function=act) if act else x

    def channels(self, value: str) -> int:
        """The channels of a value made by a convolution or an addition of such."""
        call = next((call for call in self._calls if call.name == value), None)
        if call is None:
            return self._input[0]
        width = dict(call.settings).get("filters")
        return width if isinstance(width, int) else self.channels(call.inputs[-1])

    def network(self, *outputs: str, name: str = "traced") -> FlatNetwork:
        """The network, every call with its shape."""
        flat = FlatNetwork(name, self._source, self._input, tuple(self._calls), outputs)
        made = {node.node.name: node.output for node in as_called(flat).block.graph.nodes}
        calls = [replace(call, shape=_extent(made[call.name])) for call in flat.calls]
        return replace(flat, calls=tuple(calls))


def as_called(flat: FlatNetwork) -> ShapedNetwork:
    """The network as a spec in which each call is a step that names what it reads."""
    channels, height, width = flat.input
    head = f"archgen: 1\nname: called\ninput: {{channels: {channels}, grid: [{height}, {width}]}}\nnetwork:\n"
    steps = "".join(map(_called, flat.calls))
    end = f"  - identity: {{}}\n    from: {flat.outputs[0]}\n"
    others = [f"  more_{place}: {{from: {name}}}\n" for place, name in enumerate(flat.outputs[1:])]
    return network_of("".join([head, steps, end, *(["outputs:\n", *others] if others else [])]))


def _called(call: Call) -> str:
    settings = dict(call.settings)
    if call.op in ("norm", "act", "split"):
        (settings,) = settings.values()  # type: ignore[assignment]  # written without its name
    inputs = f"[{', '.join(call.inputs)}]"
    return f"  - {call.op}: {flow(settings)}\n    id: {call.name}\n    from: {inputs}\n"


def _extent(shape: Shape | None) -> tuple[int, ...]:
    assert shape is not None
    return (shape.channels, *(shape.grid or ()))
