"""`archgen show --resolved`: every step with every setting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import BROKEN, Command

Writer = Callable[..., Path]


def test_a_line_a_step_with_defaults_filled_in(archgen: Command, spec: Writer) -> None:
    result = archgen("show", str(spec()), "--resolved")
    assert (result.status, result.err) == (0, "")
    lines = [line.split("  ") for line in result.out.splitlines()]
    steps = {words[0]: [word.strip() for word in words[1:] if word] for words in lines[2:]}
    assert list(steps) == [
        "conv",
        "cell.0..1",
        "cell.0..1.narrow.conv",
        "cell.0..1.wide.conv",
        "cell.0..1.concat",
        "global_avg_pool",
        "linear",
    ]
    assert steps["cell.0..1.wide.conv"] == [
        "8 x 8 x 8 -> 4 x 8 x 8",
        (
            "conv {filters: 4, kernel: 3, stride: 1, padding: same, dilation: 1, groups: 1, "
            "bias: true, norm: none, act: relu}"
        ),
    ]
    assert steps["cell.0..1"] == ["8 x 8 x 8 -> 8 x 8 x 8", "cell {width: 4}"]
    assert steps["linear"] == ["8 -> 10", "linear {features: 10, bias: true}"]


def test_json_holds_settings_as_data(archgen: Command) -> None:
    result = archgen("show", "inception_v4", "--resolved", "--format", "json")
    document = json.loads(result.out)
    steps = {step["path"]: step for step in document["steps"]}
    conv = steps["inception_b.0..6.b7x7.conv_2"]
    assert conv["settings"]["kernel"] == "1x7"
    assert conv["settings"]["norm"] == {"batch": {"eps": 0.001, "momentum": 0.1, "affine": True}}
    assert conv["times"] == 7
    assert conv["from"] == ["inception_b.0..6.b7x7.conv"]
    assert (conv["inputs"], conv["output"]) == ([[192, 17, 17]], [224, 17, 17])


def test_convolutions_of_all_lines_are_those_of_the_paper(archgen: Command) -> None:
    result = archgen("show", "inception_v4", "--resolved", "--format", "json")
    convs = [step for step in json.loads(result.out)["steps"] if step["op"] == "conv"]
    assert sum(step["times"] for step in convs) == 149


def test_outputs_stand_behind_the_network(archgen: Command) -> None:
    text = archgen("show", "inception_v3", "--resolved").out
    assert "output aux (from mixed_6e, in training only, loss weight 0.4): 1000" in text
    document = json.loads(archgen("show", "inception_v3", "--resolved", "--format", "json").out)
    assert document["outputs"][0]["steps"][0]["path"] == "aux.avg_pool"


def test_steps_left_out_are_said_to_be(archgen: Command, spec: Writer) -> None:
    text = (
        "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\n"
        "network:\n  - act: relu\n    when: in.channels > 3\n"
    )
    assert "act (left out)" in archgen("show", str(spec(text)), "--resolved").out


def test_what_is_broken_is_a_question_mark(archgen: Command, spec: Writer) -> None:
    result = archgen("show", str(spec(BROKEN)), "--resolved")
    assert result.status == 1
    assert "-> ?" in result.out
    assert "error[AG301]" in result.err


def test_it_must_be_said_what_to_show(archgen: Command, spec: Writer) -> None:
    assert archgen("show", str(spec())).status == 2


def test_why_says_line_by_line_who_set_a_value(archgen: Command) -> None:
    result = archgen("show", "bn_inception_released", "--why", "inception_4c.pool.conv.filters")
    assert (result.status, result.err) == (0, "")
    head, *rows = (line.split("  ") for line in result.out.splitlines())
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert head == ["inception_4c.pool.conv.filters = 128"]
    assert [row[:2] for row in cells] == [
        ["filters: pooled", "written on the step"],
        ["pooled: 128", "given at the use `inception_4c`, by an edit"],
        ["over 96", "in the base"],
    ]
    assert [row[2].rsplit("/", 1)[1].split(":")[0] for row in cells] == [
        "bn_inception.yaml",
        "bn_inception_released.yaml",
        "bn_inception.yaml",
    ]


def test_why_as_data_says_the_same(archgen: Command) -> None:
    path = "inception_a.2.pool.avg_pool.count_include_pad"
    result = archgen("show", "inception_v4", "--why", path, "--format", "json")
    (setting,) = json.loads(result.out)["settings"]
    assert (setting["path"], setting["value"]) == ("inception_a.0..3.pool.avg_pool", False)
    assert [(link["by"], link["text"], link["over"]) for link in setting["chain"]] == [
        ("defaults", "false", False),
        ("op", "false", True),
    ]
    assert setting["chain"][0]["at"]["line"] > 1
    assert setting["chain"][1]["at"] is None


def test_a_wrong_path_is_told_the_nearest(archgen: Command) -> None:
    result = archgen("show", "inception_v4", "--why", "reduction_a.b3x3.conv.filter")
    assert result.status == 2
    assert "did you mean `reduction_a.b3x3.conv.filters`?" in result.err
    assert archgen("show", "inception_v4").status == 2
    assert archgen("show", "inception_v4", "--resolved", "--why", "stem").status == 2


def test_why_of_a_broken_spec_tells_what_is_known(archgen: Command, spec: Writer) -> None:
    result = archgen("show", str(spec(BROKEN)), "--why", "conv")
    assert result.status == 1
    assert "conv.filters = " in result.out
