"""Params of blocks and networks: their types, defaults, variants, and the arguments of a use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from archgen.diagnostics import (
    Diagnostic,
    Findings,
    Label,
    Span,
    Suggestion,
    listed,
    near_words,
    suggest,
)
from archgen.ir.graph import Param, Requirement, Term
from archgen.ops.slots import (
    BoolSlot,
    FloatSlot,
    IntSlot,
    Setting,
    SettingError,
    Slot,
    WindowSlot,
    shown,
)
from archgen.ops.words import WordSlot
from archgen.resolve.names import PARAM_NAMES, check_name
from archgen.rules import (
    MISSING_SETTING,
    PARAM_TYPE,
    UNKNOWN_KEY,
    UNKNOWN_NAME,
    UNKNOWN_SETTING,
    UNKNOWN_VARIANT,
    WRONG_TYPE,
)
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.model import Step

INT = IntSlot(minimum=-(2**31))
FLOAT = FloatSlot(minimum=float("-inf"))
TYPES: dict[str, Slot] = {"int": INT, "float": FLOAT, "bool": BoolSlot(), "kernel": WindowSlot()}
LONG_FORM = ("type", "min", "max", "default", "doc")
MEASURES: tuple[str, ...] = ("channels", "grid", "height", "width")


def shape_names(owner: str, ports: Iterable[str] = ()) -> dict[str, Slot]:
    """The names under which a shape is in scope: `in.channels`, and `in.a.channels` for several inputs."""
    owners = [f"{owner}.{port}" for port in ports] or [owner]
    return {f"{name}.{measure}": INT for name in owners for measure in MEASURES}


def read_params(
    node: MappingNode | None, before: Mapping[str, Slot], findings: Findings
) -> dict[str, Param]:
    """The params of a block. A default may use the names `before` and the params above it.

    A param that cannot be read is reported and stays known: what uses it is unknown, and silent.
    """
    params: dict[str, Param] = {}
    for key, form in node.entries if node else ():
        check_name(key.text, key.span, "a param", findings, PARAM_NAMES)
        names = {
            **before,
            **{name: param.slot for name, param in params.items() if isinstance(param.slot, Slot)},
        }
        try:
            params[key.text] = _param(key, form, names, findings)
        except SettingError as error:
            reason = error.diagnostic.naming("default")
            slot, value = UnreadableSlot(reason), Unreadable(reason, findings)
            params[key.text] = Param(key.text, "unreadable", slot, key.span, value)
    return params


def _param(key: ScalarNode, form: Node, names: Mapping[str, Slot], findings: Findings) -> Param:
    if not isinstance(form, MappingNode):
        kind, slot = _type(form)
        return Param(key.text, kind, slot, key.span)
    unknown = [_unknown_part(name) for name, _ in form.entries if name.text not in LONG_FORM]
    findings.extend(unknown)
    form = _as_meant(form)
    declared = form.get("type")
    if declared is None:
        message = f"the param `{key.text}` needs a `type`"
        untyped = PARAM_TYPE.at(key.span, message, help="write `type: int`")
        raise SettingError(unknown[0] if unknown else untyped)
    kind, slot = _bounded(*_type(declared), form)
    default, doc = form.get("default"), form.get("doc")
    return Param(
        key.text,
        kind,
        slot,
        key.span,
        None if default is None else slot.read(default, names),
        shown(doc) if doc is not None else "",
    )


def _as_meant(form: MappingNode) -> MappingNode:
    """The long form of a param with its misspelt keys, which were reported, as they are meant."""
    entries = {key.text: (key, value) for key, value in form.entries if key.text in LONG_FORM}
    for key, value in form.entries:
        near = near_words(key.text, [word for word in LONG_FORM if form.get(word) is None])
        if key.text not in LONG_FORM and len(near) == 1:  # `man` may be `min` or `max`
            entries.setdefault(near[0], (key._replace(text=near[0]), value))
    return MappingNode(tuple(entries.values()), form.span)


def _unknown_part(name: ScalarNode) -> Diagnostic:
    suggestion = suggest(name.text, LONG_FORM)
    help = suggestion.help(f"it takes {', '.join(LONG_FORM)}")
    if not name.text.isidentifier():
        help = f'a comma parts entries: quote the text that holds it: `"..., {name.text}"`'
    message = f"unknown key `{name.text}` in a param"
    return UNKNOWN_KEY.at(name.span, message, help=help, instead=suggestion)


def _type(form: Node) -> tuple[str, Slot]:
    if isinstance(form, ScalarNode) and form.text in TYPES:
        return form.text, TYPES[form.text]
    if (
        isinstance(form, SequenceNode)
        and form.items
        and all(isinstance(item, ScalarNode) for item in form.items)
    ):
        return "word", WordSlot(tuple(shown(item) for item in form.items))
    suggestion = suggest(shown(form), TYPES)
    help = suggestion.help(f"there are {', '.join(TYPES)}, or a list of words")
    if isinstance(form, ScalarNode) and isinstance(form.value, int | float):
        kind = type(form.value).__name__
        help = f"write `{{type: {kind}, default: {form.text}}}`"
    message = f"`{shown(form)}` is no type of a param" if shown(form) else "a param needs a type"
    instead = suggestion if isinstance(form, ScalarNode) else None
    raise SettingError(PARAM_TYPE.at(form.span, message, help=help, instead=instead))


def _bounded(kind: str, slot: Slot, form: MappingNode) -> tuple[str, Slot]:
    bounds = {key: node for key in ("min", "max") if (node := form.get(key)) is not None}
    if not bounds:
        return kind, slot
    if not isinstance(slot, IntSlot | FloatSlot):
        place = next(iter(bounds.values())).span
        raise SettingError(
            PARAM_TYPE.at(
                place, f"a param of type {kind} has no bounds", help="remove `min` and `max`"
            )
        )
    values = {key: slot.read(node, {}).evaluate({}) for key, node in bounds.items()}
    if len(values) == 2 and values["min"] > values["max"]:  # type: ignore[operator]  # both numbers
        message = f"`max` is below `min`: no value is at least {values['min']} and that small"
        raise SettingError(PARAM_TYPE.at(bounds["max"].span, message, help="exchange the two"))
    if isinstance(slot, IntSlot):
        low, high = values.get("min", slot.minimum), values.get("max", slot.maximum)
        assert isinstance(low, int)
        assert isinstance(high, int)
        return kind, IntSlot(low, high)
    lowest, highest = values.get("min", slot.minimum), values.get("max", slot.maximum)
    assert isinstance(lowest, int | float)
    assert isinstance(highest, int | float)
    return kind, FloatSlot(lowest, highest)


def undeclared(findings: Findings, block: Span) -> dict[str, Param]:
    """The names that a block uses and does not declare, which was reported, as params of no type.

    What gives them a value is no second mistake, and what needs the block is unknown.
    """
    params: dict[str, Param] = {}
    for finding in findings.diagnostics:
        if finding.rule is UNKNOWN_NAME and block.contains(finding.span):
            name = finding.subject
            slot, value = UnreadableSlot(finding), Unreadable(finding, findings)
            if "." not in name:
                params.setdefault(name, Param(name, "unreadable", slot, finding.span, value))
    return params


Variants = Mapping[str, Mapping[str, Term]]


def read_variants(
    node: MappingNode | None, owner: str, params: Mapping[str, Param], findings: Findings
) -> dict[str, Mapping[str, Term]]:
    """Named sets of values; each may leave out params that have a default."""
    variants: dict[str, Mapping[str, Term]] = {}
    for name, values in node.entries if node else ():
        if not isinstance(values, MappingNode):
            help = f"write `{name.text}: {{...}}`"
            reason = WRONG_TYPE.at(values.span, "a variant is a mapping of params", help=help)
            variants[name.text] = {"": Unreadable(reason, findings)}
            continue
        variants[name.text] = read_arguments(values, owner, params, {}, findings)
    return variants


def read_arguments(
    node: MappingNode,
    owner: str,
    params: Mapping[str, Param],
    names: Mapping[str, Slot],
    findings: Findings,
) -> dict[str, Term]:
    """The arguments in `node`, each read by its param's slot; `variant` is passed over.

    What cannot be read, or is misspelt, is reported and stands there as `Unreadable`.
    """
    arguments: dict[str, Term] = {}
    for key, value in node.entries:
        if key.text == "variant":
            continue
        param = params.get(key.text)
        if param is None:
            arguments[key.text] = Unreadable(unknown_setting(key, owner, params, "param"), findings)
            continue
        assert isinstance(param.slot, Slot)
        try:
            arguments[key.text] = param.slot.read(value, names)
        except SettingError as error:
            finding = error.diagnostic.naming(key.text)
            declared = Label(param.span, f"`{key.text}` is declared here")
            finding = finding._replace(labels=(*finding.labels, declared))
            arguments[key.text] = Unreadable(finding, findings)
    return arguments


class Unreadable:
    """Stands for a value that could not be read, which it reports; what needs the value is unknown."""

    def __init__(self, reason: Diagnostic, findings: Findings) -> None:
        findings.add(reason)
        self._reason = reason
        self.span = reason.span

    def evaluate(self, scope: Mapping[str, object]) -> object:
        """Raises the finding that was already reported."""
        raise SettingError(self._reason)


class UnreadableSlot(Slot):
    """The slot of a param whose type or default could not be read."""

    def __init__(self, reason: Diagnostic) -> None:
        self.reason = reason

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        """Raises the finding that was already reported."""
        raise SettingError(self.reason)


# a colon without a space after it, or one that is none of YAML's
_COLON = re.compile(r"\s*[:\uff1a]\s*")


_BESIDE_A_STEP = frozenset(Step.keys())


def unknown_setting(
    key: ScalarNode, owner: str, legal: Iterable[str], what: str = "setting"
) -> Diagnostic:
    """The finding for a setting or param that `owner` does not have, with what may be meant."""
    known = sorted(legal)
    is_own = what == "param"
    suggestion = suggest(
        key.text, known, role="" if is_own else "setting", own=known if is_own else ()
    )
    help = suggestion.help(f"it takes {listed(known)}" if known else f"it takes no {what}s")
    if key.text in _BESIDE_A_STEP:
        help = f"write `{key.text}:` beside the step, on a line of its own"
        suggestion = Suggestion(None)
    name, *rest = _COLON.split(key.text, maxsplit=1)
    if rest and name in known:
        spaced = f"{name}: {rest[0]}"
        suggestion = Suggestion(spaced, is_safe=True)
        help = f"put a space behind the colon: `{spaced}`"
    message = f"{owner} has no {what} `{key.text}`"
    return UNKNOWN_SETTING.at(key.span, message, help=help, instead=suggestion)


def variant_arguments(
    node: MappingNode, block: str, variants: Variants, findings: Findings
) -> tuple[str, Mapping[str, Term]]:
    """The variant that a use names, and its values."""
    chosen = node.get("variant")
    if chosen is None:
        return "", {}
    name = shown(chosen)
    if name in variants:
        return name, variants[name]
    suggestion = suggest(name, variants, own=variants)
    help = suggestion.help(f"it has {', '.join(variants) or 'no variants'}")
    message = f"`{block}` has no variant `{name}`"
    reason = UNKNOWN_VARIANT.at(chosen.span, message, help=help, instead=suggestion)
    return name, {"variant": Unreadable(reason, findings)}


def missing_arguments(
    owner: str,
    place: ScalarNode,
    params: Mapping[str, Param],
    given: Mapping[str, Term],
    variants: Variants,
) -> Diagnostic | None:
    """The finding for params that have neither an argument nor a default."""
    missing = [
        name for name, param in params.items() if param.default is None and name not in given
    ]
    if not missing:
        return None
    names = ", ".join(f"`{name}`" for name in missing)
    choice = f", or name a variant: {', '.join(variants)}" if variants else ""
    example = ", ".join(f"{name}: ..." for name in missing)
    help = f"write `{place.text}: {{{example}}}`{choice}"
    return MISSING_SETTING.at(place.span, f"{owner} needs {names}", help=help)


def read_requirements(
    nodes: Iterable[ScalarNode], names: Mapping[str, Slot], findings: Findings
) -> tuple[Requirement, ...]:
    """The conditions of `require:`."""
    requirements: list[Requirement] = []
    for node in nodes:
        try:
            requirements.append(Requirement(node.text, BoolSlot().read(node, names)))
        except SettingError as error:
            findings.add(error.diagnostic)
    return tuple(requirements)
