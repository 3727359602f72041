"""What a change means: its class, its own changes, what it keeps of a checkpoint and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from archgen.diff import Difference, Severity, compare, difference_document, difference_markdown
from archgen.diff.layers import layers
from archgen.emit.module import build_class
from tests.compiling import NETWORKS, compiled, network_of, shipped, source_of

NET = """\
archgen: 1
name: net
input: {channels: 3, grid: 32}
params:
  rate: {type: float, default: 0.2}
defaults:
  conv: {padding: same, norm: batch, act: relu, bias: false}
blocks:
  unit:
    params: {filters: int, scale: {type: float, default: 0.1}}
    body:
      - residual:
          scale: scale
          body:
            - conv: {filters: filters, kernel: 3}
            - conv: {filters: in.channels, kernel: 1, act: none}
  down:
    params: {m: int}
    body:
      - concat:
          pool: [{max_pool: {kernel: 3, stride: 2, padding: 1}}]
          conv: [{conv: {filters: m, kernel: 3, stride: 2, padding: 1}}]
network:
  - conv: {filters: 16, kernel: 3}
    id: stem
  - unit: {filters: 8}
    id: first
    repeat: 2
  - down: {m: 16}
  - unit: {filters: 8}
    id: second
    repeat: 3
  - global_avg_pool
  - dropout: {rate: rate}
  - linear: {features: 10}
outputs:
  aux:
    from: first
    training_only: true
    body:
      - global_avg_pool
      - linear: {features: 10}
"""


def changed(*edits: tuple[str, str]) -> Difference:
    """The difference between the network and itself with some words replaced."""
    text = NET
    for word, other in edits:
        assert word in text
        text = text.replace(word, other)
    return compare(network_of(NET), network_of(text))


def signs(difference: Difference) -> dict[str, str]:
    """The parts that differ, with their signs."""
    return {row.name: row.sign for row in difference.rows if row.sign}


def own(difference: Difference) -> list[tuple[str, str, str, str, str]]:
    """The own changes without their places."""
    return [(c.block, c.step, c.what, c.before, c.after) for c in difference.changes]


@pytest.mark.parametrize(
    ("edits", "severity"),
    [
        ([], "equal"),
        ([("name: net", "name: other")], "cosmetic"),
        ([("padding: 1}}]\n          conv", "padding: [1, 1]}}]\n          conv")], "cosmetic"),
        ([("default: 0.1}", "default: 0.3}")], "numerics"),
        ([("act: relu,", "act: silu,")], "numerics"),
        ([("default: 0.2}", "default: 0.5}")], "numerics"),
        ([("max_pool", "avg_pool")], "numerics"),
        ([("stride: 2", "stride: 4"), ("padding: 1}", "padding: 1}")], "weight-compatible"),
        ([("{m: 16}", "{m: 24}")], "weight-breaking"),
        ([("id: first", "id: one"), ("from: first", "from: one")], "weight-breaking"),
        ([("features: 10}\noutputs", "features: 20}\noutputs")], "shape-breaking"),
        ([("grid: 32", "grid: 64")], "shape-breaking"),
        ([("training_only: true", "training_only: false")], "shape-breaking"),
    ],
)
def test_the_class_of_a_change(edits: list[tuple[str, str]], severity: str) -> None:
    assert str(changed(*edits).severity) == severity


def test_what_follows_from_a_change_is_told_apart_from_it() -> None:
    difference = changed(("{m: 16}", "{m: 24}"))
    assert own(difference) == [("", "down", "m", "16", "24")]
    assert signs(difference) == {
        "down": "~", "second": ">", "global_avg_pool": ">", "dropout": ">", "linear": ">"
    }  # fmt: skip
    numbers = "012"
    assert [tuple(widened) for widened in difference.ripple] == [
        ("second", tuple(f"second.{n}.conv" for n in numbers), 32, 40, False),
        ("second", tuple(f"second.{n}.conv_2" for n in numbers), 32, 40, True),
        ("linear", ("linear",), 32, 40, False),
    ]


def test_a_change_within_a_block_is_told_once_and_marks_all_its_uses() -> None:
    difference = changed(("filters: filters, kernel: 3", "filters: filters, kernel: 5"))
    assert own(difference) == [("unit", "residual.body.conv", "kernel", "3", "5")]
    assert signs(difference) == {"first": "~", "second": "~"}
    assert difference.changes[0].place is not None
    assert difference.changes[0].place.start.line == 15


def test_steps_that_come_and_go_do_not_change_their_neighbours() -> None:
    difference = changed(
        ("  - global_avg_pool\n  - dropout", "  - act: tanh\n  - global_avg_pool\n  - dropout"),
        ("  - down: {m: 16}\n", ""),
    )
    found = {(c.step, c.what, c.sign) for c in difference.changes}
    assert found == {("act", "step", "+"), ("down", "step", "-")}
    assert signs(difference)["down"] == "-"
    assert signs(difference)["act"] == "+"


def test_a_block_by_another_name_is_the_same_block() -> None:
    difference = changed(("unit", "bottleneck"))
    assert own(difference) == [("bottleneck", "", "block", "unit", "bottleneck")]
    assert difference.severity is Severity.COSMETIC


def test_a_part_by_another_name_is_aligned_by_what_it_is() -> None:
    difference = changed(("id: second", "id: other"))
    row = next(row for row in difference.rows if row.name == "other")
    assert row.before is not None
    assert (row.sign, row.before.name, row.kept) == ("~", "second", 0)
    assert ("", "other", "name", "second", "other") in own(difference)


def test_what_reads_another_value_is_a_change() -> None:
    difference = changed(("  - down: {m: 16}", "  - down: {m: 16}\n    from: stem"))
    assert ("", "down", "from", "the step before", "stem") in own(difference)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_does_not_differ_from_itself(name: str) -> None:
    network = shipped(name).sound_network()
    difference = compare(network, network)
    assert difference.severity is Severity.EQUAL
    assert not signs(difference)
    assert difference.tensors[0] == difference.tensors[1] == difference.tensors[2]


@pytest.mark.parametrize("name", ["inception_v4_tf", "resnet_50", "densenet_121", "mobilenet_v3"])
def test_the_tensors_are_those_of_the_module(name: str) -> None:
    compilation = shipped(name)
    network = compilation.sound_network()
    graphs = [(network.block.graph, ""), *((h.graph, h.head.name) for h in network.heads)]
    ours: dict[str, tuple[int, ...]] = {}
    for graph, path in graphs:
        for layer in layers(graph, path):
            ours |= {f"{layer.path}.{name}": shape for name, shape in layer.tensors.items()}
    with torch.device("meta"):
        module: nn.Module = build_class(source_of(compilation))()
    theirs = {k: tuple(v.shape) for k, v in module.state_dict().items() if v.dim()}
    assert ours == theirs


def test_two_versions_of_a_network_mirror_each_other() -> None:
    first, second = (shipped(f"inception_resnet_{v}").sound_network() for v in ("v1", "v2"))
    there, back = compare(first, second), compare(second, first)
    assert {c[:3] for c in own(there)} == {c[:3] for c in own(back)}
    assert there.totals == back.totals[::-1]
    assert there.tensors[2] == back.tensors[2]


def test_the_document_has_exact_numbers_of_both_sides() -> None:
    first, second = (shipped(f"inception_resnet_{v}").sound_network() for v in ("v1", "v2"))
    document = difference_document(compare(first, second), ("a", "b"))
    assert isinstance(document["before"], Mapping)
    assert isinstance(document["after"], Mapping)
    assert (document["before"]["params"], document["after"]["params"]) == (22_756_328, 32_433_928)
    assert document["severity"] == "weight-breaking"
    assert isinstance(document["parts"], list)
    reduction = next(part for part in document["parts"] if part["part"] == "reduction_a")
    assert reduction["status"] == "changed"
    assert reduction["after"]["output"] == [1152, 17, 17]


def test_names_are_no_markup_in_a_comment() -> None:
    names = ("a`<script>|*b*\u202e[x](http://y)", "@someone #1")
    text = difference_markdown(changed(("{m: 16}", "{m: 24}")), names)
    head = text.partition("\n")[0]
    assert not re.search(r"<script|\u202e|\[x\]|@someone|#1(?!\d*;)", head)
    assert text.count("```") == 2


def test_a_comment_is_never_longer_than_its_place() -> None:
    steps = "".join(f"  - conv: {{filters: {n % 7 + 1}, kernel: 1}}\n" for n in range(2000))
    more = "".join(f"  - conv: {{filters: {n % 7 + 2}, kernel: 1}}\n" for n in range(2000))
    head = NET.partition("network:")[0].replace("  rate: {type: float, default: 0.2}\n", "")
    head = head.replace("params:\ndefaults", "defaults").partition("blocks:")[0] + "network:\n"
    difference = compare(
        compiled(head + steps).sound_network(), compiled(head + more).sound_network()
    )
    text = difference_markdown(difference, ("a", "b"))
    assert len(text) <= 65_536
    assert "does not fit" in text
