"""A step with the value that its source prints in the place of the one it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archgen.ir.graph import BlockCall, JoinCall, Node, OpCall
from archgen.ops.settings import settings_of
from archgen.ops.slots import IntSlot, SettingError, Slot, refusal
from archgen.resolve.settings import Defaults
from archgen.spec.document import ScalarNode
from archgen.spec.model import Erratum

REPEAT = IntSlot(minimum=0, maximum=10**12)


def with_printed(
    node: Node, erratum: Erratum, names: Mapping[str, Slot], defaults: Defaults
) -> Node | None:
    """The step as printed; None for an unknown field.

    Raises SettingError where the printed value cannot be read.
    """
    name, value = erratum.field.text, erratum.printed
    is_absent = isinstance(value, ScalarNode) and value.value is None
    if name == "repeat":
        return replace(node, repeat=None if is_absent else REPEAT.read(value, names))
    call = node.call
    if isinstance(call, OpCall | JoinCall) and name in settings_of(call.op):
        settings = {key: term for key, term in call.settings.items() if key != name}
        default = defaults.get(call.op.name, {}).get(name)
        if is_absent and default is None and settings_of(call.op)[name].is_required:
            raise _needed(erratum)
        term = default if is_absent else settings_of(call.op)[name].slot.read(value, names)
        changed = settings if term is None else {**settings, name: term}
        return replace(node, call=call._replace(settings=changed))
    if isinstance(call, BlockCall) and name in call.block.params:
        arguments = {key: term for key, term in call.arguments.items() if key != name}
        kind = call.block.params[name].slot
        assert isinstance(kind, Slot)
        if is_absent and call.block.params[name].default is None:
            raise _needed(erratum)
        given = {} if is_absent else {name: kind.read(value, names)}
        return replace(node, call=call._replace(arguments={**arguments, **given}))
    return None


def _needed(erratum: Erratum) -> SettingError:
    """The finding for a source that is said to print nothing where a step needs something."""
    assert erratum.printed is not None
    message = "this must be given, and `printed: null` leaves it out"
    return refusal(erratum.printed.span, message, "write the value that is printed")
