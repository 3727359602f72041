"""`archgen lsp` as an editor talks to it: a real client, a real process, one document a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.speaking import Client

LIBRARY = """\
archgen: 1
blocks:
  deep:
    params: {depth: {type: int, doc: how deep}}
    body:
      - conv: {filters: depth, kernel: 3, padding: same}
"""
SPEC = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 8}
use: {shared: blocks/shared.yaml}
defaults:
  conv: {padding: same}
blocks:
  cell:
    params: {width: {type: int, doc: "wide 😀"}, act: [relu, silu]}
    variants: {small: {width: 4, act: relu}}
    body:
      - conv: {filters: width, kernel: 3, act: act}
network:
  - conv: {filters: 8, kernel: 3}
    id: stem
  - cell: {width: 4, act: relu}
    note: "😀"  # 😀 these take two units of UTF-16 each
  - shared.deep: {depth: 16}
  - concat: {}
    from: [stem, deep]
  - global_avg_pool
  - linear: {features: 10}
"""
END = SPEC.count("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a library on disk."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").touch()
    (folder / "blocks").mkdir()
    (folder / "blocks" / "shared.yaml").write_text(LIBRARY)
    return folder


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[Client]:
    """The server, greeted."""
    with Client([sys.executable, "-m", "archgen", "lsp"], cwd=folder) as client:
        client.begin(folder)
        yield client


@pytest.fixture
def spec(editor: Client, folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """SPEC, opened under a name of its own, and closed again."""
    name = "".join(letter if letter.isalnum() else "_" for letter in request.node.name)
    path = folder / f"{name}.yaml"
    editor.open(path, SPEC)
    yield path
    editor.tell("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})


def place(text: str, word: str, within: int = 0) -> tuple[int, int]:
    """Line and column of a word, in UTF-16 units."""
    offset = text.index(word) + within
    line = text[:offset].rpartition("\n")[2]
    return text.count("\n", 0, offset), len(line.encode("utf-16-le")) // 2


def ask(editor: Client, method: str, path: Path, **params: object) -> Any:  # noqa: ANN401  # any JSON
    document = {"textDocument": {"uri": path.as_uri()}}
    return editor.ask(f"textDocument/{method}", {**document, **params})["result"]


WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}


def test_findings_come_as_one_types_and_go_when_they_are_mended(editor: Client, spec: Path) -> None:
    assert editor.findings(spec, 1) == []
    editor.change(spec, SPEC.replace("filters: 8", "filtres: 8"), 2)
    (found,) = editor.findings(spec, 2)
    assert (found["code"], found["severity"], found["source"]) == ("AG105", 1, "archgen")
    assert found["message"] == "`conv` has no setting `filtres`\nhelp: did you mean `filters`?"
    assert found["range"]["start"] == dict(
        zip(("line", "character"), place(SPEC, "filters: 8"), strict=True)
    )
    editor.change(spec, SPEC, 3)
    assert editor.findings(spec, 3) == []


def test_of_many_changes_in_a_row_the_last_one_counts(editor: Client, spec: Path) -> None:
    assert editor.findings(spec, 1) == []
    for version in range(2, 30):
        editor.change(
            spec, SPEC.replace("kernel: 3}\n    id", f"kernel: {'x' * version}}}\n    id"), version
        )
    editor.change(spec, SPEC.replace("grid: 8", "grid: -8"), 30)
    (found,) = editor.findings(spec, 30)
    assert "grid" in found["message"]


def test_a_shape_that_does_not_fit_points_at_all_that_it_is_made_of(
    editor: Client, spec: Path
) -> None:
    editor.change(
        spec,
        SPEC.replace(
            "depth: 16}", "depth: 16}\n  - max_pool: {kernel: 2, stride: 2, padding: valid}"
        ).replace("deep]", "max_pool]"),
        2,
    )
    (found,) = editor.findings(spec, 2)
    assert found["code"] == "AG301"
    assert found["relatedInformation"]


def test_places_count_units_of_utf_16(editor: Client, spec: Path) -> None:
    text = SPEC.replace('doc: "wide 😀"', 'doc: "wide 😀", defualt: 4')
    editor.change(spec, text, 2)
    (found,) = editor.findings(spec, 2)
    assert found["code"] == "AG101"
    assert tuple(found["range"]["start"].values()) == place(text, "defualt")


@pytest.mark.parametrize(
    ("word", "within", "words"),
    [
        ("conv: {filters: 8", 1, "`8 x 8 x 8` from `3 x 8 x 8`: 224 params, 13,824 MACs"),
        ("conv: {filters: 8", 1, "A convolution;"),
        ("cell: {width: 4", 1, "`4 x 8 x 8` from `8 x 8 x 8`: 292 params"),
        ("cell: {width: 4", 1, "- `width` (int): wide 😀"),
        ("shared.deep:", 9, "- `depth` (int): how deep"),
        ("global_avg_pool", 3, "`24` from `24 x 8 x 8`"),
        ("kernel: 3}\n", 1, "height by width"),
        ("filters: width", 10, "`width: {type: int, doc: wide 😀}`"),
        ("network:", 1, "the steps from the input"),
        ("from: [", 1, "takes its input from"),
    ],
)
def test_hover_tells(editor: Client, spec: Path, word: str, within: int, words: str) -> None:
    answer = editor.at("hover", spec, *place(SPEC, word, within))
    assert words in answer["contents"]["value"]


def test_shapes_stand_at_the_ends_of_lines(editor: Client, spec: Path) -> None:
    shown = {
        SPEC.split("\n")[hint["position"]["line"]].strip(): hint["label"]
        for hint in ask(editor, "inlayHint", spec, range=WHOLE)
    }
    assert shown == {
        "- conv: {filters: width, kernel: 3, act: act}": "4 x 8 x 8",
        "- conv: {filters: 8, kernel: 3}": "8 x 8 x 8",
        "- cell: {width: 4, act: relu}": "4 x 8 x 8",
        "- shared.deep: {depth: 16}": "16 x 8 x 8",
        "- concat: {}": "24 x 8 x 8",
        "- global_avg_pool": "24",
        "- linear: {features: 10}": "10",
    }
    first = {**WHOLE, "end": {"line": 11, "character": 0}}
    assert len(ask(editor, "inlayHint", spec, range=first)) == 1


@pytest.mark.parametrize(
    ("word", "within", "target"),
    [
        ("cell: {width: 4", 1, "cell:\n"),
        ("filters: width", 10, "width: {type"),
        ("cell: {width: 4", 8, "width: {type"),
        ("[stem", 2, "stem\n  - cell"),
        ("shared.deep:", 9, "deep:"),
        ("depth: 16", 1, "depth: {type"),
        ("blocks/shared", 3, "archgen: 1"),
    ],
)
def test_a_name_leads_to_its_definition(
    editor: Client, spec: Path, word: str, within: int, target: str
) -> None:
    found = editor.at("definition", spec, *place(SPEC, word, within))
    text = LIBRARY if found["uri"].endswith("blocks/shared.yaml") else SPEC
    assert tuple(found["range"]["start"].values()) == place(text, target)


def test_a_variant_leads_to_its_definition(editor: Client, spec: Path) -> None:
    text = SPEC.replace("{width: 4, act: relu}\n    note", "{variant: small}\n    note")
    editor.change(spec, text, 2)
    found = editor.at("definition", spec, *place(text, "small}\n", 2))
    assert tuple(found["range"]["start"].values()) == place(text, "small: {width")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("  - ", {"conv", "cell", "shared.deep", "residual", "repeat"}),
        ("  - concat:\n      a:\n        - ", {"conv", "cell", "expect"}),
        ("  - conv: {filters: 8, st", {"stride", "padding"}),
        ("  - conv:\n      ", {"filters", "kernel", "norm"}),
        ("  - conv: {filters: ", {"in.channels", "here.channels"}),
        ("  - conv: {padding: ", {"same", "valid"}),
        ("  - act: ", {"relu", "hardswish", "none"}),
        ("  - cell: {", {"width", "act", "variant"}),
        ("  - cell: {variant: ", {"small"}),
        ("expect: {", {"grid", "params", "macs"}),
        ("", {"expect", "outputs", "require"}),
    ],
)
def test_completion_knows_the_place_though_the_text_is_broken(
    editor: Client, spec: Path, typed: str, offered: set[str]
) -> None:
    text = SPEC + typed
    editor.findings(spec, 1)
    editor.change(spec, text, 2)
    lines = text.split("\n")
    answer = editor.at("completion", spec, len(lines) - 1, len(lines[-1]))
    assert offered <= {item["label"] for item in answer["items"]}


def test_completion_in_a_block_offers_its_params(editor: Client, spec: Path) -> None:
    line, column = place(SPEC, "filters: width", len("filters: "))
    items = {item["label"]: item for item in editor.at("completion", spec, line, column)["items"]}
    assert items["width"]["detail"] == "wide 😀"


def test_fixes_are_offered_where_the_cursor_is(editor: Client, spec: Path) -> None:
    text = SPEC.replace("filters: 8", "filtres: 8").replace("features: 10", "featurs: 10")
    editor.change(spec, text, 2)
    line, _ = place(text, "filtres")
    here = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 1}}
    (action,) = ask(editor, "codeAction", spec, range=here, context={"diagnostics": []})
    assert (action["title"], action["kind"]) == ("write `filters`", "quickfix")
    ((uri, (edit,)),) = action["edit"]["changes"].items()
    assert (uri, edit["newText"]) == (spec.as_uri(), "filters")
    assert tuple(edit["range"]["start"].values()) == place(text, "filtres")


def test_a_computed_repair_is_offered_too(editor: Client, spec: Path) -> None:
    step = "  - residual:\n      body:\n        - conv: {filters: 7, kernel: 3}\n  - concat"
    editor.change(spec, SPEC.replace("  - concat", step).replace("deep]", "residual]"), 2)
    actions = ask(editor, "codeAction", spec, range=WHOLE, context={"diagnostics": []})
    assert [a["edit"]["changes"][spec.as_uri()][0]["newText"] for a in actions] == ["16"]


def test_the_outline_has_blocks_and_steps(editor: Client, spec: Path) -> None:
    outline = [
        (symbol["name"], [inner["name"] for inner in symbol["children"]])
        for symbol in ask(editor, "documentSymbol", spec)
    ]
    steps = ["stem", "cell", "shared.deep", "concat", "global_avg_pool", "linear"]
    assert outline == [("cell", ["conv"]), ("network", steps)]


def test_formatting_gives_the_normal_form_or_nothing(editor: Client, spec: Path) -> None:
    options = {"tabSize": 2, "insertSpaces": True}
    editor.change(spec, SPEC.replace("{filters: 8, ", "{filters:   8, "), 2)
    (edit,) = ask(editor, "formatting", spec, options=options)
    assert "  - conv: {filters: 8, kernel: 3}\n" in edit["newText"]
    editor.change(spec, edit["newText"], 3)
    assert ask(editor, "formatting", spec, options=options) == []
    editor.change(spec, SPEC + "  - [", 4)
    assert ask(editor, "formatting", spec, options=options) == []


def test_a_library_counts_as_it_is_being_written(editor: Client, spec: Path, folder: Path) -> None:
    assert editor.findings(spec, 1) == []
    library = folder / "blocks" / "shared.yaml"
    editor.open(library, LIBRARY.replace("deep:", "deeper:"))
    (found,) = editor.findings(spec, 1)
    assert "did you mean `shared.deeper`?" in found["message"]
    editor.change(library, LIBRARY.replace("filters: depth", "filtres: depth"), 2)
    (found,) = editor.findings(spec, 1)
    assert tuple(found["range"]["start"].values()) == place(SPEC, "use:")
    assert found["relatedInformation"][0]["location"]["uri"] == library.as_uri()
    editor.tell("textDocument/didClose", {"textDocument": {"uri": library.as_uri()}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "- [",
        "a: &a [*a]",
        "\t",
        "network: 3\narchgen: 1\n",
        "archgen: 1\nname: x\r\nnetwork:\r\n- ",
        "x" * 5000,
    ],
)
def test_no_text_is_too_broken(editor: Client, folder: Path, text: str) -> None:
    path = folder / "broken.yaml"
    editor.open(path, text)
    editor.findings(path, 1)
    for method in ("hover", "definition", "completion"):
        assert "error" not in editor.ask(
            f"textDocument/{method}",
            {"textDocument": {"uri": path.as_uri()}, "position": {"line": 0, "character": 3}},
        )
    assert ask(editor, "documentSymbol", path) is not None
    assert ask(editor, "inlayHint", path, range=WHOLE) == []
    editor.tell("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})


def test_a_recipe_is_checked_and_completed(editor: Client, folder: Path) -> None:
    path = folder / "recipe.yaml"
    text = "archgen: 1\nrecipe:\n  optimizer: {name: adamw, lr: 0.1}\n  bach: 8\n  steps: 9\n  "
    editor.open(path, text)
    found = editor.findings(path, 1)
    assert any("unknown key `bach`" in one["message"] for one in found)
    labels = {item["label"] for item in editor.at("completion", path, 5, 2)["items"]}
    assert {"batch", "schedule", "ema"} <= labels
    assert "length of the run in steps" in editor.at("hover", path, 4, 3)["contents"]["value"]


def test_some_other_yaml_file_is_left_alone(editor: Client, folder: Path) -> None:
    path = folder / "compose.yaml"
    editor.open(path, "services: {web: {image: x}}\n")
    assert editor.findings(path, 1) == []
    assert ask(editor, "formatting", path, options={"tabSize": 2, "insertSpaces": True}) == []
