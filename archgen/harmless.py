"""Text that somebody else wrote, made safe to show: it cannot command a terminal nor mislead a reader."""

import unicodedata

TAB = "    "

# controls, formatting (right-to-left overrides, zero-width marks), surrogates, line separators
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def harmless(text: str) -> str:
    """`text` without any character that moves the cursor, hides text or changes its order.

    A tab becomes four spaces, any other such character is named by its code point: `<U+202E>`.
    """
    return "".join(map(shown, text))


def shown(character: str) -> str:
    """One character as `harmless` shows it."""
    if character == "\t":
        return TAB
    if unicodedata.category(character) in _HARMFUL:
        return f"<U+{ord(character):04X}>"
    return character
