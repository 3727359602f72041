"""A step with the value that its source prints in the place of the one it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archgen.diagnostics import Predicate
from archgen.ir.graph import BlockCall, JoinCall, Node, OpCall, Term
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
    name, call = erratum.field.text, node.call
    if name == "repeat":
        return replace(node, repeat=_read(erratum, REPEAT, names))
    if isinstance(call, OpCall | JoinCall) and name in settings_of(call.op):
        setting = settings_of(call.op)[name]
        term = _read(erratum, setting.slot, names) or defaults.get(call.op.name, {}).get(name)
        if term is None and setting.is_required:
            raise _needed(erratum)
        return replace(node, call=call._replace(settings=_with(call.settings, name, term)))
    if isinstance(call, BlockCall) and name in call.block.params:
        param = call.block.params[name]
        assert isinstance(param.slot, Slot)
        term = _read(erratum, param.slot, names)
        if term is None and param.default is None:
            raise _needed(erratum)
        return replace(node, call=call._replace(arguments=_with(call.arguments, name, term)))
    return None


def _read(erratum: Erratum, slot: Slot, names: Mapping[str, Slot]) -> Term | None:
    """The printed value; None where nothing is printed."""
    value = erratum.printed
    is_absent = isinstance(value, ScalarNode) and value.value is None
    return None if is_absent else slot.read(value, names)


def _with(terms: Mapping[str, Term], name: str, term: Term | None) -> dict[str, Term]:
    others = {key: other for key, other in terms.items() if key != name}
    return others if term is None else {**others, name: term}


def _needed(erratum: Erratum) -> SettingError:
    """The finding for a source that is said to print nothing where a step needs something."""
    assert erratum.printed is not None
    message = Predicate("must be given, and `printed: null` leaves it out")
    return refusal(erratum.printed.span, message, "write the value that is printed")
