"""Blocks drawn opened: their boxes in the place of their own, in a frame that says what they are."""

from __future__ import annotations

import pytest

from archgen.render.dot import dot_text, frame_name
from archgen.render.drafting import Drafter
from archgen.render.drawing import Drawing
from archgen.render.layout import layouts
from archgen.render.mermaid import mermaid_text
from archgen.render.styles import STYLES
from archgen.render.tikz import tikz_text
from tests.compiling import NETWORKS, compiled, network_of, shipped
from tests.render.drawings import BROKEN


def _opened(name: str, depth: int) -> Drawing:
    return Drafter(shipped(name).sound_network()).overview(depth)


def test_a_frame_stands_around_the_boxes_of_a_repeat() -> None:
    drawing = _opened("inception_v4", 2)
    words = [group.words for group in drawing.groups]
    assert words == [
        *("Stem", "4 x Inception-A", "Reduction-A", "7 x Inception-B", "Reduction-B"),
        "3 x Inception-C",
    ]
    inside = set(drawing.groups[1].boxes)
    assert {"inception_a.pool.avg_pool", "inception_a.concat"} <= inside
    ways = {(arrow.tail, arrow.head) for arrow in drawing.arrows}
    assert ("stem.concat-3", "inception_a.b1x1.conv") in ways
    assert ("inception_a.concat", "reduction_a.b3x3.conv") in ways


def test_a_level_deeper_frames_stand_in_frames() -> None:
    two, three = (_opened("resnet_50", depth) for depth in (2, 3))
    assert all(not two.inside(group) for group in two.groups)
    (outer,) = [group for group in three.groups if group.path == "conv5_x"]
    assert [group.words for group in three.inside(outer)] == ["First", "2 x Rest"]
    assert [group.path for group in three.inside(None)] == [
        *("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x"),
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_arrow_still_runs_forwards_between_boxes(name: str) -> None:
    drawing = _opened(name, 9)
    order = {box.path: number for number, box in enumerate(drawing.boxes)}
    assert all(order[arrow.tail] < order[arrow.head] for arrow in drawing.arrows)
    assert set(order) - {arrow.head for arrow in drawing.arrows} == {"in"}
    assert all(box.block is None for box in drawing.boxes)


def test_the_inputs_and_outputs_of_an_opened_block_are_told_apart() -> None:
    network = network_of("""
        archgen: 1
        name: net
        input: {channels: 4, grid: 8}
        defaults: {conv: {padding: same}}
        blocks:
          swap:
            inputs: [left, right]
            outputs: {one: a, two: b}
            body:
              - conv: {filters: 2, kernel: 1}
                from: in.right
                id: a
              - conv: {filters: 3, kernel: 1}
                from: in.left
                id: b
        network:
          - conv: {filters: 4, kernel: 1}
            id: x
          - conv: {filters: 5, kernel: 1}
            id: y
          - swap: {}
            from: [x, y]
            id: swapped
          - conv: {filters: 6, kernel: 1}
            from: swapped.one
            id: last
        """)
    ways = {(arrow.tail, arrow.head) for arrow in Drafter(network).overview(2).arrows}
    assert {("y", "swapped.a"), ("x", "swapped.b"), ("swapped.a", "last")} <= ways
    assert ("swapped.b", "last") not in ways


def test_frames_are_in_every_language() -> None:
    drawing = _opened("resnet_50", 3)
    style = STYLES["paper"]
    (layout,) = layouts([drawing], style)
    for group in drawing.groups:
        frame = layout.frames[group.path]
        for path in group.boxes:
            box = layout.boxes[path]
            assert frame.left < box.left
            assert frame.width > box.width
        assert f'subgraph "{frame_name(group)}"' in dot_text(drawing, style)
    assert mermaid_text(drawing, style).count("  subgraph f") == len(drawing.groups)
    assert tikz_text(layout, style).count("\\draw[archgen frame]") == len(drawing.groups)


def test_what_is_wrong_inside_is_red_inside() -> None:
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    drawing = Drafter(compilation.network, compilation.diagnostics).overview(2)
    (box,) = [box for box in drawing.boxes if box.faults]
    assert box.path == "cell.concat"
    assert drawing.groups[0].faults == ()


def test_what_is_wrong_with_a_block_itself_is_told_by_its_frame() -> None:
    compilation = compiled(
        BROKEN.replace(", padding: valid", "").replace(
            "network:", "    expect: {channels: 9}\nnetwork:"
        )
    )
    assert compilation.network is not None
    drawing = Drafter(compilation.network, compilation.diagnostics).overview(2)
    assert drawing.is_broken
    (group,) = drawing.groups
    assert group.faults[0].startswith("AG501: ")
    assert "AG501" in dot_text(drawing, STYLES["paper"])
