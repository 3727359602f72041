"""Slots: the types of settings. A slot reads a YAML node into a `Setting` and gives it its value.

Reading happens once for each place in the text and finds what is wrong with the words; evaluation
happens for each use of a block and finds what is wrong with the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from archgen.diagnostics import (
    QUOTES,
    Diagnostic,
    Predicate,
    Rule,
    Span,
    Suggestion,
    did_you_mean,
    listed,
    suggest,
)
from archgen.ir.shape import Padding, PaddingMode, Window
from archgen.rules import (
    BAD_VALUE,
    EXPRESSION_SYNTAX,
    EXPRESSION_VALUE,
    TRUE_DIVISION,
    UNKNOWN_NAME,
)
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, tuple_as_spec
from archgen.spec.expression_parser import parse_expression
from archgen.spec.expressions import Expression, ExpressionError, Name, Value
from archgen.spec.traced import TracedSide, formula_of, is_traced

MAX_INTEGER = 2**31 - 1
LARGEST_FLOAT = (2 - 2**-23) * 2.0**127  # of 32 bits, which is what networks are made of
SMALLEST_FLOAT = 2.0**-149


class SettingError(Exception):
    """A setting cannot be read or has no value; carries the one finding."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True)
class Literal:
    """A value that stands in the text."""

    value: Value


class Setting(NamedTuple):
    """One setting of one step as read: a literal, an expression, or parts that are settings."""

    slot: Slot
    span: Span
    form: Literal | Expression | tuple[Setting, ...]

    def evaluate(self, scope: Mapping[str, Value]) -> Value:
        """The value where names mean what `scope` says. Raises SettingError."""
        return self.slot.evaluate(self, scope)

    def names(self) -> Iterator[Name]:
        """The names its expressions use."""
        if isinstance(self.form, Expression):
            yield from self.form.names()
        elif isinstance(self.form, tuple):
            for part in self.form:
                yield from part.names()


def expression_span(span: Span, text: str, start: int, length: int) -> Span:
    """The place of a part of an expression inside the scalar that holds it, or all of the scalar.

    A part behind the end of the text is told at its last character. The whole is told where the
    text is folded or escaped, so that its characters stand elsewhere.
    """
    quotes = (span.end.column - span.start.column) - len(text)
    if span.start.line != span.end.line or quotes not in (0, 2):
        return span
    start = min(start, max(0, len(text) - 1))
    return span.within(start + quotes // 2, max(1, min(length, len(text) - start)))


def expression_setting(slot: Slot, node: ScalarNode, names: Mapping[str, Slot]) -> Setting:
    """The scalar's text as an expression over `names`."""
    text = node.text
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        raise SettingError(_at(EXPRESSION_SYNTAX, error, node.span, text)) from None
    for name in expression.names():
        if name.text not in names:
            raise SettingError(unknown_name(name, node.span, text, names))
    return Setting(slot, node.span, expression)


def unknown_name(name: Name, span: Span, text: str, names: Iterable[str]) -> Diagnostic:
    """The finding for a name that is not in scope, with the nearest that is."""
    legal = sorted(names)
    own = [known for known in legal if not known.startswith(("in.", "here."))]
    suggestion = suggest(name.text, legal, own=own)
    here = expression_span(span, text, name.start, name.length)
    instead = None
    if f"{name.text}.channels" in names:
        help = f"write `{name.text}.channels`, `{name.text}.grid`, `.height` or `.width`"
    elif name.text == "i":
        help = "`i` counts the instances of a step that has `repeat:`"
    else:
        known = f"in scope here: {listed(legal)}"
        help = suggestion.help(known if legal else "write the value: no name is known here")
        is_alone = here != span or name.text == text
        instead = suggestion if is_alone else None
    return UNKNOWN_NAME.at(
        here, f"`{name.text}` is not in scope", help=help, instead=instead, subject=name.text
    )


def _at(rule: Rule, error: ExpressionError, span: Span, text: str) -> Diagnostic:
    place = expression_span(span, text, error.start, error.length)
    return rule.at(place, error.message, help=error.help)


def value_of(setting: Setting, scope: Mapping[str, Value]) -> Value:
    """The value of a literal or an expression, not yet checked by its slot. Raises SettingError."""
    if isinstance(setting.form, Literal):
        return setting.form.value
    assert isinstance(setting.form, Expression)
    try:
        return setting.form.evaluate(scope)
    except ExpressionError as error:
        raise SettingError(_at(EXPRESSION_VALUE, error, setting.span, setting.form.text)) from None


def refusal(
    span: Span, message: str | Predicate, help: str = "", instead: str | Suggestion | None = None
) -> SettingError:
    """A value the slot cannot take; `instead` is its right spelling."""
    return SettingError(BAD_VALUE.at(span, message, help=help, instead=instead))


def shown(node: Node) -> str:
    """The node as a spec would write it on one line; a long list or mapping is cut."""
    match node:
        case ScalarNode():
            return node.text
        case SequenceNode():
            return f"[{listed((shown(item) for item in node.items), 4)}]"
        case MappingNode():
            entries = (f"{key.text}: {shown(value)}" for key, value in node.entries)
            return f"{{{listed(entries, 4)}}}"


def _not(node: Node, wanted: str, help: str, instead: str | None = None) -> SettingError:
    """The refusal of a node of another kind than the slot reads."""
    found = f"`{shown(node)}`" if shown(node) else "nothing"
    return refusal(node.span, Predicate(f"must be {wanted}, not {found}"), help, instead)


def _but_is(setting: Setting, wanted: str, value: object) -> Predicate:
    """`this must be <wanted>`, with the value and the expression that it came from."""
    found = describe(value)
    if isinstance(setting.form, Expression) and setting.form.text != found:
        return Predicate(f"must be {wanted}, and `{setting.form.text}` is {found}")
    return Predicate(f"must be {wanted}, not `{found}`")


class Slot:
    """A type of setting. `what` completes the sentence "... must be <what>".

    A slot does not know whose value it reads: the messages it raises begin with `this`, and the
    caller who knows puts the name there (`Diagnostic.naming`).
    """

    what: ClassVar[str] = "a value"

    @property
    def takes(self) -> str:
        """What docs say that the setting takes, where that is less than can be written."""
        return self.what

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        """The node as a setting. Raises SettingError."""
        raise NotImplementedError

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        """The setting's value. Raises SettingError."""
        return value_of(setting, scope)

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        """The slot as draft-07 JSON Schema.

        `words` are the params that hold words and may stand there, None where they are not known.
        """
        return {}


class IntSlot(Slot):
    """A whole number, or an expression for one."""

    what: ClassVar[str] = "a whole number or an expression"

    def __init__(self, minimum: int = 1, maximum: int = MAX_INTEGER) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        match node:
            case ScalarNode(value=int(value)) if not isinstance(value, bool):
                setting = Setting(self, node.span, Literal(value))
                self.evaluate(setting, {})
                return setting
            case ScalarNode(value=str(text)) if text.strip():
                setting = expression_setting(self, node, names)
                self._refuse_division(setting, node)
                return setting
        raise _not(node, self.what, "write a whole number such as 3")

    def _refuse_division(self, setting: Setting, node: ScalarNode) -> None:
        assert isinstance(setting.form, Expression)
        division = setting.form.uses_true_division()
        if division is not None:
            place = expression_span(node.span, node.text, division.start, division.length)
            message = Predicate("must be a whole number, and `/` gives a fraction")
            whole = re.sub("(?<!/)/(?!/)", "//", node.text)
            raise SettingError(TRUE_DIVISION.at(place, message, help=f"write `{whole}`"))

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = value_of(setting, scope)
        if isinstance(value, bool) or not isinstance(value, int):
            message = _but_is(setting, "a whole number", value)
            raise SettingError(EXPRESSION_VALUE.at(setting.span, message))
        if value < self.minimum:
            raise refusal(setting.span, _but_is(setting, f"at least {self.minimum}", int(value)))
        if value > self.maximum:
            raise refusal(setting.span, _but_is(setting, f"at most {self.maximum:,}", int(value)))
        return value

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        schema: dict[str, object] = {"type": ["integer", "string"], "minimum": self.minimum}
        return {**schema, "maximum": self.maximum} if self.maximum < MAX_INTEGER else schema


class FloatSlot(Slot):
    """A number, or an expression for one; `above` and `below` leave the bounds themselves out."""

    what: ClassVar[str] = "a number or an expression"

    def __init__(
        self,
        minimum: float = 0.0,
        maximum: float = float("inf"),
        *,
        above: bool = False,
        below: bool = False,
    ) -> None:
        self.above = above
        self.minimum = minimum
        self.maximum = maximum
        self.below = below

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        match node:
            case ScalarNode(value=int(value) | float(value)) if not isinstance(value, bool):
                setting = Setting(self, node.span, Literal(value))
                self.evaluate(setting, {})
                return setting
            case ScalarNode(value=str(text)) if text.strip():
                return expression_setting(self, node, names)
        raise _not(node, self.what, "write a number such as 0.2")

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = value_of(setting, scope)
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = _but_is(setting, "a number", value)
            raise SettingError(EXPRESSION_VALUE.at(setting.span, message))
        if (
            not self.minimum <= value <= self.maximum
            or value in (float("inf"), -float("inf"))
            or (self.below and value == self.maximum)
            or (self.above and value == self.minimum)
        ):
            raise refusal(setting.span, _but_is(setting, self._bounds(), value))
        if abs(value) > LARGEST_FLOAT:
            wanted = "a number that 32-bit floats can hold (at most 3.4e38)"
            raise refusal(setting.span, _but_is(setting, wanted, value))
        if self.above and value - self.minimum < SMALLEST_FLOAT:
            wanted = f"a number that is above {self.minimum:g} in 32-bit floats too"
            raise refusal(setting.span, _but_is(setting, wanted, value))
        return value if is_traced(value) else float(value)

    def _bounds(self) -> str:
        if self.maximum == float("inf"):
            start = "above" if self.above else "of at least"
            return (
                "a finite number"
                if self.minimum < 0
                else f"a finite number {start} {self.minimum:g}"
            )
        end = "below" if self.below else "at most"
        return f"at least {self.minimum:g} and {end} {self.maximum:g}"

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        bounds = {
            "exclusiveMinimum" if self.above else "minimum": self.minimum,
            "exclusiveMaximum" if self.below else "maximum": self.maximum,
        }
        finite = {key: bound for key, bound in bounds.items() if abs(bound) < float("inf")}
        return {"type": ["number", "string"], **finite}


class BoolSlot(Slot):
    """`true` or `false`, or an expression for one."""

    what: ClassVar[str] = "true or false"

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        match node:
            case ScalarNode(value=bool(value)):
                return Setting(self, node.span, Literal(value))
            case ScalarNode(value=str(text)) if text.lower() in ("yes", "no", "on", "off"):
                right = "true" if text.lower() in ("yes", "on") else "false"
                message = f"`{text}` is a text in YAML 1.2, not a truth value"
                raise refusal(node.span, message, help=f"write `{right}`", instead=right)
            case ScalarNode(value=str(text)) if text not in names and (
                near := did_you_mean(text, ("true", "false"))
            ):
                raise _not(node, self.what, f"did you mean `{near}`?", near)
            case ScalarNode(value=str(text)) if text.strip():
                return expression_setting(self, node, names)
        raise _not(node, self.what, "write `true` or `false`")

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = value_of(setting, scope)
        if isinstance(value, bool) or (is_traced(value) and isinstance(value, int)):
            return value
        raise SettingError(EXPRESSION_VALUE.at(setting.span, _but_is(setting, self.what, value)))

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        return {"type": ["boolean", "string"]}


_WINDOW = re.compile(r"([0-9]{1,9})x([0-9]{1,9})")
_LOOSE_WINDOW = re.compile(r"([0-9]{1,9})\s*[xX×]\s*([0-9]{1,9})")


class WindowSlot(Slot):
    """`3` for 3x3, `1x7` for one row by seven columns, or an expression for either."""

    what: ClassVar[str] = "a whole number or HxW"

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        match node:
            case ScalarNode(value=int(value)) if not isinstance(value, bool):
                return self._literal(value, value, node.span)
            case ScalarNode(value=str(text)) if match := _WINDOW.fullmatch(text):
                return self._literal(int(match[1]), int(match[2]), node.span)
            case ScalarNode(value=str(text)) if match := _LOOSE_WINDOW.fullmatch(text):
                window = f"{match[1]}x{match[2]}"
                raise _not(node, self.what, f"write `{window}`", window)
            case ScalarNode(value=str(text)) if written := tuple_as_spec("kernel", text):
                raise _not(node, self.what, f"write `{written}`", written)
            case SequenceNode(items=items) if written := tuple_as_spec(
                "kernel", f"[{', '.join(map(shown, items))}]"
            ):
                raise _not(node, self.what, f"write `{written}`", written)
            case ScalarNode(value=str(text)) if text.strip():
                return expression_setting(self, node, names)
        raise _not(node, self.what, "write `3` or `1x7`")

    def _literal(self, height: int, width: int, span: Span) -> Setting:
        if not (1 <= height <= MAX_INTEGER and 1 <= width <= MAX_INTEGER):
            written = height if height == width else f"{height}x{width}"
            wanted = f"at least 1 and at most {MAX_INTEGER:,} on both sides"
            raise refusal(span, Predicate(f"must be {wanted}, not `{written}`"))
        return Setting(self, span, Literal(Window(height, width)))

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = value_of(setting, scope)
        if isinstance(value, Window):
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_INTEGER:
            raise refusal(setting.span, _but_is(setting, "a whole number of at least 1", value))
        return Window(value, value.width if isinstance(value, TracedSide) else value)

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        return {"type": ["integer", "string"], "minimum": 1}


_PADDING_WORDS = ("valid", "same")
_AMOUNT = IntSlot(minimum=0)


class PaddingSlot(Slot):
    """`valid | same | N | [h, w] | [top, bottom, left, right] | {same: tf}`."""

    what: ClassVar[str] = "valid, same, a number, [h, w], [top, bottom, left, right] or {same: tf}"

    def __init__(self, takes: str = "") -> None:
        """`takes` is what the op takes when it knows the rest of its settings."""
        self._takes = takes

    @property
    def takes(self) -> str:
        """What the op takes, which may be less than can be written."""
        return self._takes or self.what

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        match node:
            case ScalarNode(value="valid" | "same" as word):
                return Setting(self, node.span, Literal(Padding(PaddingMode(word))))
            case ScalarNode(value=str(word)) if (
                word.strip(QUOTES).isidentifier() and word not in names
            ):
                suggestion = suggest(word, (*_PADDING_WORDS, *names), own=names)
                help = suggestion.help(f"it takes {self.what}")
                raise refusal(node.span, f"`{word}` is no padding", help, suggestion)
            case ScalarNode(value=str(text)) if sides := tuple_as_spec("padding", text):
                raise _not(node, "a padding", f"write `{sides}`", sides)
            case ScalarNode(value=int() | str()):
                return Setting(self, node.span, (_AMOUNT.read(node, names),))
            case SequenceNode(items=items) if len(items) in (2, 4):
                return Setting(self, node.span, tuple(_AMOUNT.read(item, names) for item in items))
            case MappingNode(entries=((key, value),)) if (
                key.text == "same" and shown(value) == "tf"
            ):
                return Setting(self, node.span, Literal(Padding(PaddingMode.SAME_TF)))
        raise _not(node, "a padding", f"it takes {self.what}")

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        if isinstance(setting.form, Literal):
            return setting.form.value
        assert isinstance(setting.form, tuple)
        match [_AMOUNT.evaluate(part, scope) for part in setting.form]:
            case [int(every)]:
                amounts = (every, every, every, every)
            case [int(height), int(width)]:
                amounts = (height, height, width, width)
            case [int(top), int(bottom), int(left), int(right)]:
                amounts = (top, bottom, left, right)
            case other:
                raise AssertionError(other)
        return Padding(PaddingMode.AMOUNTS, amounts)

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        amount = _AMOUNT.schema()
        tensorflow = {"properties": {"same": {"enum": ["tf"]}}, "required": ["same"]}
        return {
            "type": ["integer", "string", "array", "object"],
            "if": {"type": "object"},
            "then": {**tensorflow, "additionalProperties": False},
            "else": {
                "if": {"type": "array"},
                "then": {"items": amount, "minItems": 2, "maxItems": 4},
                "else": amount,
            },
            "examples": [*_PADDING_WORDS, {"same": "tf"}],
        }


def describe(value: Value) -> str:
    """A value as a spec would write it; a traced number as its formula."""
    if is_traced(value):
        return str(formula_of(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Window) and value.is_square:
        return str(value.height)
    if isinstance(value, float) and abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return str(value)
