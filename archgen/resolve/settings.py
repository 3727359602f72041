"""Settings of ops: a step's own, then the file's `defaults`, then the op's."""

from __future__ import annotations

from collections.abc import Mapping

from archgen.diagnostics import Diagnostic, Findings, Suggestion, did_you_mean, suggest
from archgen.ir.graph import Term
from archgen.ir.op import Op
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.ops.slots import SettingError, Slot
from archgen.resolve.params import Unreadable, UnreadableSlot, unknown_setting
from archgen.rules import DEFAULT_MISSES, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode

Defaults = Mapping[str, Mapping[str, Term]]


def read_defaults(node: Node | None, findings: Findings) -> Defaults:
    """The file's `defaults`: op name to settings."""
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        message = "`defaults` is a mapping of ops, or the name of a used library"
        return lost_defaults(WRONG_TYPE.at(node.span, message), findings)
    defaults: dict[str, Mapping[str, Term]] = {}
    for key, settings in node.entries:
        op = OPS_BY_NAME.get(key.text)
        if op is None:
            suggestion = suggest(key.text, OPS_BY_NAME)
            finding = _no_op(key, suggestion)
            findings.add(finding)
            if suggestion.word is None:
                defaults = {**lost_defaults(finding, findings), **defaults}
                continue
            op = OPS_BY_NAME[suggestion.word]
        if op.name == key.text or node.get(op.name) is None:
            defaults[op.name] = _defaults_of(op, key, settings, findings)
    return defaults


def _defaults_of(
    op: type[Op], key: ScalarNode, node: Node, findings: Findings
) -> Mapping[str, Term]:
    """The defaults of one op."""
    if isinstance(node, MappingNode) and not op.whole:
        return {**_lost(op, node, findings), **_read(op, node, {}, findings)}
    message = f"the defaults of `{key.text}` must be a mapping of settings"
    finding = WRONG_TYPE.at(node.span, message, help=f"write `{key.text}: {{...}}`")
    if op.whole:
        message = f"`{key.text}` says what it is in each step, and has no defaults"
        finding = DEFAULT_MISSES.at(key.span, message, help="remove it")
    return lost_defaults(finding, findings)[op.name]


def lost_defaults(reason: Diagnostic, findings: Findings) -> Defaults:
    """What stands for defaults that cannot be read: all that they may have given is unknown, and silent."""
    return {
        op.name: {name: Unreadable(reason, findings) for name in settings_of(op)}
        for op in OPS_BY_NAME.values()
    }


def _lost(op: type[Op], node: MappingNode, findings: Findings) -> dict[str, Term]:
    """What steps must have, where a key that stands twice may have meant it: unknown, and silent."""
    if node.lost is None:
        return {}
    required = [name for name, type_ in settings_of(op).items() if type_.is_required]
    return {name: Unreadable(node.lost, findings) for name in required}


def _no_op(key: ScalarNode, suggestion: Suggestion) -> Diagnostic:
    """The finding for a key of `defaults` that is no op."""
    help = suggestion.help(f"there are {', '.join(OPS_BY_NAME)}")
    message = f"there is no op `{key.text}` to give defaults to"
    return DEFAULT_MISSES.at(key.span, message, help=help, instead=suggestion)


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
            needed = type_.doc if op.whole else f"`{name}`: {type_.doc}"
            message = f"`{op.name}` needs {needed}"
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
        known = op.name if op.whole and name == op.bare else name
        return Unreadable(error.diagnostic.naming(known), findings)
