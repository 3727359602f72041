"""Numbers in pictures: each is the one that `summary` tells of the same part."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from archgen.cost import Cost
from archgen.ir.shaped import ShapedNetwork
from archgen.render.dot import dot_text
from archgen.render.drafting import Drafter, uses
from archgen.render.drawing import Box, Drawing, Kind
from archgen.render.explorer import explorer
from archgen.render.mermaid import mermaid_text
from archgen.render.model_explorer import model_explorer_document
from archgen.render.outline import Row, outline
from archgen.render.page import Look, explorer_page
from archgen.render.styles import STYLES
from archgen.render.wording import shape_words
from tests.compiling import NETWORKS, network_of, shipped
from tools.fuzzing import networks

GROW = """
    archgen: 1
    name: grow
    input: {channels: 8, grid: 8}
    blocks:
      d:
        body:
          - concat:
              x: []
              y: [{conv: {filters: 4, kernel: 1, padding: valid}}]
    network:
      - d
      - d: {}
        repeat: 9
"""
WIDER = """
    archgen: 1
    name: wider
    input: {channels: 4, grid: 64}
    defaults: {conv: {padding: same}}
    blocks:
      down: {params: {f: int}, body: [{conv: {filters: f, kernel: 3, stride: 2, padding: 1}}]}
      deep: {body: [{down: {f: 2 * in.channels}}, {conv: {filters: in.channels + 1, kernel: 1}}]}
    network:
      - conv: {filters: "here.channels + i", kernel: 3}
        repeat: 12
      - down: {f: 6 + i}
        repeat: 3
      - deep: {}
        repeat: 2
"""


def _rows(rows: tuple[Row, ...]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from _rows(row.children)


def _outlined(network: ShapedNetwork) -> dict[str, Row]:
    """The rows of a network by path; of a join and its last branch of one name the first."""
    whole = outline(network, 99)
    return {row.path: row for row in reversed([*_rows(whole.rows), *_rows(whole.heads)])}


def _params_of(box: Box) -> int:
    """The params that a box tells of, in all."""
    told = [re.match(r"([\d,]+) params", line) for line in box.details]
    numbers = [int(match[1].replace(",", "")) for match in told if match]
    return numbers[0] if numbers else 0


def _check(drawing: Drawing, rows: dict[str, Row], prefix: str = "") -> None:
    """Every box that is a row has its size and its cost."""
    for box in drawing.boxes:
        row = rows.get(f"{prefix}{box.path}")
        if row is not None and row.kind != "branch":
            assert (box.path, box.output) == (box.path, row.output)
            assert shape_words(row.output) in box.beside
            assert (box.path, _params_of(box)) == (box.path, row.cost and row.cost.params)


def _check_all(network: ShapedNetwork) -> None:
    rows, drafter = _outlined(network), Drafter(network)
    total = outline(network).params_training
    for depth in (1, 2, 3):
        drawing = drafter.overview(depth)
        _check(drawing, rows)
        assert sum(map(_params_of, drawing.boxes)) == total
        texts = mermaid_text(drawing, STYLES["paper"]), dot_text(drawing, STYLES["paper"])
        worded = [shape_words(box.output) for box in drawing.boxes if box.kind is not Kind.SUM]
        assert all(size in texts[0] for size in worded)
        assert depth > 1 or all(size in texts[1] for size in worded)
    for use in uses(network):
        drawing = drafter.block(use.block, use.path, use.start, times=use.times)
        _check(drawing, rows, f"{use.path}.")
        assert drawing.boxes[-1].output == use.block.output or use.block.block.outputs
    groups = model_explorer_document(network)["graphs"][0]["groupNodeAttributes"]
    for path, told in groups.items():
        row = rows.get(path.replace("/", "."))
        if row is not None and "output" in told:
            assert (path, told["output"]) == (path, str(row.output))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pictures_of_a_network_tell_what_summary_tells(name: str) -> None:
    _check_all(shipped(name).sound_network())


@pytest.mark.parametrize("yaml", [GROW, WIDER], ids=["grow", "wider"])
def test_a_repeat_whose_instances_differ_is_told_as_a_whole(yaml: str) -> None:
    _check_all(network_of(yaml))


def test_a_growing_repeat_has_the_width_that_comes_out() -> None:
    (*_, box) = Drafter(network_of(GROW)).overview().boxes
    assert box.lines == ("9 x D",)
    assert box.beside == "Output: 8x8x48"
    assert "1,044 params, 64,512 MACs" in box.details


def test_settings_in_which_instances_differ_are_told_as_the_first_and_the_last() -> None:
    first = Drafter(network_of(WIDER)).overview().boxes[1]
    assert first.lines == ("12 x 3x3 Conv", "(4 Linear) ... (70 Linear)")
    assert "filters: 4 ... 70" in first.details[1]


def test_of_many_opened_instances_the_first_and_the_last_are_drawn() -> None:
    drawing = Drafter(network_of(GROW)).overview(2)
    sizes = {box.path: box.beside for box in drawing.boxes}
    assert (sizes["d_2.0.concat"], sizes["d_2.1..7"]) == ("8x8x16", "8x8x44")
    assert sizes["d_2.8.concat"] == "8x8x48"
    assert [group.words for group in drawing.groups] == ["D", "D", "D"]


def test_the_page_tells_the_whole_of_a_repeat() -> None:
    page = explorer_page(explorer(network_of(GROW)), (), Look("paper"))
    assert "Output: 8x8x48" in page
    assert "1,044 params, 64,512 MACs" in page
    assert "8x8x16</span>" not in page


def test_the_pictures_of_random_networks_tell_what_summary_tells() -> None:
    for seed in range(60):
        _check_all(network_of(networks.text_of(seed)))


def test_costs_in_an_opened_repeat_are_told_of_one_and_of_all() -> None:
    drawing = Drafter(shipped("inception_v4").sound_network()).overview(2)
    box = next(box for box in drawing.boxes if box.path == "inception_a.b1x1.conv")
    one = Cost(384 * 96 + 2 * 96, 384 * 96 * 35 * 35)
    assert f"{4 * one.params:,} params, {4 * one.macs:,} MACs" in box.details
    assert f"4 times {one.params:,} params, {one.macs:,} MACs" in box.details


def test_an_arrow_from_an_instance_begins_at_its_own_box() -> None:
    text = (
        WIDER
        + """
    outputs:
      early: {from: down.0}
      late: {from: down}
    """
    )
    drawing = Drafter(network_of(text.rstrip() + "\n")).overview()
    ways = {(arrow.tail, arrow.head) for arrow in drawing.arrows}
    assert {("down.0", "outputs.early"), ("down.2", "outputs.late")} <= ways
    sizes = {box.path: box.output for box in drawing.boxes}
    assert sizes["outputs.early"] == sizes["down.0"] != sizes["down.2"]
