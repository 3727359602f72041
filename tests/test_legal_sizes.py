"""Legal input sizes against the emitted network, which takes them or does not."""

from __future__ import annotations

from textwrap import indent

import pytest
import torch
from torch import nn

from archgen.diagnostics import Findings
from archgen.infer import infer
from archgen.ir.shape import Grid, Shape
from archgen.legal_sizes import LegalSizes, legal_sizes, smallest_input
from tests.compiling import compiled, live, network_of, shipped

HEAD = """\
archgen: 1
name: net
input: {{channels: 2, {input}}}
defaults: {{conv: {{padding: same}}, max_pool: {{padding: valid}}}}
network:
{steps}
"""
HALF = "{conv: {filters: 2, kernel: 2, stride: 2, padding: valid}}"

CASES = {
    "valid": ("grid: 20", "- conv: {filters: 3, kernel: 5, padding: valid}", "5 and up"),
    "same": ("grid: 20", "- conv: {filters: 3, kernel: 5}", "1 and up"),
    "deep": (
        "grid: 40",
        "- max_pool: {kernel: 3, stride: 2}\n" * 3,
        "15 and up",
    ),
    "halves": (
        "grid: 16",
        f"""\
- concat:
    a: [{HALF}, {HALF}]
    b: [{{max_pool: {{kernel: 1, stride: 4}}}}]
""",
        "multiples of 4",
    ),
    "one remainder": (
        "grid: 13",
        """\
- concat:
    a: [{max_pool: {kernel: 5, stride: 4}}]
    b: [{max_pool: {kernel: 2, stride: 4}}]
""",
        "1 modulo 4, 5 and up",
    ),
    "remainders": (
        "grid: 17",
        """\
- concat:
    a: [{max_pool: {kernel: 3, stride: 4}}]
    b: [{max_pool: {kernel: 2, stride: 4}}]
""",
        "0, 1 or 3 modulo 4, 3 and up",
    ),
    "squeeze and excite": (
        "grid: 20",
        """\
- conv: {filters: 2, kernel: 3, stride: 2, padding: valid}
- multiply:
    keep: []
    gate: [global_avg_pool, {conv: {filters: 2, kernel: 1}}]
""",
        "3 and up",
    ),
    "flat": (
        "grid: 20",
        "- max_pool: {kernel: 4, stride: 4}\n- flatten\n- linear: {features: 3}",
        "20 to 23",
    ),
    "flat at one size": ("grid: 7", "- flatten\n- linear: {features: 3}", "7 only"),
    "repeat": (
        "grid: 30",
        "- conv: {filters: 2, kernel: 3, padding: valid}\n  repeat: 5",
        "11 and up",
    ),
}


def _text(grid: str, steps: str) -> str:
    return HEAD.format(input=grid, steps=indent(steps, "  "))


def _takes(net: nn.Module, height: int, width: int) -> bool:
    try:
        net(torch.zeros(1, 2, height, width))
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_legal_sizes_are_what_the_emitted_network_takes(name: str) -> None:
    grid, steps, expected = CASES[name]
    text = _text(grid, steps)
    sizes = legal_sizes(network_of(text))["grid"]
    net = live(text).eval()
    taken = [n for n in range(1, 90) if _takes(net, n, n)]
    assert [n for n in range(1, 90) if n in sizes] == taken
    assert sizes.is_proved
    assert expected in str(sizes)


def test_sides_of_an_oblong_input_are_told_one_by_one() -> None:
    text = _text(
        "height: 9, width: 20",
        "- conv: {filters: 3, kernel: 1x7, padding: valid}\n- flatten\n- linear: {features: 2}",
    )
    sizes = legal_sizes(network_of(text))
    assert {side: str(found) for side, found in sizes.items()} == {
        "height": "9 only",
        "width": "20 only",
    }
    text = _text("height: 9, width: 20", "- conv: {filters: 3, kernel: 2x7, padding: valid}")
    sizes = legal_sizes(network_of(text))
    assert (str(sizes["height"]), str(sizes["width"])) == ("2 and up", "7 and up")


@pytest.mark.parametrize(
    ("name", "evaluation", "training"),
    [
        ("inception_v4", "75 and up", "75 and up"),
        ("inception_v3", "75 and up", "299 to 346"),
        ("inception_v3_torch", "75 and up", "299 and up"),
        ("resnet_152", "1 and up", "1 and up"),
    ],
)
def test_legal_sizes_of_the_networks(name: str, evaluation: str, training: str) -> None:
    network = shipped(name).sound_network()
    assert str(legal_sizes(network)["grid"]) == evaluation
    assert str(legal_sizes(network, in_training=True)["grid"]) == training


@pytest.mark.parametrize("size", [74, 75, 76, 107])
def test_a_network_compiles_at_the_sizes_that_are_legal(size: int) -> None:
    network = shipped("inception_v4").sound_network()
    findings = Findings()
    infer(network.network._replace(input=Shape(3, Grid(size, size))), findings)
    assert (size in legal_sizes(network)["grid"]) is not findings.has_errors


def test_a_flattened_input_has_one_size() -> None:
    sizes = legal_sizes(network_of(_text("grid: 1", "- flatten\n- linear: {features: 3}")))
    assert str(sizes["grid"]) == "1 only"


def test_a_long_period_is_tried_and_said_to_be() -> None:
    text = _text("grid: 1000", "- max_pool: {kernel: 1, stride: 150}")
    sizes = legal_sizes(network_of(text))["grid"]
    assert not sizes.is_proved
    assert str(sizes) == "968 to 1032 (tried from 968 to 1032)"


def test_a_position_that_is_stretched_at_this_size_only_is_tried() -> None:
    text = _text("grid: 9", "- multiply: {keep: [], gate: [{max_pool: {kernel: 9, stride: 1}}]}")
    sizes = legal_sizes(network_of(text))["grid"]
    assert str(sizes) == "9 only (tried from 1 to 41)"


def test_a_network_of_very_many_steps_is_not_walked() -> None:
    text = _text(
        "grid: 8",
        "- conv: {filters: 2 + 0 * i, kernel: 1}\n  repeat: 30000",
    )
    assert legal_sizes(network_of(text)) == {}


def test_the_smallest_input_of_a_network_that_gets_too_little() -> None:
    text = _text("grid: 4", "- conv: {filters: 3, kernel: 9, padding: valid}")
    resolved = compiled(text).resolved
    assert resolved is not None
    assert resolved.network is not None
    assert smallest_input(resolved.network) == 9


def test_no_size_helps_a_network_that_shrinks_for_ever() -> None:
    text = _text("grid: 4", "- conv: {filters: 3, kernel: 5000, padding: valid}")
    resolved = compiled(text).resolved
    assert resolved is not None
    assert resolved.network is not None
    assert smallest_input(resolved.network) is None


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        (LegalSizes(32, None, 32, (0,), True, (1, 64)), "multiples of 32"),
        (LegalSizes(64, None, 32, (0,), True, (1, 64)), "multiples of 32, 64 and up"),
        (LegalSizes(64, 128, 32, (0,), True, (1, 64)), "multiples of 32, 64 to 128"),
        (LegalSizes(5, None, 4, (1,), True, (1, 9)), "1 modulo 4, 5 and up"),
        (LegalSizes(5, 9, 10, (5, 6, 9), True, (1, 9)), "5, 6 or 9"),
    ],
)
def test_sizes_read_as_a_person_would_say_them(sizes: LegalSizes, text: str) -> None:
    assert str(sizes) == text
