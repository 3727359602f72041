"""Drawings worded and wired as the paper's figures are, and their text for Graphviz."""

from __future__ import annotations

import re

import pytest

from archgen.render.dot import dot_text
from archgen.render.drafting import Drafter, uses
from archgen.render.drawing import Drawing, Kind
from archgen.render.mermaid import mermaid_text
from archgen.render.styles import STYLES
from tests.compiling import NETWORKS, compiled, network_of, shipped

BROKEN = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
defaults: {conv: {padding: same}}
network:
  - concat:
      a: [{conv: {filters: 1, kernel: 3}}]
      b: [{conv: {filters: 2, kernel: 3}}]
      c: [{conv: {filters: 3, kernel: 3, padding: valid}}]
    id: merge
  - conv: {filters: 9, kernel: 9, padding: valid}
"""


def _overview(name: str) -> Drawing:
    return Drafter(shipped(name).sound_network()).overview()


def _block(name: str, block: str) -> Drawing:
    network = shipped(name).sound_network()
    use = next(use for use in uses(network) if use.path == block)
    return Drafter(network).block(use.block, use.path, use.start)


def _words(drawing: Drawing) -> list[str]:
    return [" ".join(box.lines) for box in drawing.boxes]


def test_the_overview_is_that_of_figure_9() -> None:
    drawing = _overview("inception_v4")
    assert [(" ".join(box.lines), box.beside) for box in drawing.boxes] == [
        ("Input (299x299x3)", "299x299x3"),
        ("Stem", "Output: 35x35x384"),
        ("4 x Inception-A", "Output: 35x35x384"),
        ("Reduction-A", "Output: 17x17x1024"),
        ("7 x Inception-B", "Output: 17x17x1024"),
        ("Reduction-B", "Output: 8x8x1536"),
        ("3 x Inception-C", "Output: 8x8x1536"),
        ("Average Pooling", "Output: 1536"),
        ("Dropout (keep 0.8)", "Output: 1536"),
        ("Linear (1000)", "Output: 1000"),
    ]


def test_reduction_a_is_figure_7_with_its_numbers() -> None:
    assert _words(_block("inception_v4", "reduction_a")) == [
        "Filter concat",
        "3x3 MaxPool (stride 2 V)",
        "3x3 Conv (384 stride 2 V)",
        "1x1 Conv (192)",
        "3x3 Conv (224)",
        "3x3 Conv (256 stride 2 V)",
        "Filter concat",
    ]


def test_inception_c_draws_inner_concats_as_part_of_the_outer_one() -> None:
    drawing = _block("inception_v4", "inception_c")
    into_last = [arrow for arrow in drawing.arrows if arrow.head == drawing.boxes[-1].path]
    assert _words(drawing).count("Filter concat") == 2
    assert len(into_last) == 6


def test_a_residual_block_is_figure_10_with_the_scale_of_figure_20() -> None:
    drawing = _block("inception_resnet_v1", "inception_resnet_a")
    words = _words(drawing)
    assert words[0] == words[-1] == "Relu activation"
    assert "Filter concat" not in words
    assert {"1x1 Conv (256 Linear)", "Activation Scaling (0.17)", "+"} <= set(words)
    (shortcut,) = [arrow for arrow in drawing.arrows if arrow.is_shortcut]
    assert shortcut.tail == "in"


def test_the_stem_is_figure_3() -> None:
    drawing = _block("inception_v4", "stem")
    assert _words(drawing)[:3] == [
        "Input (299x299x3)",
        "3x3 Conv (32 stride 2 V)",
        "3x3 Conv (32 V)",
    ]
    concats = [box.beside for box in drawing.boxes if box.kind is Kind.CONCAT]
    assert concats == ["73x73x160", "71x71x192", "35x35x384"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_arrow_runs_forwards_between_boxes_and_nothing_is_red(name: str) -> None:
    network = shipped(name).sound_network()
    drafter = Drafter(network)
    blocks = [drafter.block(use.block, use.path, use.start) for use in uses(network)]
    for drawing in (drafter.overview(), *blocks):
        order = {box.path: number for number, box in enumerate(drawing.boxes)}
        assert drawing.arrows
        assert all(order[arrow.tail] < order[arrow.head] for arrow in drawing.arrows)
        assert not drawing.is_broken
        reached = {arrow.head for arrow in drawing.arrows}
        assert {path.partition(".")[0] for path in set(order) - reached} == {"in"}


def test_the_text_is_the_same_every_time() -> None:
    first, second = (dot_text(_overview("inception_v4"), STYLES["paper"]) for _ in range(2))
    assert first == second
    assert first.startswith("digraph inception_v4 {")


def test_what_is_broken_is_red_with_the_finding_beside_it() -> None:
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    drawing = Drafter(compilation.network, compilation.diagnostics).overview()
    (misfit,) = [
        arrow for arrow in drawing.arrows if arrow.is_broken and arrow.head == "merge.concat"
    ]
    assert misfit.tail.startswith("merge.c")
    (merge,) = [box for box in drawing.boxes if box.path == "merge.concat"]
    assert merge.faults[0].startswith("AG301: ")
    assert drawing.boxes[-1].beside == "Output: ?"
    assert "AG301: branches" in dot_text(drawing, STYLES["paper"])


def test_text_cannot_command_graphviz() -> None:
    network = network_of(
        BROKEN.replace(", padding: valid", "", 1).replace("kernel: 9", "kernel: 3")
    )
    drawing = Drafter(network).overview()
    evil = '<b>\\N" ]; \u202e&lt;'
    box = drawing.boxes[0]._replace(lines=(evil,), faults=(evil,), details=(evil,))
    text = dot_text(drawing._replace(boxes=(box, *drawing.boxes[1:])), STYLES["dark"])
    assert "\u202e" not in text
    assert "&lt;b&gt;" in text
    assert not re.search(r"(?<!\\)\\N", text)


def test_mermaid_has_every_box_and_arrow_and_only_plain_text() -> None:
    drawing = _block("inception_v4", "reduction_a")
    text = mermaid_text(drawing, STYLES["paper"])
    assert text.startswith("flowchart BT\n  n0[")
    assert '["3x3 Conv<br/>(384 stride 2 V)<br/>17x17x384"]:::conv' in text
    assert text.count(" --> ") == len(drawing.arrows)
    evil = drawing.boxes[0]._replace(lines=('"]:::x; click <script>\u202e',))
    hostile = mermaid_text(drawing._replace(boxes=(evil, *drawing.boxes[1:])), STYLES["paper"])
    assert "<script>" not in hostile
    assert "\u202e" not in hostile
    assert '"]:::x' not in hostile


def test_mermaid_shows_what_is_broken_in_red() -> None:
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    drawing = Drafter(compilation.network, compilation.diagnostics).overview()
    text = mermaid_text(drawing, STYLES["color"])
    assert "AG301: branches of a concat end on different grids" in text
    assert text.count(":::broken") == 2
    assert text.count("stroke:#C62828,stroke-width:2px") == 2


NESTED = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
network:
  - residual:
      body:
        - residual:
            body:
              - act: relu
        - act: silu
"""


def test_a_residual_in_the_body_of_another_has_a_sum_of_its_own() -> None:
    drawing = Drafter(network_of(NESTED)).overview()
    arrows = [(arrow.tail, arrow.head) for arrow in drawing.arrows]
    assert arrows == [
        ("in", "act"),
        ("in", "residual.sum"),
        ("act", "residual.sum"),
        ("residual.sum", "act_2"),
        ("in", "residual-2.sum"),
        ("act_2", "residual-2.sum"),
    ]
    assert '"residual-2.sum"' in dot_text(drawing, STYLES["paper"])


def test_a_branch_that_is_called_body_is_a_branch_as_any_other() -> None:
    text = NESTED.partition("network:\n")[0] + (
        "network:\n  - concat:\n      body: [{act: relu}]\n      side: []\n  - act: silu\n"
    )
    drawing = Drafter(network_of(text)).overview()
    assert [box.path for box in drawing.boxes] == ["in", "body.act", "concat", "act"]


def test_joins_of_one_name_are_boxes_of_their_own() -> None:
    text = NESTED.partition("network:\n")[0] + (
        "network:\n  - residual: {body: [{multiply: {}, from: [in, in]}]}\n"
        "  - multiply: {a: [{act: relu}], b: []}\n"
    )
    drawing = Drafter(network_of(text)).overview()
    assert [box.path for box in drawing.boxes] == [
        "in",
        "multiply",
        "residual.sum",
        "a.act",
        "multiply-2",
    ]


SAME_NAMES = """
    archgen: 1
    name: net
    input: {channels: 3, grid: 8}
    network:
      - concat: {a: [], b: [act: relu]}
      - concat: {a: [], b: [act: relu]}
      - conv: {filters: 3, kernel: 1, padding: valid}
        id: same
      - conv: {filters: 4, kernel: 1, padding: valid}
        id: same
"""


@pytest.mark.parametrize("depth", [1, 3])
def test_steps_of_one_name_are_boxes_of_their_own_with_the_finding(depth: int) -> None:
    compilation = compiled(SAME_NAMES)
    assert compilation.network is not None
    drawing = Drafter(compilation.network, compilation.diagnostics).overview(depth)
    assert [box.path for box in drawing.boxes] == [
        *("in", "b.act", "concat", "b.act-2", "concat-2", "same", "same-2"),
    ]
    order = {box.path: number for number, box in enumerate(drawing.boxes)}
    assert all(order[arrow.tail] < order[arrow.head] for arrow in drawing.arrows)
    faults = {box.path: box.faults for box in drawing.boxes if box.faults}
    assert list(faults) == ["concat-2", "same-2"]
    assert "AG109" in dot_text(drawing, STYLES["paper"])
