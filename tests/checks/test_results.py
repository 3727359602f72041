"""What a network may not mean: 1x1 results, linear layers in a row, an activation before the loss."""

from __future__ import annotations

import pytest

from archgen.pipeline import check
from archgen.spec.files import read_spec
from tests.compiling import ROOT, codes, findings

CASES = ROOT / "tests" / "cases"
HEAD = """\
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same}}
"""
BLOCKS = """\
blocks:
  fc:
    body: [{linear: {features: 8}}]
  soft:
    body: [{linear: {features: 8}}, {act: softmax}]
  scaled:
    params: {wide: bool}
    body:
      - linear: {features: 8}
      - act: relu
        when: wide
  taps:
    body: [{linear: {features: 8}, id: line}, act: gelu]
    outputs: {raw: line}
"""


def found(*steps: str, blocks: str = BLOCKS, more: str = "") -> list[str]:
    """The codes of a network of these steps, without those of unused blocks."""
    text = f"{HEAD}{blocks}network:\n" + "".join(f"  - {step}\n" for step in steps) + more
    return [code for code in codes(text) if code != "AG404"]


LINEAR, POOL = "linear: {features: 8}", "global_avg_pool"


@pytest.mark.parametrize(
    "steps",
    [
        (POOL, LINEAR, LINEAR),
        (POOL, LINEAR, "dropout: {rate: 0.5}", LINEAR),
        (LINEAR, "flatten", LINEAR),
        (POOL, "linear: {features: 8}\n    repeat: 2"),
        (POOL, "fc", LINEAR),
        (POOL, LINEAR, "fc"),
        (POOL, "fc: {}\n    repeat: 2"),
        (POOL, LINEAR, "act: gelu\n    when: in.channels > 3", LINEAR),
        (POOL, "scaled: {wide: false}", LINEAR),
        (POOL, "taps", "fc: {}\n    from: taps.raw"),
        (LINEAR, "concat: {a: [{linear: {features: 2}}], b: [act: gelu]}"),
    ],
)
def test_linear_layers_in_a_row_are_told(steps: tuple[str, ...]) -> None:
    assert "AG313" in found(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        (POOL, LINEAR, "act: gelu", LINEAR),
        (POOL, "taps", LINEAR),
        (POOL, "scaled: {wide: true}", LINEAR),
        (LINEAR, POOL, LINEAR),
        (LINEAR, "norm: batch", LINEAR),
        (POOL, LINEAR, f"{LINEAR}\n    allow: [AG313]"),
        (POOL, "linear: {features: 8}\n    repeat: 1"),
        (POOL, "residual: {body: [{linear: {features: 3}}]}", LINEAR),
    ],
)
def test_linear_layers_with_something_between_are_fine(steps: tuple[str, ...]) -> None:
    assert "AG313" not in found(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        (POOL, LINEAR, "act: softmax"),
        (POOL, LINEAR, "act: relu"),
        (POOL, LINEAR, "act: sigmoid", "dropout: {rate: 0.1}"),
        ("conv: {filters: 4, kernel: 1, act: softmax}", "flatten"),
        (POOL, "soft"),
        (POOL, "residual: {act: relu, body: [{linear: {features: 3}}]}"),
        (POOL, LINEAR, "act: softmax", "act: gelu\n    when: in.channels > 3"),
    ],
)
def test_an_activation_at_the_end_is_told(steps: tuple[str, ...]) -> None:
    assert "AG314" in found(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        (POOL, LINEAR),
        (POOL, LINEAR, "act: gelu"),
        ("conv: {filters: 4, kernel: 1, act: relu}", POOL),
        ("conv: {filters: 4, kernel: 1, act: sigmoid}",),
        (POOL, LINEAR, "act: softmax\n    allow: [AG314]"),
    ],
)
def test_logits_and_features_are_fine(steps: tuple[str, ...]) -> None:
    assert "AG314" not in found(*steps)


def test_a_head_that_is_trained_along_needs_logits_too() -> None:
    head = "outputs:\n  aux: {from: in, training_only: TRAINED, body: [global_avg_pool, soft]}\n"
    for trained, wanted in (("true", 1), ("false", 0)):
        told = found(POOL, LINEAR, more=head.replace("TRAINED", trained))
        assert told.count("AG314") == wanted


@pytest.mark.parametrize(
    ("steps", "is_told"),
    [
        (("conv: {filters: 9, kernel: 8, padding: valid}",), True),
        (("avg_pool: {kernel: 8, stride: 8, padding: valid}",), True),
        (("conv: {filters: 9, kernel: 8, padding: valid}", "flatten"), False),
        ((POOL,), False),
        (("conv: {filters: 9, kernel: 7, padding: valid}",), False),
        (("avg_pool: {kernel: 8, stride: 8, padding: valid}\n    allow: [AG312]",), False),
    ],
)
def test_a_result_on_a_grid_of_one_position_is_told(steps: tuple[str, ...], is_told: bool) -> None:
    assert ("AG312" in found(*steps)) == is_told


def test_an_input_of_one_position_leaves_nothing_to_tell() -> None:
    assert not codes(HEAD.replace("grid: 8", "grid: 1") + "network:\n  - act: gelu\n")


DROPPED = """\
blocks:
  cell:
    params: {p: bool}
    body:
      - JOIN
network:
  - cell: {p: false}
  - cell: {p: true}
"""
STEP = "{conv: {filters: in.channels, kernel: 1}, when: p}"


@pytest.mark.parametrize(
    ("join", "is_told"),
    [
        (f"concat: {{a: [], b: [{STEP}]}}", True),
        (f"multiply: {{a: [], gate: [{STEP}, {STEP}]}}", True),
        (f"residual: {{body: [{STEP}]}}", True),
        ("add: {a: [], b: [{act: gelu, repeat: 1 if p else 0}]}", True),
        (f"concat: {{a: [], b: [{STEP}, act: gelu]}}", False),
        (f"residual: {{shortcut: [{STEP}], body: [act: gelu]}}", False),
        (f"concat: {{a: [], b: [{STEP}]}}\n        allow: [AG415]", False),
        (f"concat: {{a: [], b: [{STEP}]}}\n        when: p", False),
    ],
)
def test_a_branch_of_which_nothing_is_left_is_told(join: str, is_told: bool) -> None:
    text = HEAD + DROPPED.replace("JOIN", join)
    assert codes(text).count("AG415") == is_told


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("language/branchwhen", ["AG415"]),
        ("language/dropjoin", ["AG416"]),
        ("language/multiin", ["AG417"]),
        ("language/unusedsplit", ["AG403"]),
        ("softmax-then-loss/net", ["AG314"]),
    ],
)
def test_a_spec_that_guessed_is_told(name: str, wanted: list[str]) -> None:
    found = check(read_spec(CASES / f"{name}.yaml")).diagnostics
    assert [finding.rule.code for finding in found] == wanted


TWO = """\
blocks:
  pair:
    inputs: [a, b]
    body:
      - BODY
network:
  - act: gelu
    id: x
  - pair: {}
    from: [x, in]
"""


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("act: relu", ["AG417"]),
        ("act: relu\n        from: in", ["AG417"]),
        ("add: {l: [], r: [act: relu]}", ["AG417"]),
        ("add: {l: [], r: [{act: relu, from: in}]}\n        from: in.a", ["AG417"]),
        ("add: {}\n        from: [in.a, in]", ["AG417"]),
        ("add: {}\n        from: [in.a, in.b]", []),
        ("act: relu\n        from: in.b", ["AG414"]),
        ("upsample: {factor: in.b.height // in.a.height}\n        from: in.a", []),
        ("act: relu\n        from: in.a\n    outputs: {other: in}", ["AG417"]),
        ("act: relu\n        from: in.a\n    outputs: {other: in.b}", []),
    ],
)
def test_a_block_with_several_inputs_names_what_it_reads(body: str, wanted: list[str]) -> None:
    assert codes(HEAD + TWO.replace("BODY", body)) == wanted


def test_an_empty_block_with_several_inputs_gives_none_of_them() -> None:
    assert codes(HEAD + TWO.replace("\n      - BODY", " []")) == ["AG417"]


@pytest.mark.parametrize(
    "step", ["add: {}", "concat: {}", "multiply: {}", "pair: {}", "pair: {}\n    id: z"]
)
def test_a_when_on_what_reads_several_values_is_refused(step: str) -> None:
    body = TWO.replace("BODY", "add: {}\n        from: [in.a, in.b]")
    text = f"{HEAD}{body}  - {step}\n    from: [x, pair]\n    when: in.channels > 3\n"
    (finding,) = findings(text)
    assert finding.rule.code == "AG416"
    assert "two blocks" in finding.help
