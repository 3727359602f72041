"""Places of an editor and positions of findings, there and back, in every unit."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Position
from archgen.editor import Places
from archgen.editor.places import Place

TEXT = "a😀é\r\nz\u2028b😀c\n\n"


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 7), ("utf-16", 4), ("utf-32", 3)])
def test_a_column_is_counted_in_the_units_agreed_on(encoding: str, character: int) -> None:
    places = Places(TEXT, encoding)
    assert places.of(Position(1, 4)) == Place(0, character)
    assert places.position(Place(0, character)) == Position(1, 4)


def test_a_line_that_only_yaml_knows_is_none_to_the_editor() -> None:
    places = Places(TEXT)
    assert places.of(Position(3, 3)) == Place(1, 5)
    assert places.position(Place(1, 5)) == Position(3, 3)


def test_places_outside_the_text_are_its_ends() -> None:
    places = Places(TEXT)
    assert places.position(Place(0, 99)) == Position(1, 4)
    assert places.offset(Place(99, 0)) == len(TEXT)
    assert places.end() == Place(3, 0)
    assert places.line_end(0) == Place(0, 4)
    assert Places("").of(Position(5, 5)) == Place(0, 0)
