"""`archgen lsp` without the library that speaks the protocol."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command


def test_the_extra_is_named_where_it_is_missing(
    archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archgen.cli.lsp.find_spec", lambda _: None)
    result = archgen("lsp")
    assert result == (
        2,
        "",
        "error: the language server needs pygls: pip install 'archgen[editor]'\n",
    )
