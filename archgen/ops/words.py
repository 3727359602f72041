"""Words: the slot that takes one of a closed list, and params that hold a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from archgen.diagnostics import Span, did_you_mean, listed, suggest
from archgen.ops.slots import (
    Literal,
    Setting,
    SettingError,
    Slot,
    expression_setting,
    refusal,
    shown,
    unknown_name,
    value_of,
)
from archgen.spec.document import Node, ScalarNode
from archgen.spec.expressions import Name, Value


class WordSlot(Slot):
    """One of a closed list of words, or a param that holds one."""

    what: ClassVar[str] = "a word"

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def read(self, node: Node, names: Mapping[str, Slot]) -> Setting:
        text = shown(node)
        if text in self.words:
            return Setting(self, node.span, Literal(text))
        param = param_setting(self, node, self.words, names)
        if param is None:
            raise self._unknown(text, node.span, is_written=True)
        return param

    def _unknown(self, text: str, span: Span, *, is_written: bool = False) -> SettingError:
        suggestion = suggest(text, self.words)
        help = suggestion.help(f"it takes {listed(self.words)}")
        message = f"`{text}` is none of the words that can stand here"
        return refusal(span, message, help, suggestion if is_written else None)

    def evaluate(self, setting: Setting, scope: Mapping[str, Value]) -> Value:
        value = value_of(setting, scope)
        if value not in self.words:
            raise self._unknown(str(value), setting.span)
        return value

    def schema(self, words: Iterable[str] | None = None) -> dict[str, object]:
        return {**word_schema(self.words, words), "examples": [*self.words]}


def word_schema(words: Iterable[str], params: Iterable[str] | None) -> dict[str, object]:
    """One of the words or of the params; any text, where the params are not known."""
    return {"type": "string"} if params is None else {"enum": [*words, *params]}


def param_setting(
    slot: Slot, node: Node, words: Iterable[str], names: Mapping[str, Slot]
) -> Setting | None:
    """The param that stands in the place of a word; None for what looks more like one of `words`.

    Raises SettingError where it is nearly a param's name: which of the two is misspelt, the param
    or its use, only the other uses can tell.
    """
    params = [name for name, known in names.items() if isinstance(known, WordSlot)]
    if not isinstance(node, ScalarNode):
        return None
    if node.text in params:
        return expression_setting(slot, node, names)
    if did_you_mean(node.text, [*words, *params]) not in params:
        return None
    name = Name(node.text, 0, len(node.text))
    raise SettingError(unknown_name(name, node.span, node.text, params))
