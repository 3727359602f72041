"""Traced calls as steps: settings complete, paddings as amounts, and nothing that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from archgen.lift.flat import INPUT, Call, FlatNetwork, Value
from archgen.lift.steps import Extent, Step, defaults_of, maker, part, same_padding, shortest


def as_steps(flat: FlatNetwork) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The calls as steps without those that only pass their input on, and the network's outputs."""
    made: dict[str, Step] = {}
    same: dict[str, str] = {}
    for call in flat.calls:
        inputs = tuple(same.get(name, name) for name in call.inputs)
        step = _as_step(call, inputs, _shape(inputs[0], made, flat.input))
        if _passes_on(step):
            same[call.name] = inputs[0]
        else:
            made[call.name] = step
    return tuple(made.values()), tuple(same.get(name, name) for name in flat.outputs)


def _shape(value: str, made: Mapping[str, Step], source: Extent) -> Extent:
    if value == INPUT:
        return source
    step = made[maker(value)]
    if not part(value):
        return step.output
    sizes = step.settings["sizes"]
    assert isinstance(sizes, dict)
    channels = sizes[part(value)]
    assert isinstance(channels, int)
    return (channels, *step.output[1:])


def _passes_on(step: Step) -> bool:
    if step.op == "flatten":
        return len(step.input) == 1
    if step.op == "scale":
        return step.settings["factor"] == 1.0 and not step.settings["learned"]
    return step.op == "identity" or (step.op == "concat" and len(step.reads) == 1)


def _as_step(call: Call, inputs: tuple[str, ...], source: Extent) -> Step:
    settings = {**defaults_of(call.op), **dict(call.settings)}
    if "padding" in settings:
        settings["padding"] = _padding(settings)
    if "amount" in settings:
        settings["amount"] = shortest(settings["amount"])
    return Step(call.op, settings, call.name, inputs, call.scopes, source, call.shape)


def _padding(settings: Mapping[str, Value]) -> Value:
    """A padding as amounts, `same` and `valid` too, in the shortest form; {same: tf} as it is."""
    padding = settings["padding"]
    if padding == "valid":
        return 0
    return same_padding(settings) if padding == "same" else shortest(padding)
