"""Settings of ops: a step's own, then the file's `defaults`, then the op's."""

from __future__ import annotations

from collections.abc import Mapping

from archgen.diagnostics import Findings, did_you_mean, only_near
from archgen.ir.graph import Term
from archgen.ir.op import Op
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.ops.slots import SettingError, Slot
from archgen.resolve.params import Unreadable, UnreadableSlot, unknown_setting
from archgen.rules import DEFAULT_MISSES, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode

Defaults = Mapping[str, Mapping[str, Term]]


def read_defaults(node: Node | None, findings: Findings) -> dict[str, Mapping[str, Term]]:
    """The file's `defaults`: op name to settings."""
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        findings.add(
            WRONG_TYPE.at(
                node.span, "`defaults` is a mapping of ops, or the name of a used library"
            )
        )
        return {}
    defaults: dict[str, Mapping[str, Term]] = {}
    for key, settings in node.entries:
        op = OPS_BY_NAME.get(key.text) or _meant_op(key, findings)
        if op is None:
            continue
        if not isinstance(settings, MappingNode):
            message = f"the defaults of `{key.text}` must be a mapping of settings"
            help = f"write `{key.text}: {{...}}`"
            findings.add(WRONG_TYPE.at(settings.span, message, help=help))
            continue
        read = {**_lost(op, settings, findings), **_read(op, settings, {}, findings)}
        if op.name == key.text or node.get(op.name) is None:
            defaults[op.name] = read
    return defaults


def _lost(op: type[Op], node: MappingNode, findings: Findings) -> dict[str, Term]:
    """What steps must have, where a key that stands twice may have meant it: unknown, and silent."""
    if node.lost is None:
        return {}
    required = [name for name, type_ in settings_of(op).items() if type_.is_required]
    return {name: Unreadable(node.lost, findings) for name in required}


def _meant_op(key: ScalarNode, findings: Findings) -> type[Op] | None:
    """The op that a misspelt key of `defaults` means, which is reported; None where none is near."""
    near = did_you_mean(key.text, OPS_BY_NAME)
    help = f"did you mean `{near}`?" if near else f"there are {', '.join(OPS_BY_NAME)}"
    message = f"there is no op `{key.text}` to give defaults to"
    instead = only_near(key.text, OPS_BY_NAME)
    findings.add(DEFAULT_MISSES.at(key.span, message, help=help, instead=instead))
    return OPS_BY_NAME[near] if near else None


def read_settings(
    op: type[Op],
    key: ScalarNode,
    node: Node | None,
    names: Mapping[str, Slot],
    defaults: Defaults,
    findings: Findings,
) -> dict[str, Term]:
    """The settings of one step.

    One that is missing, misspelt or unreadable is reported, and stands there as `Unreadable`: the
    step is then unknown, and what follows from it is silent.
    """
    before = len(findings.diagnostics)
    own = _own(op, key, node, names, findings)
    lost = _lost(op, node, findings) if isinstance(node, MappingNode) else {}
    settings = {**lost, **defaults.get(op.name, {}), **own}
    misspelt = len(findings.diagnostics) > before
    for name, type_ in settings_of(op).items():
        if name not in settings and type_.is_required and not misspelt:
            help = type_.advice or f"write `{op.name}: {{{name}: ...}}`"
            message = f"`{op.name}` needs `{name}`: {type_.doc}"
            settings[name] = Unreadable(type_.missing.at(key.span, message, help=help), findings)
    return settings


def _own(
    op: type[Op], key: ScalarNode, node: Node | None, names: Mapping[str, Slot], findings: Findings
) -> dict[str, Term]:
    if node is None or (isinstance(node, ScalarNode) and node.value is None):
        return {}
    if op.bare and (op.whole or isinstance(node, ScalarNode | SequenceNode)):
        return {op.bare: _term(op, op.bare, node, names, findings)}
    if isinstance(node, MappingNode):
        return _read(op, node, names, findings)
    help = f"write `{key.text}: {{...}}`" if settings_of(op) else f"write `- {key.text}`"
    message = f"`{key.text}` takes its settings as a mapping"
    return {op.bare: Unreadable(WRONG_TYPE.at(node.span, message, help=help), findings)}


def _read(
    op: type[Op], node: MappingNode, names: Mapping[str, Slot], findings: Findings
) -> dict[str, Term]:
    known = settings_of(op)
    settings: dict[str, Term] = {}
    for key, value in node.entries:
        if key.text in known:
            settings[key.text] = _term(op, key.text, value, names, findings)
        else:
            misspelt = Unreadable(unknown_setting(key, f"`{op.name}`", known), findings)
            settings[key.text] = misspelt
            if (meant := did_you_mean(key.text, known)) is not None and node.get(meant) is None:
                settings[meant] = misspelt
    return settings


def _term(
    op: type[Op], name: str, node: Node, names: Mapping[str, Slot], findings: Findings
) -> Term:
    param = names.get(node.text) if isinstance(node, ScalarNode) else None
    if isinstance(param, UnreadableSlot):
        return Unreadable(param.reason, findings)
    try:
        return settings_of(op)[name].slot.read(node, names)
    except SettingError as error:
        return Unreadable(error.diagnostic.naming(name), findings)
