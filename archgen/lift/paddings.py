"""Paddings as a person writes them: `same` and `valid` where they say so, and numbers elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archgen.lift.flat import Value
from archgen.lift.ramps import Ramp
from archgen.lift.steps import Branch, Step, same_padding
from archgen.ops import OPS_BY_NAME

Settings = Mapping[str, Value]


def shared_padding(instances: Sequence[Settings]) -> Value:
    """The padding that all instances of a step can write, None where each has its own."""
    paddings = [settings["padding"] for settings in instances]
    if all(map(_is_same, instances)):
        return "same"
    if any(padding != paddings[0] for padding in paddings):
        return None
    return "valid" if paddings[0] == 0 else paddings[0]


def is_free(settings: Settings) -> bool:
    """Whether `same` and `valid` say the same: the kernel is 1."""
    is_in_words = settings["padding"] in ("same", "valid")
    return is_in_words and settings["kernel"] == 1 and not _is_transposed(settings)


def is_half(settings: Settings) -> bool:
    """Whether the padding is half the kernel, rounded down."""
    kernel = settings["kernel"]
    return isinstance(kernel, int) and settings["padding"] == kernel // 2


def _is_same(settings: Settings) -> bool:
    if _is_transposed(settings):
        return False
    is_still = settings.get("stride") == 1 or settings["kernel"] == 1
    return is_still and settings["padding"] == same_padding(settings)


def _is_transposed(settings: Settings) -> bool:
    """Whether the padding is what a `conv_transpose` cuts off, which is never called `same`."""
    return "extra" in settings


def settled(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with paddings in words where a word says it."""
    return tuple(
        replace(
            step,
            settings=_in_words(step),
            branches=tuple(Branch(name, settled(inner)) for name, inner in step.branches),
        )
        for step in steps
    )


def _in_words(step: Step) -> Settings:
    settings = {
        name: value.text() if isinstance(value, Ramp) else value
        for name, value in step.settings.items()
    }
    is_number = not isinstance(settings.get("padding", ""), str | dict)
    if not is_number or step.op not in OPS_BY_NAME:  # a block takes a padding as a number
        return settings
    return {**settings, "padding": shared_padding([settings])}
