"""The JSON Schema: sound files pass, slips of form have one message, and it covers what a model reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from archgen.cli.explain import EXPLANATIONS
from archgen.cli.locate import kind_of_text
from archgen.diagnostics import Findings
from archgen.pipeline import check
from archgen.schema import DESCRIPTIONS, file_schema, general_schema, schema_text
from archgen.spec.document import parse, plain
from archgen.spec.files import SpecText, read_spec
from archgen.spec.loader import load
from archgen.spec.mappings import SpecModel
from archgen.weights.maps import KEYS
from tools.fuzzing.promises import ROOT, SPECS

GENERAL = Draft7Validator(general_schema())
# slips of form that any schema shows, and those that take the blocks and defaults of the file
FORM = ("AG007", "AG102", "AG105", "AG107", "AG108", "AG110", "AG111", "AG116", "AG205")
FORM_OF_THE_FILE = ("AG101", "AG103", "AG105", "AG106", "AG114", "AG206", "AG406")
SOUND = sorted([*SPECS.rglob("*.yaml"), *EXPLANATIONS.glob("*/passes.yaml")])

SPEC = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 8}
use: {shared: shared.yaml}
defaults:
  conv: {padding: same}
blocks:
  cell:
    params: {width: int, act: [relu, silu]}
    variants: {small: {width: 4, act: relu}}
    body:
      - conv: {filters: width, kernel: 3, act: act}
network:
  - conv: {filters: 8, kernel: 3}
  - cell: {width: 4, act: relu}
  - shared.deep: {depth: 2}
    expect: {grid: 8}
  - residual:
      body: [{conv: {filters: in.channels, kernel: 3}}]
"""
LIBRARY = """\
archgen: 1
blocks:
  deep:
    params: {depth: {type: int, doc: how deep}}
    body: [act: relu]
"""


def messages(validator: Draft7Validator, text: str) -> list[str]:
    node = parse(text, "", Findings())
    assert node is not None
    return [error.message for error in validator.iter_errors(plain(node))]


def of_file(path: Path) -> Draft7Validator:
    """The validator of a spec's own schema."""
    file = load(read_spec(path), Findings())
    assert file is not None
    return Draft7Validator(file_schema(file))


@pytest.fixture
def own(tmp_path: Path) -> Draft7Validator:
    """The schema of SPEC, whose library lies beside it."""
    (tmp_path / "shared.yaml").write_text(LIBRARY)
    (tmp_path / "spec.yaml").write_text(SPEC)
    return of_file(tmp_path / "spec.yaml")


def test_the_schema_is_one_and_is_shipped_as_it_is_made() -> None:
    Draft7Validator.check_schema(GENERAL.schema)
    assert (ROOT / "archgen" / "spec.schema.json").read_text() == schema_text(general_schema())


@pytest.mark.parametrize("path", SOUND, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sound_file_passes(path: Path) -> None:
    text = path.read_text()
    assert messages(GENERAL, text) == []
    if kind_of_text(text) not in ("recipe", "preparation", "weights"):
        assert messages(of_file(path), text) == []


@pytest.mark.parametrize("code", FORM)
def test_a_slip_of_form_has_one_message(code: str) -> None:
    assert len(messages(GENERAL, (EXPLANATIONS / code / "fails.yaml").read_text())) == 1


@pytest.mark.parametrize("code", FORM_OF_THE_FILE)
def test_a_slip_of_form_has_one_message_in_the_schema_of_its_file(code: str) -> None:
    path = EXPLANATIONS / code / "fails.yaml"
    assert len(messages(of_file(path), path.read_text())) == 1


TYPOS = {
    "filters: 8": "filtres: 8",
    "network:": "netwrok:",
    "grid: 8}\nuse": "gird: 8}\nuse",
    "- cell: {": "- cel: {",
    "width: 4, act: relu}\n  - shared": "witdh: 4, act: relu}\n  - shared",
    "act: relu}\n  - shared": "act: rleu}\n  - shared",
    "shared.deep": "shared.dep",
    "depth: 2": "dept: 2",
    "expect: {grid": "expct: {grid",
    "body: [{conv: {filters: in": "bdy: [{conv: {filters: in",
    "[{conv: {filters: in.channels, kernel": "[{conv: {filters: in.channels, kernle",
    "params: {width": "parms: {width",
    "width: int": "width: itn",
    "padding: same": "padding: [same]",
}


@pytest.mark.parametrize(("right", "wrong"), TYPOS.items())
def test_a_typo_has_exactly_one_message(own: Draft7Validator, right: str, wrong: str) -> None:
    assert right in SPEC
    found = messages(own, SPEC.replace(right, wrong))
    assert len(found) == 1, found


def test_what_is_missing_is_told_where_no_key_is_unknown(own: Draft7Validator) -> None:
    assert messages(own, SPEC.replace("{width: 4, act: relu}\n", "{act: relu}\n")) == [
        "'width' is a required property"
    ]
    assert messages(own, SPEC.replace("filters: 8, ", "")) == ["'filters' is a required property"]
    assert (
        messages(own, SPEC.replace("cell: {width: 4, act: relu}", "cell: {variant: small}")) == []
    )


def test_a_recipe_is_told_its_slips() -> None:
    recipe = (SPECS / "recipes" / "inception_rmsprop.yaml").read_text()
    for right, wrong in (
        ("momentum: 0.9 ", "momentun: 0.9 "),
        ("name: rmsprop_tf", "name: rmsprop_ft"),
        ("\n  batch: 640", "\n  batch: 0"),
        ("lr_for_batch: 640", "lr_for_batch: 0"),
        ("name: staircase", "nmae: staircase"),
    ):
        assert right in recipe
        assert len(messages(GENERAL, recipe.replace(right, wrong))) == 1, wrong


def test_a_weight_map_is_told_its_slips() -> None:
    map_text = (SPECS / "weights" / "inception_v4_tf_timm.yaml").read_text()
    for right, wrong in (
        ("  network:", "  netwrok:"),
        ("  layers:", "  layesr:"),
        ("  layers:", "  without: [gama]\n  layers:"),
        ("  layers:", "  names: tf_slm\n  layers:"),
    ):
        assert right in map_text
        assert len(messages(GENERAL, map_text.replace(right, wrong))) == 1, wrong


def test_every_key_of_a_weight_map_is_described() -> None:
    schema: Any = GENERAL.schema
    properties = schema["definitions"]["weights"]["properties"]
    assert set(properties) == set(KEYS)
    assert all(key["description"] for key in properties.values())


@pytest.mark.parametrize("model", DESCRIPTIONS, ids=lambda model: model.__name__)
def test_every_key_of_a_model_is_described(model: type[SpecModel]) -> None:
    assert set(DESCRIPTIONS[model]) == set(model.keys())
    assert all(words for _, words in DESCRIPTIONS[model].values())


NUMBERS = """\
archgen: 1
name: numbers
source: {figure: 1, page: 3}
input: {channels: 3, grid: [32, 32], sizes: {min: 8, max: 64, multiple_of: 8}}
params: {k: {type: int, min: 1, max: 9, default: 4}}
defaults: {conv: {stride: 1, norm: {batch: {eps: 0.001, momentum: 0.1}}}}
network:
  - conv: {filters: 8, kernel: 3, padding: [1, 1, 1, 1], groups: 1, act: {leaky_relu: {slope: 0.2}}}
    repeat: 2
    expect: {grid: 32, channels: 8, params: {min: 1, max: 100000}}
  - max_pool: {kernel: 2, stride: 2, padding: 0}
  - dropout: {rate: 0.5}
  - lrn: {size: 5, alpha: 0.1, beta: 0.75, k: 1.0}
  - upsample: {factor: 2}
  - split: {a: 1, b: 2}
  - concat: {a: [], b: []}
outputs:
  o: {from: conv, loss_weight: 0.4}
alternatives:
  x: {why: y, set: {k: 5}}
expect: {params: {max: 100000}}
"""
_NUMBER = re.compile(r"(?<=[ \[])[0-9.]+(?=[,}\]\n])")


@pytest.mark.parametrize("written", ['"{}"', "[{}]", "-{}", "{} * 1", "{}.5", "~", "{{a: {}}}"])
def test_what_the_checker_takes_for_a_number_the_schema_takes(written: str) -> None:
    assert not messages(GENERAL, NUMBERS)
    places = [match for match in _NUMBER.finditer(NUMBERS) if match.start() > len("archgen: 1")]
    assert len(places) > 30
    for place in places:
        value = written.format(place[0])
        text = f"{NUMBERS[: place.start()]}{value}{NUMBERS[place.end() :]}"
        found = check(SpecText("numbers.yaml", text)).diagnostics
        if not any(finding.severity == "error" for finding in found):
            assert not messages(GENERAL, text), (value, place.start())


@pytest.mark.parametrize("grid", ["32x32", '"32x32"'])
def test_the_schema_knows_that_the_grid_of_an_input_is_no_window(grid: str) -> None:
    assert messages(GENERAL, NUMBERS.replace("grid: [32, 32]", f"grid: {grid}"))


def test_the_schema_of_a_file_is_one(own: Draft7Validator) -> None:
    Draft7Validator.check_schema(own.schema)


def test_hovers_have_the_words_of_the_op_table_and_of_the_file(own: Draft7Validator) -> None:
    schema: Any = own.schema
    keys = schema["definitions"]["step"]["else"]["properties"]
    assert keys["conv"]["description"].startswith("A convolution;")
    assert "- `kernel`: `3`, or height by width" in keys["conv"]["markdownDescription"]
    assert "- `depth` (int): how deep" in keys["shared.deep"]["description"]
    assert "variants: small" in keys["cell"]["description"]


def test_a_block_that_cannot_be_read_takes_anything() -> None:
    broken = SPEC.replace("use: {shared: shared.yaml}\n", "").replace(
        "body:\n      - conv", "steps:\n      - conv"
    )
    file = load(SpecText("spec.yaml", broken), Findings())
    assert file is not None
    keys = file_schema(file)["definitions"]["block.cell"]
    assert keys == {"type": ["object", "null"]}
