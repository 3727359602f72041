"""Formulas of one use of a block hold in every other: one class serves all, and it is the right one."""

from __future__ import annotations

from itertools import permutations
from textwrap import dedent, indent

import pytest
import torch
from torch import nn

from archgen.cost import Costs
from archgen.emit.module import build_class
from tests.compiling import compiled, source_of

STEPS = {
    "the same channels": """
        - conv: {filters: 8, kernel: 1, padding: same}
          repeat: n
    """,
    "channels that grow": """
        - conv: {filters: here.channels + 2, kernel: 1, padding: same}
          repeat: n
    """,
    "channels that double": """
        - conv: {filters: 2 * here.channels, kernel: 1, padding: same}
          repeat: n
    """,
    "channels that stay": """
        - conv: {filters: here.channels, kernel: 1, padding: same}
          repeat: n
    """,
    "channels of the index": """
        - conv: {filters: 3 + i, kernel: 1, padding: same}
          repeat: n
    """,
    "another first one": """
        - conv: {filters: 8 if i == 0 else 6, kernel: 1, padding: same}
          repeat: n
    """,
    "channels that alternate": """
        - conv: {filters: 4 + i % 2, kernel: 1, padding: same}
          repeat: n
    """,
    "a step that may be missing": """
        - conv: {filters: 5 * n, kernel: 1, padding: same}
          when: n > 0
    """,
    "a step that is guarded twice": """
        - conv: {filters: 12 // n, kernel: 1, padding: same}
          when: n > 0 and 12 // n > 4
    """,
    "a choice that guards a division": """
        - conv: {filters: 12 // n if n > 0 else 5, kernel: 1, padding: same}
    """,
    "a repeat that may be missing": """
        - conv: {filters: 5, kernel: 1, padding: same}
          repeat: n
          when: n > 1
    """,
    "a residual whose shortcut may be missing": """
        - residual:
            shortcut:
              - conv: {filters: 2 * n + 2, kernel: 1, padding: same}
                when: in.channels != 2 * n + 2
            body:
              - conv: {filters: 2 * n + 2, kernel: 3, padding: same}
    """,
}


def network(steps: str, uses: tuple[int, ...]) -> str:
    """A network that uses a block of these steps, and one more convolution, with each n."""
    body = indent(dedent(steps).strip(), "      ")
    calls = "\n".join(f"  - unit: {{n: {n}}}" for n in uses)
    head = "archgen: 1\nname: tiny\ninput: {channels: 3, grid: 4}\nblocks:\n  unit:\n"
    last = "      - conv: {filters: 4, kernel: 1, padding: same}"
    return f"{head}    params: {{n: int}}\n    body:\n{body}\n{last}\nnetwork:\n{calls}\n"


@pytest.mark.parametrize("steps", list(STEPS.values()), ids=list(STEPS))
@pytest.mark.parametrize("uses", list(permutations((0, 1, 3), 2)), ids=str)
def test_a_class_is_right_for_every_use(steps: str, uses: tuple[int, int]) -> None:
    compilation = compiled(network(steps, uses))
    sound = compilation.sound_network()
    module = build_class(source_of(compilation))()
    predicted = Costs().network(sound).cost.params
    assert sum(parameter.numel() for parameter in module.parameters()) == predicted
    assert module(torch.zeros(2, 3, 4, 4)).shape == (2, 4, 4, 4)


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ("the same channels", "self.conv_2 = nn.Conv2d(8 if n > 0 else in_channels, 4"),
        ("channels that stay", "self.conv_2 = nn.Conv2d(in_channels, 4"),
        ("a step that may be missing", "self.conv_2 = nn.Conv2d(5 * n if n > 0 else in_channels"),
    ],
)
def test_the_channels_behind_a_repeat_are_a_formula(steps: str, line: str) -> None:
    assert line in source_of(compiled(network(STEPS[steps], (2, 3)))).text


def test_a_count_that_is_never_zero_needs_no_condition() -> None:
    text = network(STEPS["the same channels"], (2, 3))
    bounded = text.replace("{n: int}", "{n: {type: int, min: 1}}")
    assert "self.conv_2 = nn.Conv2d(8, 4" in source_of(compiled(bounded)).text


REPEATS = {
    "grids that shrink with each instance": """
        - conv: {filters: 3, kernel: 3, stride: 2, padding: 1}
          repeat: n
        - conv: {filters: 4, kernel: here.grid, padding: valid}
    """,
    "grids that shrink by a param": """
        - conv: {filters: here.channels, kernel: 1, stride: n + 1, padding: valid}
          repeat: 3
        - conv: {filters: 4, kernel: here.grid, padding: valid}
    """,
    "grids that shrink by a param, n times": """
        - max_pool: {kernel: 2, stride: n + 1, padding: valid}
          repeat: n
        - flatten
        - linear: {features: 4}
        - conv: {filters: 4, kernel: 1, padding: valid}
    """,
    "channels that are a sum over the grid": """
        - max_pool: {kernel: 2, stride: 1, padding: valid}
          repeat: n
        - conv: {filters: 4 * here.height, kernel: 1, padding: valid}
        - conv: {filters: 4, kernel: here.grid, padding: valid}
    """,
    "vectors that become grids": """
        - global_avg_pool
        - conv: {filters: 3, kernel: 1, padding: valid}
          repeat: n
        - linear: {features: 4}
        - conv: {filters: 4, kernel: 1, padding: valid}
    """,
    "grids that become vectors": """
        - flatten: {}
          repeat: n
        - linear: {features: 4}
        - conv: {filters: 4, kernel: here.grid, padding: valid}
    """,
}


@pytest.mark.parametrize("steps", list(REPEATS.values()), ids=list(REPEATS))
@pytest.mark.parametrize("uses", list(permutations((0, 1, 2), 2)), ids=str)
def test_a_repeat_that_changes_the_grid_is_right_for_every_use(
    steps: str, uses: tuple[int, int]
) -> None:
    body = indent(dedent(steps).strip(), "      ")
    branches = "\n".join(f"      u{n}: [{{unit: {{n: {n}}}}}]" for n in uses)
    head = "archgen: 1\nname: tiny\ninput: {channels: 3, grid: 9}\nblocks:\n  unit:\n"
    compilation = compiled(
        f"{head}    params: {{n: int}}\n    body:\n{body}\nnetwork:\n  - concat:\n{branches}\n"
    )
    sound = compilation.sound_network()
    module = build_class(source_of(compilation))()
    predicted = Costs().network(sound).cost.params
    assert sum(parameter.numel() for parameter in module.parameters()) == predicted
    assert module(torch.zeros(2, 3, 9, 9)).shape == (2, 8, 1, 1)


def test_a_number_of_instances_that_decides_between_vector_and_grid_is_no_argument() -> None:
    text = """
        archgen: 1
        name: net
        input: {channels: 6, grid: 5}
        params: {n: {type: int, default: 0}}
        network:
          - global_avg_pool
          - conv: {filters: 6, kernel: 1, padding: valid}
            repeat: n
          - linear: {features: 3}
    """
    compilation = compiled(text)
    assert "n: int" not in source_of(compilation).text
    assert build_class(source_of(compilation))()(torch.zeros(2, 6, 5, 5)).shape == (2, 3)


def test_a_repeat_that_changes_a_grid_nobody_computes_with_has_one_class() -> None:
    steps = """
        - conv: {filters: 4, kernel: 3, stride: 2, padding: 1}
          repeat: n
    """
    assert source_of(compiled(network(steps, (1, 2)))).text.count("class Unit") == 1


def test_what_no_formula_tells_has_a_class_for_each_use() -> None:
    text = source_of(compiled(network(STEPS["channels that double"], (2, 3)))).text
    assert text.count("(nn.Module):") == 3


WIDTHS = """
    archgen: 1
    name: net
    input: {channels: 3, grid: 4}
    params: {n: {type: int, default: 2}}
    network:
      - conv: {filters: 4, kernel: 1, padding: same}
      - conv: {filters: 4 if i < 5 else 6, kernel: 1, padding: same, groups: 2}
        repeat: n
      - conv: {filters: 4, kernel: 1, padding: same}
"""


def test_what_only_a_later_instance_makes_goes_into_the_one_behind_it() -> None:
    module = build_class(source_of(compiled(WIDTHS)))(n=8)
    longer = compiled(WIDTHS.replace("default: 2", "default: 8")).sound_network()
    predicted = Costs().network(longer).cost.params
    assert sum(parameter.numel() for parameter in module.parameters()) == predicted
    assert module(torch.zeros(2, 3, 4, 4)).shape == (2, 4, 4, 4)


def test_a_setting_that_is_the_channels_coming_in_follows_them_into_later_instances() -> None:
    text = WIDTHS.replace("groups: 2", "groups: here.channels").replace("else 6", "else 12")
    module = build_class(source_of(compiled(text)))(n=7)
    groups = [layer.groups for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert groups == [1, 4, 4, 4, 4, 4, 4, 12, 1]


def test_channels_that_an_instance_may_hand_on_from_a_later_one_are_no_argument() -> None:
    text = WIDTHS.replace("4 if i < 5 else 6", "here.channels if i != 5 else 6")
    assert "n: int" in source_of(compiled(WIDTHS)).text
    assert "n: int" not in source_of(compiled(text)).text
