"""`archgen summary`: numbers that add up, and what is known of a broken spec."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import BROKEN, Command
from tests.compiling import SPECS

Writer = Callable[..., Path]

TINY_TABLE = """\
tiny: 3 x 8 x 8 -> 10

block            output     params      %    MACs      %  activations
conv             8 x 8 x 8      32    4.1   1,536    3.6          512
2 x cell         8 x 8 x 8     656   84.3  40,960   96.2        2,048
global_avg_pool  8               0    0.0       0    0.0            8
linear           10             90   11.6      80    0.2           10
total                          778  100.0  42,576  100.0        2,578

params: 778, 0.0 MB as fp32
MACs: 42,576 in convolutions and linear layers; 1 MAC = 2 FLOPs
input sizes: 1 and up
"""


def test_the_table_folds_repeats_and_adds_up(archgen: Command, spec: Writer) -> None:
    assert archgen("summary", str(spec())) == (0, TINY_TABLE, "")


def test_json_holds_the_numbers_of_the_paper(archgen: Command) -> None:
    document = json.loads(archgen("summary", "inception_v4", "--format", "json").out)
    assert document["schema"] == 1
    assert document["name"] == "inception_v4"
    assert document["params"] == document["params_training"] == 42_679_816
    assert document["macs"] == 12_253_974_624
    assert document["flops"] == 2 * document["macs"]
    assert document["input_sizes"]["grid"]["text"] == "75 and up"
    assert [block["name"] for block in document["blocks"]][:3] == [
        "stem",
        "inception_a",
        "reduction_a",
    ]
    assert document["blocks"][1]["repeat"] == 4
    assert document["blocks"][1]["output"] == [384, 35, 35]


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2", "resnet_152"])
def test_rows_add_up_to_the_row_above_them(archgen: Command, name: str, depth: int) -> None:
    arguments = ("summary", name, "--depth", str(depth), "--format", "json")
    document = json.loads(archgen(*arguments).out)
    for key in ("params", "macs", "activations"):
        _assert_adds_up({**document, "children": document["blocks"]}, key)


def _assert_adds_up(row: dict[str, object], key: str) -> None:
    children = row["children"]
    assert isinstance(children, list)
    if children:
        assert sum(child[key] for child in children) == row[key], row.get("path")
    for child in children:
        _assert_adds_up(child, key)


def test_heads_that_only_training_has_stand_apart(archgen: Command) -> None:
    document = json.loads(archgen("summary", "inception_v3", "--format", "json").out)
    assert document["params"] == 23_834_568
    assert document["params_training"] == 27_161_264
    (head,) = document["outputs"]
    assert head["training_only"]
    assert head["params"] == document["params_training"] - document["params"]
    table = archgen("summary", "inception_v3").out
    assert "aux (in training)" in table
    assert "27,161,264 in training, with aux" in table
    assert "input sizes: 75 and up; in training 299 to 346" in table


def test_depth_shows_what_is_inside(archgen: Command, spec: Writer) -> None:
    path = str(spec())
    assert "narrow" not in archgen("summary", path).out
    assert "\n  narrow " in archgen("summary", path, "--depth", "2").out
    assert "\n    conv " in archgen("summary", path, "--depth", "3").out


def test_another_input_changes_macs_and_no_params(archgen: Command) -> None:
    arguments = ("summary", "inception_v4", "--input", "3x512x384", "--format", "json")
    document = json.loads(archgen(*arguments).out)
    assert document["input"] == [3, 512, 384]
    assert document["params"] == 42_679_816
    assert document["macs"] > 12_253_974_624
    assert set(document["input_sizes"]) == {"height", "width"}


def test_an_input_too_small_is_told_the_smallest(archgen: Command) -> None:
    result = archgen("summary", "inception_v4", "--input", "3x74x74")
    assert result.status == 1
    assert "smallest input: 75x75" in result.out
    assert archgen("summary", "inception_v4", "--input", "3x75x75").status == 0


@pytest.mark.parametrize(
    "text", ["299", "3x299", "3x0x5", "3x299x299x1", "axbxc", "3x²x3", "-3x2x2"]
)
def test_an_input_that_is_none_is_refused(archgen: Command, text: str) -> None:
    result = archgen("summary", "inception_v4", "--input", text)
    assert result.status == 2
    assert "--input" in result.err


def test_broken_parts_are_marked_and_the_rest_is_known(archgen: Command, spec: Writer) -> None:
    result = archgen("summary", str(spec(BROKEN)), "--depth", "2")
    assert result.status == 1
    cell = next(line for line in result.out.splitlines() if line.startswith("2 x cell"))
    assert cell.split()[-1] == "AG301"
    assert "?" in cell
    narrow = next(line for line in result.out.splitlines() if line.startswith("  narrow"))
    assert "4 x 8 x 8" in narrow
    assert "tiny.yaml:15:11: error[AG301]" in result.err


def test_a_broken_summary_is_json_with_nulls(archgen: Command, spec: Writer) -> None:
    unknown = "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\nnetwork: [nothing]\n"
    result = archgen("summary", str(spec(unknown)), "--format", "json")
    document = json.loads(result.out)
    assert result.status == 1
    assert document["params"] is None
    assert document["codes"] == ["AG103"]
    assert document["blocks"][0]["output"] is None


def test_a_file_of_blocks_has_no_summary(archgen: Command) -> None:
    result = archgen("summary", str(SPECS / "blocks" / "stems.yaml"))
    assert (result.status, result.out) == (1, "")
    assert "this is a library of blocks" in result.err
