"""Where a cursor stands, told from the text before it alone."""

from __future__ import annotations

import pytest

from archgen.editor.context import Context, context

CASES = {
    "": ((), "", False),
    "na": ((), "na", False),
    "name: ": (("name",), "", True),
    "network:\n  - co": (("network", None), "co", False),
    "network:\n- co": (("network", None), "co", False),
    "network:\n- conv: {}\n- co": (("network", None), "co", False),
    "network:\n  - conv: {filters: 8, ke": (("network", None, "conv"), "ke", False),
    "network:\n  - conv: {filters: ": (("network", None, "conv", "filters"), "", True),
    "network:\n  - conv: {filters: 8,\n      ke": (("network", None, "conv"), "ke", False),
    "network:\n  - conv: {padding: [1, ": (("network", None, "conv", "padding", None), "", True),
    "network:\n  - conv:\n      ": (("network", None, "conv"), "", False),
    "network:\n  - conv: {}\n    ": (("network", None), "", False),
    "blocks:\n  a:\n    body:\n      - b\n    ex": (("blocks", "a"), "ex", False),
    "blocks:\n  a:\n    body:\n      - b\n  c: {bo": (("blocks", "c"), "bo", False),
    "a: 'x: {'\nb: ": (("b",), "", True),
    "a: x  # {\nb: ": (("b",), "", True),
    "a: {b: [c, {d: ": (("a", "b", None, "d"), "", True),
    "a: {b: 1}\n": ((), "", False),
    "- - x": ((None, None), "x", False),
    "}}]]": ((), "}}]]", False),
}


@pytest.mark.parametrize(("text", "wanted"), CASES.items())
def test_the_context_of(text: str, wanted: tuple[tuple[str | None, ...], str, bool]) -> None:
    assert context(text) == Context(*wanted)
