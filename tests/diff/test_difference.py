"""What a change means: its class, its own changes, what it keeps of a checkpoint and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
import torch
from torch import nn

from archgen.diff import Difference, Severity, compare
from archgen.diff.document import difference_document
from archgen.diff.ripple import ripple
from archgen.diff.wording import ripple_words, row_cells, verdict
from archgen.emit.module import build_class
from archgen.layers import layers
from tests.compiling import NETWORKS, compiled, live, network_of, shipped, source_of

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


PROOFS = {
    "cosmetic": [("id: first", "note: x\n    id: first"), ("unit", "bottleneck")],
    "numerics": [("default: 0.1}", "default: 0.3}")],
    "weight-compatible": [("stride: 2", "stride: 4")],
    "weight-breaking": [("{m: 16}", "{m: 24}")],
    "shape-breaking": [("features: 10}\noutputs", "features: 20}\noutputs")],
}  # fmt: skip


@pytest.mark.parametrize("severity", PROOFS)
def test_torch_agrees_with_the_class(severity: str) -> None:
    text = NET
    for word, other in PROOFS[severity]:
        assert word in text
        text = text.replace(word, other)
    assert str(compare(network_of(NET), network_of(text)).severity) == severity
    torch.manual_seed(0)
    before, after = live(NET).eval(), live(text).eval()
    x = torch.randn(2, 3, 32, 32)
    loads = severity in ("cosmetic", "numerics", "weight-compatible")
    if loads:
        after.load_state_dict(before.state_dict(), strict=True)
    else:
        with pytest.raises(RuntimeError, match="size mismatch"):
            after.load_state_dict(before.state_dict(), strict=True)
    with torch.no_grad():
        old, new = before(x), after(x)
    assert (old.shape == new.shape) == (severity != "shape-breaking")
    assert not loads or torch.equal(old, new) == (severity == "cosmetic")


def test_what_follows_from_a_change_is_told_apart_from_it() -> None:
    difference = changed(("{m: 16}", "{m: 24}"))
    assert own(difference) == [("", "down", "m", "16", "24")]
    assert signs(difference) == {
        "down": "~", "second": ">", "global_avg_pool": ">", "dropout": ">", "linear": ">"
    }  # fmt: skip
    numbers, cause = "012", "down m 16 -> 24"
    assert [tuple(widened) for widened in ripple(difference)] == [
        ("second", tuple(f"second.{n}.conv" for n in numbers), 32, 40, False, 1728, cause),
        ("second", tuple(f"second.{n}.conv_2" for n in numbers), 32, 40, True, 240, cause),
        ("linear", ("linear",), 32, 40, False, 80, cause),
    ]
    assert ripple_words(next(ripple(difference))) == (
        "down m 16 -> 24 widens what 3 layers of second take, 32 -> 40 channels: "
        "+1,728 params (0.conv, 1.conv, 2.conv)"
    )


def test_a_change_within_a_block_is_told_once_and_marks_all_its_uses() -> None:
    difference = changed(("filters: filters, kernel: 3", "filters: filters, kernel: 5"))
    assert own(difference) == [("unit", "conv", "kernel", "3", "5")]
    assert signs(difference) == {"first": "~", "second": "~"}
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


ROW = """\
archgen: 1
name: row
input: {channels: 3, grid: 16}
defaults: {conv: {padding: same}}
network:
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 16, kernel: 3}
  - conv: {filters: 32, kernel: 3}
  - global_avg_pool
"""


def row_changed(*edits: tuple[str, str]) -> list[tuple[str, str, str, str]]:
    """The own changes of a row of steps that only their op names."""
    text = ROW
    for word, other in edits:
        assert word in text
        text = text.replace(word, other)
    difference = compare(network_of(ROW), network_of(text))
    return [(c.step, c.what, c.before, c.after) for c in difference.changes]


def test_a_step_put_in_is_one_step_and_the_new_names_of_those_behind_it() -> None:
    second = "  - conv: {filters: 16, kernel: 3}\n"
    assert row_changed((second, "  - conv: {filters: 4, kernel: 1}\n" + second)) == [
        ("conv_2", "step", "", "conv {filters: 4, kernel: 1}"),
        ("conv_3", "name", "conv_2", "conv_3"),
        ("conv_4", "name", "conv_3", "conv_4"),
    ]


def test_a_setting_that_another_step_had_is_still_one_change() -> None:
    assert row_changed(("filters: 8", "filters: 16")) == [("conv", "filters", "8", "16")]


def test_a_step_that_moved_in_its_list_is_told_once() -> None:
    changes = row_changed(
        ("  - conv: {filters: 32, kernel: 3}\n  - global_avg_pool", "  - global_avg_pool"),
        ("network:\n", "network:\n  - conv: {filters: 32, kernel: 3}\n    id: wide\n"),
    )
    assert ("wide", "place", "elsewhere", "here") in changes
    assert ("wide", "name", "conv_3", "wide") in changes
    assert len(changes) == 2


def test_a_step_that_went_to_another_branch_is_told_once() -> None:
    text = """\
        archgen: 1
        name: net
        input: {channels: 3, grid: 16}
        defaults: {conv: {padding: same}}
        network:
          - concat:
              a: [{conv: {filters: 8, kernel: 1}}, {conv: {filters: 9, kernel: 3}}]
              b: [{conv: {filters: 7, kernel: 1}}]
        """
    moved = text.replace(", {conv: {filters: 9, kernel: 3}}]", "]").replace(
        "filters: 7, kernel: 1}}", "filters: 7, kernel: 1}}, {conv: {filters: 9, kernel: 3}}"
    )
    (change,) = compare(network_of(text), network_of(moved)).changes
    assert change[:5] == ("", "b.conv_2", "place", "a.conv_2", "b.conv_2")
    assert change.part == "concat"


def test_a_block_with_another_name_and_one_change_is_still_the_same_block() -> None:
    difference = changed(
        ("  down:", "  shrink:"), ("- down:", "- shrink:"), ("kernel: 3, stride: 2, padding: 1}}]\nnet",
        "kernel: 5, stride: 2, padding: 2}}]\nnet"),
    )  # fmt: skip
    assert [c[:5] for c in difference.changes] == [
        ("", "shrink", "name", "down", "shrink"),
        ("shrink", "", "block", "down", "shrink"),
        ("shrink", "conv.conv", "kernel", "3", "5"),
        ("shrink", "conv.conv", "padding", "1", "2"),
    ]
    row = next(row for row in difference.rows if row.name == "shrink")
    assert (row.kept, row.renamed) == (0, 4)


def test_another_order_of_branches_is_a_change_of_numerics() -> None:
    pool, conv = re.findall(r"          (?:pool|conv): \[.*\n", NET)
    difference = changed((pool + conv, conv + pool))
    assert [c[:5] for c in difference.changes] == [
        ("down", "concat", "order", "pool, conv", "conv, pool")
    ]
    assert difference.severity is Severity.NUMERICS


def test_a_branch_with_another_name_is_the_same_branch() -> None:
    difference = changed(("          pool: [", "          shortcut: ["))
    assert [c[:5] for c in difference.changes] == [("down", "shortcut", "name", "pool", "shortcut")]


def test_what_is_gone_stands_where_it_stood() -> None:
    difference = changed(("  - down: {m: 16}\n", ""))
    assert [row.name for row in difference.rows][:4] == ["stem", "first", "down", "second"]


def test_the_expectations_that_fail_are_named() -> None:
    text = NET.replace("- down: {m: 16}", "- down: {m: 16}\n    expect: {channels: 32}")
    sides = compiled(text), compiled(text.replace("{m: 16}", "{m: 24}"))
    assert all(side.network is not None for side in sides)
    findings = sides[0].diagnostics, sides[1].diagnostics
    networks = [side.network for side in sides if side.network is not None]
    there = compare(networks[0], networks[1], findings)
    back = compare(networks[1], networks[0], findings[::-1])
    assert [f.message for f in there.failed] == ["`channels` should be 32, and is 40"]
    assert (there.mended, back.failed, back.mended) == ((), (), there.failed)


def test_nothing_is_claimed_of_what_an_error_hides() -> None:
    broken = compiled(NET.replace("kernel: 3, stride: 2, padding: 1}}]\nnet",
                                  "kernel: 3, stride: 1, padding: 1}}]\nnet")).network  # fmt: skip
    assert broken is not None
    difference = compare(network_of(NET), broken)
    assert not difference.is_known
    assert verdict(difference).startswith("Not known")
    assert verdict(compare(broken, broken)).startswith("Nothing is known to have changed")
    assert signs(difference) == {
        "down": "~", "second": "?", "global_avg_pool": "?", "dropout": "?", "linear": "?"
    }  # fmt: skip
    document = difference_document(difference, ("a", "b"))
    assert isinstance(document["after"], Mapping)
    assert document["after"]["params"] is None
    assert isinstance(document["parts"], list)
    assert [part["after"]["params"] for part in document["parts"][2:4]] == [None, None]
    assert row_cells(difference.rows[2])[-1] == "?"


@pytest.mark.parametrize(
    "setting",
    ["filtres: 16", "filters: sixteen", "filters: -4", "filters: 16, kernel: x", "kernel: 3"],
)
def test_a_setting_that_cannot_be_read_is_a_question_mark(setting: str) -> None:
    broken = compiled(NET.replace("filters: 16, kernel: 3}", f"{setting}}}")).network
    assert broken is not None
    for sides in ((network_of(NET), broken), (broken, network_of(NET))):
        difference = compare(*sides)
        assert verdict(difference).startswith("Not known")
        texts = [text for change in difference.changes for text in (change.before, change.after)]
        assert "?" in texts


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
