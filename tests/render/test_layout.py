"""Drawings with places: every box and every arrow has one, and arrows meet their boxes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archgen.render.engine import CannotDraw, laid_out_together
from archgen.render.layout import Layout, layouts
from archgen.render.styles import STYLES
from tests.render.drawings import block_of, evil_drawing, overview_of


@pytest.fixture(scope="module")
def laid() -> tuple[Layout, ...]:
    """An overview, a block with a residual, and one whose branches are of different heights."""
    blocks = (("inception_resnet_v1", "inception_resnet_a"), ("inception_v4", "inception_c"))
    drawings = [overview_of("inception_v4"), *(block_of(*block) for block in blocks)]
    return tuple(layouts(drawings, STYLES["paper"]))


def test_every_box_lies_on_the_paper_and_on_no_other(laid: tuple[Layout, ...]) -> None:
    for layout in laid:
        places = [layout.boxes[box.path] for box in layout.drawing.boxes]
        for place in places:
            assert place.left > -0.01
            assert place.left + place.width < layout.width + 0.01
        for number, one in enumerate(places):
            for other in places[number + 1 :]:
                apart_x = abs(one.centre.x - other.centre.x) - (one.width + other.width) / 2
                apart_y = abs(one.centre.y - other.centre.y) - (one.height + other.height) / 2
                assert max(apart_x, apart_y) > -0.01


def test_every_arrow_runs_from_its_tail_up_to_its_head(laid: tuple[Layout, ...]) -> None:
    for layout in laid:
        assert [line.arrow for line in layout.lines] == list(layout.drawing.arrows)
        for line in layout.lines:
            tail, head = layout.boxes[line.arrow.tail], layout.boxes[line.arrow.head]
            start, end = line.points[0], line.points[-1]
            assert abs(start.x - tail.centre.x) <= tail.width / 2
            assert abs(end.x - head.centre.x) <= head.width / 2
            assert abs(start.y - (tail.centre.y + tail.height / 2)) < 2
            assert abs(end.y - (head.centre.y - head.height / 2)) < 2


def test_a_line_past_taller_branches_goes_straight_up_first(laid: tuple[Layout, ...]) -> None:
    bent = [line for line in laid[2].lines if len(line.points) == 3]
    assert bent
    assert all(abs(line.points[0].x - line.points[1].x) < 0.01 for line in bent)


def test_sizes_stand_beside_the_trunk(laid: tuple[Layout, ...]) -> None:
    assert laid[0].beside["stem"].lines == ("Output: 35x35x384",)
    assert set(laid[2].beside) == {"in", "concat"}


def test_nothing_to_draw_needs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archgen.render.engine._command", lambda _: pytest.fail("it was started"))
    assert layouts([], STYLES["paper"]) == []


def test_a_layout_survives_hostile_text() -> None:
    (layout,) = layouts([evil_drawing()], STYLES["paper"])
    assert len(layout.boxes) == len(layout.drawing.boxes)


def test_an_engine_that_fails_is_told() -> None:
    with pytest.raises(CannotDraw, match="the layout engine failed"):
        laid_out_together(["digraph {"], "json")


@pytest.mark.parametrize(
    ("block", "middle"),
    [
        ("inception_a", "b3x3.conv"),
        ("inception_b", "b7x7.conv"),
        ("reduction_a", "b3x3.conv"),
        ("reduction_b", "b3x3.conv"),
    ],
)
def test_both_ends_of_a_block_stand_in_the_column_of_its_middle_branch(
    block: str, middle: str
) -> None:
    (layout,) = layouts([block_of("inception_v4", block)], STYLES["paper"])
    boxes = layout.drawing.boxes
    columns = [layout.boxes[path].centre.x for path in (boxes[0].path, middle, boxes[-1].path)]
    assert columns == pytest.approx([columns[0]] * 3, abs=0.5)


@pytest.mark.parametrize(
    ("spec", "block"),
    [("googlenet", "inception_3a"), ("inception_v3", "mixed_6b"), ("inception_v3", "mixed_7b")],
)
def test_no_line_runs_through_a_box(spec: str, block: str) -> None:
    (layout,) = layouts([block_of(spec, block)], STYLES["paper"])
    for line in layout.lines:
        ends = {line.arrow.tail, line.arrow.head}
        others = [place for path, place in layout.boxes.items() if path not in ends]
        for start, stop in pairwise(line.points):
            steps = [share / 200 for share in range(201)]
            points = [[a + s * (b - a) for a, b in zip(start, stop, strict=True)] for s in steps]
            for place in others:
                assert not any(
                    abs(x - place.centre.x) < place.width / 2 - 1
                    and abs(y - place.centre.y) < place.height / 2 - 1
                    for x, y in points
                )
