"""A bias before a batch norm, and an activation behind itself, are told where they stand."""

from __future__ import annotations

import pytest
import torch

from tests.compiling import codes, findings, live

HEAD = """archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same, kernel: 3}}
network:
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("filters: 4, bias: true, norm: batch", ["AG309"]),
        ("filters: 4, norm: batch", ["AG309"]),  # a bias is the default
        ("filters: 4, bias: false, norm: batch", []),
        ("filters: 4, bias: true, norm: none", []),
        ("filters: 4, bias: true", []),
    ],
)
def test_a_bias_under_a_norm_of_the_same_step_is_told(settings: str, expected: list[str]) -> None:
    assert codes(f"{HEAD}  - conv: {{{settings}}}\n") == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("conv: {filters: 4}", "norm: batch", ["AG309"]),
        ("conv: {filters: 4, bias: false}", "norm: batch", []),
        ("conv: {filters: 4, act: relu}", "norm: batch", []),
        ("conv: {filters: 4}", "norm: none", []),
        ("conv: {filters: 4, act: relu}", "act: relu", ["AG310"]),
        ("act: relu6", "act: relu6", ["AG310"]),
        ("act: relu", "act: relu6", []),
        ("act: silu", "act: silu", []),
        ("conv: {filters: 4, act: none}", "act: relu", []),
        (
            "residual: {act: relu, body: [{conv: {filters: in.channels}}]}",
            "act: relu",
            ["AG310"],
        ),
    ],
)
def test_two_steps_in_a_row(first: str, second: str, expected: list[str]) -> None:
    assert codes(f"{HEAD}  - {first}\n  - {second}\n") == expected


def test_a_bias_that_another_step_reads_too_is_no_finding() -> None:
    tail = "  - add: {}\n    from: [conv, norm]\n"
    assert not codes(f"{HEAD}  - conv: {{filters: 4}}\n  - norm: batch\n{tail}")


def test_a_step_that_its_condition_drops_is_passed_over() -> None:
    conv = "  - conv: {filters: 4, act: relu}\n"
    dropped = "  - act: relu\n    when: in.channels > 3\n"
    assert not codes(f"{HEAD}{conv}{dropped}")
    assert codes(f"{HEAD}{conv}{dropped.replace('> 3', '== 3')}") == ["AG310"]


def test_a_norm_among_the_defaults_is_told_once_and_where_it_stands() -> None:
    head = HEAD.replace("kernel: 3", "kernel: 3, norm: batch")
    (finding,) = findings(head + "  - conv: {filters: 4}\n" * 3)
    assert (finding.rule.code, finding.span.start.line) == ("AG309", 4)


def test_what_the_warning_claims_is_so() -> None:
    text = f"{HEAD}  - conv: {{filters: 4, bias: true, norm: batch}}\n    allow: AG309\n"
    model = live(text).train()
    x = torch.randn(4, 3, 8, 8)
    before = model(x)
    bias = next(value for name, value in model.named_parameters() if name.endswith("conv.bias"))
    with torch.no_grad():
        bias.add_(5.0)
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=1e-4)
