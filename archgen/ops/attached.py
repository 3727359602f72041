"""Norms and activations: values that a convolution carries and that stand as steps of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple, cast

from archgen.diagnostics import Rule, Span, Suggestion, suggest
from archgen.foreign import SAME
from archgen.ir.op import ModuleCall, Tensors
from archgen.ops.norms import NORMS
from archgen.ops.slots import (
    BoolSlot,
    FloatSlot,
    IntSlot,
    Literal,
    Setting,
    SettingError,
    Slot,
    describe,
    refusal,
    shown,
)
from archgen.ops.words import param_setting, word_schema
from archgen.rules import UNKNOWN_SETTING
from archgen.spec.document import MappingNode, Node, ScalarNode
from archgen.spec.expressions import Value


class Activation(NamedTuple):
    """A nonlinearity by its name in specs, and its one number where it has one."""

    function: str
    number: float | None = None

    @property
    def is_learned(self) -> bool:
        """Whether it has weights: one a channel."""
        return ACTIVATIONS[self.function].is_learned

    def tensors(self, channels: int) -> Tensors:
        """The weights of one that learns."""
        return {"weight": (channels,)} if self.is_learned else {}

    def module(self, channels: object) -> ModuleCall:
        """The `nn` module for so many channels."""
        form = ACTIVATIONS[self.function]
        value = form.fixed if self.number is None else self.number
        is_default = self.is_learned and value == form.fixed
        kwargs = ((form.argument, value),) if form.argument and not is_default else ()
        return ModuleCall(f"nn.{form.module}", (channels,) if self.is_learned else (), kwargs)

    def apply(self, x: str, *, inplace: bool = False) -> str:
        """The call from `torch.nn.functional`; in place only where the op allows it.

        Only of one that has no weights.
        """
        form = ACTIVATIONS[self.function]
        assert not form.is_learned
        arguments = [x]
        if form.argument:
            arguments.append(
                f"{form.argument}={form.fixed if self.number is None else self.number!r}"
            )
        if inplace and form.has_inplace:
            arguments.append("inplace=True")
        return f"{form.functional}({', '.join(arguments)})"

    @property
    def title(self) -> str:
        """The class's name in torch, for names and docstrings of emitted code."""
        return ACTIVATIONS[self.function].module

    def __str__(self) -> str:
        form = ACTIVATIONS[self.function]
        if self.number is None:
            return self.function
        return f"{{{self.function}: {{{form.setting}: {describe(self.number)}}}}}"


class ActivationForm(NamedTuple):
    """How torch writes an activation. `setting` is its one number in specs, `argument` in torch."""

    module: str
    functional: str
    has_inplace: bool = False
    setting: str = ""
    argument: str = ""
    fixed: float | int | str = 0.0
    is_learned: bool = False


ACTIVATIONS: dict[str, ActivationForm] = {
    "relu": ActivationForm("ReLU", "F.relu", has_inplace=True),
    "relu6": ActivationForm("ReLU6", "F.relu6", has_inplace=True),
    "leaky_relu": ActivationForm(
        "LeakyReLU", "F.leaky_relu", True, "slope", "negative_slope", 0.01
    ),
    "prelu": ActivationForm(
        "PReLU", "F.prelu", setting="start", argument="init", fixed=0.25, is_learned=True
    ),
    "silu": ActivationForm("SiLU", "F.silu", has_inplace=True),
    "gelu": ActivationForm("GELU", "F.gelu"),
    "hardswish": ActivationForm("Hardswish", "F.hardswish", has_inplace=True),
    "hardsigmoid": ActivationForm("Hardsigmoid", "F.hardsigmoid", has_inplace=True),
    "sigmoid": ActivationForm("Sigmoid", "torch.sigmoid"),
    "tanh": ActivationForm("Tanh", "torch.tanh"),
    "softmax": ActivationForm("Softmax", "F.softmax", argument="dim", fixed=1),
}

_NORM_SETTINGS: dict[str, Slot] = {
    "groups": IntSlot(),
    "eps": FloatSlot(above=True),
    "momentum": FloatSlot(0.0, 1.0),
    "affine": BoolSlot(),
}
_NORM_SLOTS: dict[str, dict[str, Slot]] = {
    name: {setting: _NORM_SETTINGS[setting] for setting in kind._fields}
    for name, kind in NORMS.items()
}


# The one number of each activation that has one.
_NUMBERS: dict[str, dict[str, Slot]] = {
    name: {form.setting: FloatSlot()} if form.setting else {} for name, form in ACTIVATIONS.items()
}

# A truth value in the place of a word may mean several things.
_VAGUE = {"true": "batch", "false": "none", "null": "none", "~": "none"}


def _unknown_word(
    word: str, what: str, span: Span, legal: Iterable[str], *, is_written: bool = True
) -> SettingError:
    """The refusal of a norm or activation that is not known, with what may be meant.

    The word stands at `span`, or is the value of what stands there.
    """
    words = list(legal)
    vague = _VAGUE.get(word.lower())
    role = "norm" if "batch" in words else "activation"
    suggestion = suggest(word, words, role=role)
    if vague in words:
        suggestion = Suggestion(vague)
    help = suggestion.help(f"it takes {', '.join(words)}")
    message = f"`{word}` is no {what}" if word else f"a name of the {what} is missing"
    is_clear = is_written and vague is None
    return refusal(span, message, help, suggestion if is_clear else None)


def _inner(
    node: MappingNode, what: str, kinds: tuple[str, ...], slots: Mapping[str, Mapping[str, Slot]]
) -> tuple[str, MappingNode]:
    """The one key of `{batch: {...}}` and the mapping of settings under it."""
    if len(node.entries) != 1:
        help = f"write one of {', '.join(kinds)}, as in `{{{kinds[0]}: {{}}}}`"
        raise refusal(node.span, f"the {what} must be one name with its settings", help)
    key, inner = node.entries[0]
    if key.text not in kinds:
        raise _unknown_word(key.text, what, key.span, kinds)
    if not isinstance(inner, MappingNode):
        raise refusal(
            inner.span,
            f"`{key.text}` takes its settings as a mapping",
            help=f"write `{key.text}: {{}}`",
        )
    for name, _ in inner.entries:
        if name.text not in slots[key.text]:
            raise _unknown(UNKNOWN_SETTING, key.text, name, slots[key.text])
    return key.text, inner


def _unknown(rule: Rule, owner: str, name: ScalarNode, legal: Mapping[str, Slot]) -> Exception:
    suggestion = suggest(name.text, legal, role="setting")
    help = suggestion.help(f"it takes {', '.join(legal) or 'no settings'}")
    message = f"`{owner}` has no setting `{name.text}`"
    return SettingError(rule.at(name.span, message, help=help, instead=suggestion))


def _read(
    slots: Mapping[str, Slot], key: ScalarNode, value: Node, names: Mapping[str, Slot]
) -> Setting:
    """The setting `key` inside a norm or an activation."""
    try:
        return slots[key.text].read(value, names)
    except SettingError as error:
        raise SettingError(error.diagnostic.naming(key.text)) from None


class NormSlot(Slot):
    """`none`, a norm's name, or one with its settings, as in `{batch: {eps: 1e-3}}`."""

    what: ClassVar[str] = "none, a norm (batch, layer, group) or {batch: {eps, momentum, affine}}"

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        if isinstance(node, MappingNode):
            kind, inner = _inner(node, "norm", tuple(NORMS), _NORM_SLOTS)
            slots = _NORM_SLOTS[kind]
            parts = tuple(
                Setting(NamedSlot(key.text), key.span, (_read(slots, key, value, names),))
                for key, value in inner.entries
            )
            return Setting(self, node.span, (Setting(self, node.span, Literal(kind)), *parts))
        text = shown(node)
        if text == "none" or text in NORMS:
            value = None if text == "none" else NORMS[text]()
            return Setting(self, node.span, Literal(value))
        raise _unknown_word(text, "norm", node.span, ("none", *NORMS))

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        if isinstance(setting.form, Literal):
            return setting.form.value
        assert isinstance(setting.form, tuple)
        kind, *parts = setting.form
        values = {
            part.slot.name: part.evaluate(scope)
            for part in parts
            if isinstance(part.slot, NamedSlot)
        }
        return NORMS[str(kind.evaluate(scope))](**values)

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        return _schema_of(("none", *NORMS), (), _NORM_SLOTS)


def _schema_of(
    kinds: Iterable[str], params: Iterable[str] | None, slots: Mapping[str, Mapping[str, Slot]]
) -> dict[str, object]:
    """A word, or a mapping of one word to its settings."""
    properties = {
        kind: {
            "type": "object",
            "properties": {name: slot.schema() for name, slot in settings.items()},
            "additionalProperties": False,
        }
        for kind, settings in slots.items()
    }
    mapping = {"minProperties": 1, "maxProperties": 1, "properties": properties}
    return {
        "type": ["string", "object"],
        "if": {"type": "object"},
        "then": {**mapping, "additionalProperties": False},
        "else": word_schema(kinds, params),
        "examples": [*kinds, *(params or ())],
    }


class NamedSlot(Slot):
    """A setting inside another: its name, around the setting that holds its value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        assert isinstance(setting.form, tuple)
        return setting.form[0].evaluate(scope)


class ActivationSlot(Slot):
    """`none`, an activation's name, a param that holds one, or `{leaky_relu: {slope: 0.1}}`.

    One that may not be `learned` has no place for weights.
    """

    what: ClassVar[str] = "none or an activation"

    def __init__(self, *, learned: bool = True) -> None:
        self.learned = learned

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        if isinstance(node, MappingNode):
            function, inner = _inner(node, "activation", tuple(ACTIVATIONS), _NUMBERS)
            parts = tuple(
                _read(_NUMBERS[function], key, value, names) for key, value in inner.entries
            )
            return Setting(
                self, node.span, (Setting(self, node.span, Literal(Activation(function))), *parts)
            )
        text = shown(node)
        if text == "none" or text in ACTIVATIONS:
            return Setting(self, node.span, Literal(_activation(text)))
        words = ("none", *ACTIVATIONS)
        param = param_setting(
            self, node, (*words, *_VAGUE, *SAME["activation"], *SAME["norm"]), names
        )
        if param is None:
            raise _unknown_word(text, "activation", node.span, words)
        return param

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = self._value(setting, scope)
        if isinstance(value, Activation) and value.is_learned and not self.learned:
            message = (
                f"`{value.function}` has weights of its own, and there is no layer for them here"
            )
            help = f"write a step `- act: {value.function}` behind this one"
            raise refusal(setting.span, message, help)
        return value

    def _value(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        if isinstance(setting.form, Literal):
            return setting.form.value
        if isinstance(setting.form, tuple):
            base, *numbers = (part.evaluate(scope) for part in setting.form)
            assert isinstance(base, Activation)
            return Activation(base.function, cast("float", numbers[0])) if numbers else base
        word = scope[setting.form.text]
        if word != "none" and word not in ACTIVATIONS:
            legal = ("none", *ACTIVATIONS)
            raise _unknown_word(str(word), "activation", setting.span, legal, is_written=False)
        return _activation(str(word))

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        legal = {
            name: slots
            for name, slots in _NUMBERS.items()
            if self.learned or not ACTIVATIONS[name].is_learned
        }
        return _schema_of(("none", *legal), words, legal)


def _activation(word: str) -> Activation | None:
    return None if word == "none" else Activation(word)
