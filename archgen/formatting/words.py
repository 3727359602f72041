"""How a scalar is written on one line: plain where it can be, else in quotes."""

from __future__ import annotations

import re

from archgen.formatting.layout import Alias, Scalar
from archgen.spec.document import resolve_scalar

# texts that other readers of YAML take for truth values
_DOUBTFUL = frozenset("yes no on off".split())
_SIGNS = "-?:,[]{}#&*!|>'\"%@`"
_FLOW_SIGNS = re.compile(r"[,\[\]{}]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def one_line(scalar: Scalar | Alias, *, in_flow: bool, is_key: bool = False) -> str:
    """The scalar on one line, inside brackets or not."""
    if isinstance(scalar, Alias):
        return f"{scalar.text} " if is_key else scalar.text
    return f"{scalar.mark} {_text(scalar, in_flow=in_flow, is_key=is_key)}".strip()


def _text(scalar: Scalar, *, in_flow: bool, is_key: bool) -> str:
    if is_key and not scalar.text:
        return '""'
    if not isinstance(scalar.value, str):
        return scalar.text
    if _is_doubtful(scalar) or not _can_be_plain(scalar.text, in_flow=in_flow, is_key=is_key):
        return _quoted(scalar.text)
    return scalar.text


def _is_doubtful(scalar: Scalar) -> bool:
    return bool(scalar.style) and scalar.text.lower() in _DOUBTFUL


def _can_be_plain(text: str, *, in_flow: bool, is_key: bool) -> bool:
    """Whether the text says the same without quotes, and no reader could stumble over it.

    A colon asks for quotes even where YAML would read it as part of the text.
    """
    if not text.isprintable() or text != text.strip() or text[:1] in _SIGNS or not text:
        return False
    if ":" in text or " #" in text or text.startswith("..."):
        return False
    if is_key and (text.endswith(")") or text == "<<"):
        return False
    return isinstance(resolve_scalar(text), str) and not (in_flow and _FLOW_SIGNS.search(text))


def _quoted(text: str) -> str:
    """The text in double quotes, or in single ones where that spares every backslash."""
    if text.isprintable() and ('"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_ESCAPES.get(letter) or _letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"
