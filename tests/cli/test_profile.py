from __future__ import annotations

import json
from pathlib import Path

import pytest

from archgen.cli import main

SPEC = """\
archgen: 1
name: small
input: {channels: 3, height: 16, width: 16}
defaults: {conv: {padding: same}}
blocks:
  pair:
    body:
      - residual:
          scale: 0.2
          body:
            - conv: {filters: 4, kernel: 1}
            - conv: {filters: in.channels, kernel: 3}
network:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
  - pair: {}
    repeat: 3
  - global_avg_pool
  - linear: {features: 10}
outputs:
  aux:
    from: pair
    training_only: true
    loss_weight: 0.4
    body:
      - global_avg_pool
      - linear: {features: 10}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return str(path)


def test_every_block_has_a_row_repeats_together(
    spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", spec, "--batch", "4", "--steps", "1", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "small: a step of 4 images, mean of 1"
    assert [line.split("  ")[0] for line in lines[3:11]] == [
        *("conv", "3 x pair", "global_avg_pool", "linear", "aux"),
        *("loss, and what is no module", "optimizer", "total"),
    ]
    assert "the shares hold better than the milliseconds" in told.out
    assert "most bytes of tensors at a time" in told.out
    assert told.err.startswith("measuring on ")


def test_programs_get_seconds_and_bytes(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--batch", "4", "--steps", "2", "--depth", "2", "--format", "json"]
    assert main(["profile", spec, *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    blocks = {block["path"]: block for block in document["blocks"]}
    assert list(blocks) == ["conv", "pair", "global_avg_pool", "linear", "aux"]
    children = {child["path"]: child for child in blocks["pair"]["children"]}
    assert set(children) >= {"pair.0..2.conv", "pair.0..2.conv_2"}
    inside = sum(child["forward_seconds"] or 0 for child in children.values())
    assert 0 < inside <= blocks["pair"]["forward_seconds"]
    assert blocks["global_avg_pool"]["forward_seconds"] is None
    assert document["total"]["kept_bytes"] <= document["peak_bytes"]
    assert document["optimizer_seconds"] > 0


def test_the_recipe_says_how_a_step_is_made(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--recipe", "recipes/inception_rmsprop", "--steps", "1", "--format", "json"]
    assert main(["profile", spec, *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["batch"], document["steps"]) == (8, 1)
    (aux,) = [block for block in document["blocks"] if block["path"] == "aux"]
    assert aux["backward_seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{spec}", "--device", "gpu"], "`gpu` is no device"),
        (["{spec}", "--batch", "1"], "Invalid value for '--batch'"),
        (["{spec}", "--recipe", "none.yaml"], "none.yaml"),
        (["no_such_spec"], "no_such_spec"),
    ],
)
def test_what_cannot_be_measured_is_said_in_words(
    spec: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", *(word.replace("{spec}", spec) for word in arguments)]) in (1, 2)
    told = capsys.readouterr()
    assert words in told.err
    assert "Traceback" not in told.err
    assert not told.out
