"""Words of a spec in a picture: only what can be seen."""

from __future__ import annotations

import unicodedata

# controls, formatting (right-to-left overrides, zero-width marks), surrogates, line separators
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    """`text` with what hides or reorders text named by its code point: `<U+202E>`."""
    return "".join(
        f"<U+{ord(letter):04X}>" if unicodedata.category(letter) in _HARMFUL else letter
        for letter in text
    )
