"""`docs/security.md` names tests and limits, and each of them must be there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
LIMITS = re.findall(r"`(archgen(?:\.\w+)+)\.(MAX_\w+)`", PAGE)


def test_the_page_names_tests_and_limits() -> None:
    assert len(TESTS) > 20
    assert len(LIMITS) > 10


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("module", "name"), LIMITS)
def test_a_limit_that_the_page_names_holds_a_number(module: str, name: str) -> None:
    assert getattr(import_module(module), name) > 0
