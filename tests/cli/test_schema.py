"""`archgen schema`: the general schema, and that of one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from archgen.schema import general_schema
from tests.cli.conftest import Command


def test_the_general_schema_is_printed(archgen: Command) -> None:
    result = archgen("schema")
    assert result.status == 0
    assert json.loads(result.out) == general_schema()


def test_the_schema_of_a_file_knows_its_blocks(archgen: Command, spec: Callable[..., Path]) -> None:
    result = archgen("schema", "--for", str(spec()))
    assert result.status == 0
    assert "block.cell" in json.loads(result.out)["definitions"]


def test_the_schema_of_a_recipe_is_the_general_one(archgen: Command) -> None:
    result = archgen("schema", "--for", "recipes/quick")
    assert json.loads(result.out) == general_schema()


def test_a_file_that_is_no_spec_is_told(archgen: Command, spec: Callable[..., Path]) -> None:
    result = archgen("schema", "--for", str(spec("archgen: 1\nnetwork: [\n")))
    assert result == (1, "", result.err)
    assert "error[AG002]" in result.err
    assert archgen("schema", "--for", "nowhere.yaml").status == 2
