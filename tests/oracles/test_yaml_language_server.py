"""The JSON Schema in the language server that editors use for YAML: completion, hover, one exact error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archgen.diagnostics import Findings
from archgen.schema import file_schema, schema_text
from archgen.spec.files import SpecText
from archgen.spec.loader import load
from tests.speaking import Client

pytestmark = pytest.mark.oracle

SERVER = Path(__file__).parents[2] / "tools/oracles/node/node_modules/.bin/yaml-language-server"
SETTINGS = {
    "validate": True,
    "hover": True,
    "completion": True,
    "schemaStore": {"enable": False},
    "yamlVersion": "1.2",
}
SPEC = """\
# yaml-language-server: $schema=./spec.schema.json
archgen: 1
name: tiny
input: {channels: 3, grid: 8}
defaults:
  conv: {padding: same}
blocks:
  cell:
    params: {width: {type: int, doc: how wide}, act: [relu, silu]}
    body:
      - conv: {filters: width, kernel: 3, act: act}
network:
  - conv: {filters: 8, kernel: 3}
  - cell: {width: 4, act: relu}
"""
END = SPEC.count("\n")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec with its schema beside it."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    file = load(SpecText("spec.yaml", SPEC, path), Findings())
    assert file is not None
    (tmp_path / "spec.schema.json").write_text(schema_text(file_schema(file)))
    return path


@pytest.fixture
def editor(spec: Path) -> Iterator[Client]:
    """The server, with the spec open."""
    if not SERVER.is_file():
        pytest.skip("yaml-language-server is not installed; tools/setup --oracles says why")
    with Client([str(SERVER), "--stdio"]) as client:
        client.begin(spec.parent)
        client.tell("workspace/didChangeConfiguration", {"settings": {"yaml": SETTINGS}})
        client.open(spec, SPEC)
        assert client.findings(spec) == []
        yield client


def labels(client: Client, path: Path, line: int, column: int) -> list[str]:
    answer = client.at("completion", path, line, column)
    return [item["label"] for item in answer["items"]]


def test_completion_offers_ops_blocks_settings_and_words(editor: Client, spec: Path) -> None:
    editor.change(spec, f"{SPEC}  - \n", 2)
    offered = labels(editor, spec, END, 4)
    assert {"conv", "cell", "residual", "repeat"} <= set(offered)
    editor.change(spec, f"{SPEC}  - conv: {{filters: 8, st}}\n", 3)
    assert {"stride", "padding"} <= set(labels(editor, spec, END, 24))
    editor.change(spec, f"{SPEC}  - cell:\n      \n", 4)
    assert labels(editor, spec, END + 1, 6) == ["width", "act"]
    editor.change(spec, f"{SPEC}  - act: \n", 5)
    assert {"relu", "hardswish", "none"} <= set(labels(editor, spec, END, 9))


def test_hover_explains_ops_settings_and_params(editor: Client, spec: Path) -> None:
    line = SPEC.split("\n").index("  - conv: {filters: 8, kernel: 3}")
    for column, words in ((5, "A convolution;"), (12, "output channels"), (23, "height by width")):
        assert words in editor.at("hover", spec, line, column)["contents"]["value"]
    assert "how wide" in editor.at("hover", spec, line + 1, 11)["contents"]["value"]


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("filters: 8", "filtres: 8", "Property filtres is not allowed"),
        ("- cell: {", "- clel: {", "Property clel is not allowed"),
        ("act: relu}", "act: rleu}", 'Valid values: "relu", "silu", "act"'),
        ("grid: 8", "gird: 8", "Property gird is not allowed"),
        ("network:", "netwrok:", "Property netwrok is not allowed"),
    ],
)
def test_a_typo_is_one_error_at_its_place(
    editor: Client, spec: Path, right: str, wrong: str, words: str
) -> None:
    editor.change(spec, SPEC.replace(right, wrong), 2)
    (found,) = editor.findings(spec)
    assert words in found["message"]
    before = SPEC.replace(right, wrong).partition(wrong)[0]
    offset = max(wrong.find(word) for word in ("filtres", "clel", "rleu", "gird", "netwrok"))
    column = len(before.rpartition("\n")[2]) + offset
    assert found["range"]["start"] == {"line": before.count("\n"), "character": column}
