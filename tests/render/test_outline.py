"""Rows of a network: what is a level and what is not, and what a row says of broken parts."""

from __future__ import annotations

from archgen.render.outline import Row, outline
from tests.compiling import compiled, network_of

NETWORK = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
defaults: {conv: {padding: same}}
blocks:
  cell:
    params: {width: int}
    body:
      - residual:
          body:
            - concat:
                a: [{conv: {filters: width, kernel: 1}}]
                keep: []
            - conv: {filters: in.channels, kernel: 1}
network:
  - cell: {width: 3}
    repeat: 5
  - conv: {filters: 4 + i, kernel: 1}
    id: growing
    repeat: 2
  - concat:
      left: [{conv: {filters: 1, kernel: 1}}]
      right: [{conv: {filters: 2, kernel: 1}}]
    id: merge
  - act: relu
    when: in.channels > 9
"""


def _paths(rows: tuple[Row, ...]) -> list[str]:
    return [path for row in rows for path in (row.path, *_paths(row.children))]


def test_repeats_are_one_row_and_steps_left_out_are_none() -> None:
    rows = outline(network_of(NETWORK)).rows
    assert [(row.path, row.kind, row.repeat) for row in rows] == [
        ("cell", "cell", 5),
        ("growing", "conv", 2),
        ("merge", "concat", 1),
    ]


def test_a_join_without_a_name_and_a_body_are_no_levels() -> None:
    assert _paths(outline(network_of(NETWORK), depth=3).rows) == [
        "cell",
        "cell.0..4.a",
        "cell.0..4.a.conv",
        "cell.0..4.concat",
        "cell.0..4.conv",
        "cell.0..4.residual",
        "growing",
        "growing.0",
        "growing.1",
        "merge",
        "merge.left",
        "merge.left.conv",
        "merge.right",
        "merge.right.conv",
        "merge.concat",
    ]


def test_rows_inside_a_repeat_count_every_instance() -> None:
    cell = outline(network_of(NETWORK), depth=2).rows[0]
    assert cell.cost is not None
    assert cell.cost.params == 5 * ((4 * 3 + 3) + (7 * 4 + 4))
    inner = [row.cost.params for row in cell.children if row.cost]
    assert inner == [5 * 15, 0, 5 * 32, 0]


def test_an_error_marks_the_rows_it_lies_in_and_no_others() -> None:
    broken = compiled(NETWORK.replace("filters: 2, kernel: 1", "filters: 2, kernel: 2"))
    assert broken.network is not None
    rows = outline(broken.network, 2, broken.diagnostics)
    assert rows.cost is None
    assert rows.codes == ("AG113",)
    marked = [row.path for part in rows.rows for row in (part, *part.children) if row.codes]
    assert marked == ["merge", "merge.right", "merge.concat"]
    left = next(row for row in rows.rows[2].children if row.name == "left")
    assert left.cost is not None
