"""What `forward` does when: statements in the order of the spec, and no value held longer than needed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.compiling import compiled, live, source_of

HEAD = """
archgen: 1
name: net
input: {channels: 8, grid: 8}
defaults:
  conv: {padding: same, bias: false, norm: batch, act: relu}
"""
FORKED = """
network:
  - concat:
      first:
        - conv: {filters: 2, kernel: 1}
      forked:
        - conv: {filters: 3, kernel: 1}
        - concat:
            left: [{conv: {filters: 4, kernel: 1}}]
            right: [{conv: {filters: 5, kernel: 1}}]
      last:
        - conv: {filters: 6, kernel: 1}
"""
RESIDUAL = """
network:
  - residual:
      body:
        - conv: {filters: 8, kernel: 3}
        - conv: {filters: 8, kernel: 1, act: ACT}
"""
CONDITIONAL = """
blocks:
  block:
    params: {filters: int}
    body:
      - residual:
          body:
            - conv: {filters: filters, kernel: 3, act: none}
              when: filters > 8
            - conv: {filters: in.channels, kernel: 1, act: none}
              when: filters > 8
network:
  - block: {filters: 16}
    id: wide
  - block: {filters: 8}
    id: narrow
"""
HEADS = """
network:
  - conv: {filters: 4, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - global_avg_pool
  - linear: {features: 10}
outputs:
  aux:
    from: conv
    training_only: true
    body:
"""
PLAIN_HEAD = HEADS + "      - global_avg_pool\n      - linear: {features: 10}\n"
HEAD_OF_STATEMENTS = (
    HEADS
    + """
      - add:
          left: [{conv: {filters: 4, kernel: 1}}]
          right: [{conv: {filters: 4, kernel: 3}}]
      - global_avg_pool
      - linear: {features: 10}
"""
)


def forward_of(body: str, name: str = "Net") -> list[str]:
    """The statements of the `forward` of one emitted class."""
    source = source_of(compiled(HEAD + body)).text
    text = source.partition(f"class {name}(")[2].partition("def forward")[2]
    lines = text.partition("\n\n\n")[0].splitlines()[1:]
    return [line.removeprefix(" " * 8).partition("  #")[0] for line in lines]


def order_of_convolutions(net: nn.Module, images: Tensor) -> list[str]:
    """The names of the convolutions in the order in which they run."""
    ran: list[str] = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    net(images)
    return ran


def test_branches_run_in_the_order_of_the_spec() -> None:
    net = live(HEAD + FORKED)
    assert order_of_convolutions(net, torch.zeros(2, 8, 8, 8)) == [
        "first.conv",
        "forked.conv",
        "forked.left.conv",
        "forked.right.conv",
        "last.conv",
    ]


def test_what_stands_before_a_branch_of_statements_is_kept_in_variables() -> None:
    assert forward_of(FORKED) == [
        "first = self.first(x)",
        "forked = self.forked.conv(x)",
        "branches = [",
        "    first,",
        "    self.forked.left(forked),",
        "    self.forked.right(forked),",
        "    self.last(x),",
        "]",
        "return torch.cat(branches, dim=1)",
    ]


def test_two_forks_are_finished_one_after_the_other() -> None:
    forked = FORKED.replace("last:\n        - conv: {filters: 6, kernel: 1}", "again: *forked")
    forked = forked.replace("forked:", "forked: &forked")
    assert forward_of(forked)[:4] == [
        "first = self.first(x)",
        "forked = self.forked.conv(x)",
        "forked_left = self.forked.left(forked)",
        "forked_right = self.forked.right(forked)",
    ]


def test_a_residual_adds_into_the_value_of_its_last_convolution() -> None:
    assert forward_of(RESIDUAL.replace("ACT", "none")) == [
        "body = self.conv(x)",
        "body = self.conv_2(body)",
        "body += x",
        "return body",
    ]


def test_a_residual_leaves_an_activation_alone_whose_gradient_needs_it() -> None:
    assert forward_of(RESIDUAL.replace("ACT", "sigmoid"))[-1] == "return x + body"


def test_a_residual_whose_body_may_be_its_input_leaves_that_alone() -> None:
    images = torch.randn(2, 8, 8, 8)
    before = images.clone()
    net = live(HEAD + CONDITIONAL).eval()
    assert torch.equal(net.get_submodule("narrow")(images), 2 * before)
    assert torch.equal(images, before)


@pytest.mark.parametrize("act", ["none", "relu", "sigmoid", "silu"])
def test_a_residual_has_the_gradient_of_its_formula(act: str) -> None:
    net = live(HEAD + RESIDUAL.replace("ACT", act)).double()
    images = torch.randn(2, 8, 8, 8, dtype=torch.double)
    parameters = tuple(net.parameters())
    ours = torch.autograd.grad(net(images).sin().sum(), parameters)
    conv, conv_2 = net.get_submodule("conv"), net.get_submodule("conv_2")
    formula = images + conv_2(conv(images))
    theirs = torch.autograd.grad(formula.sin().sum(), parameters)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_repeat_is_a_loop_that_holds_one_value() -> None:
    body = """
network:
  - conv: {filters: 8, kernel: 3}
    repeat: 3
"""
    assert forward_of(body) == ["for block in self.conv:", "    x = block(x)", "return x"]
    assert isinstance(live(HEAD + body).get_submodule("conv"), nn.ModuleList)


def test_a_repeat_is_one_layer_where_another_step_reads_what_came_before() -> None:
    body = """
network:
  - conv: {filters: 8, kernel: 1}
    id: stem
  - conv: {filters: 8, kernel: 3}
    id: rest
    repeat: 3
  - add: {}
    from: [stem, rest]
"""
    net = live(HEAD + body)
    assert net(torch.zeros(2, 8, 8, 8)).shape == (2, 8, 8, 8)
    assert isinstance(net.get_submodule("rest"), nn.Sequential)


def test_a_head_runs_as_soon_as_its_start_is_there() -> None:
    assert forward_of(PLAIN_HEAD)[:3] == [
        "x = self.conv(x)",
        "aux = self.aux(x) if self.training else None",
        "x = self.conv_2(x)",
    ]
    assert forward_of(PLAIN_HEAD)[-3:] == [
        "if aux is not None:",
        "    return NetOutput(x, aux)",
        "return x",
    ]


def test_a_head_of_statements_runs_in_training_only() -> None:
    net = live(HEAD + HEAD_OF_STATEMENTS)
    images = torch.zeros(2, 8, 8, 8)
    assert order_of_convolutions(net.eval(), images) == ["conv", "conv_2"]
    trained = ["conv", "aux.left.conv", "aux.right.conv", "conv_2"]
    assert order_of_convolutions(live(HEAD + HEAD_OF_STATEMENTS), images) == trained
    assert tuple(net.train()(images)._fields) == ("logits", "aux")


def test_the_layers_of_a_head_are_made_last() -> None:
    assert list(dict(live(HEAD + PLAIN_HEAD).named_children())) == [
        "conv",
        "conv_2",
        "linear",
        "aux",
    ]


def test_heads_that_are_many_keep_to_the_width_of_the_file() -> None:
    names = [f"auxiliary_classifier_{number}" for number in range(5)]
    heads = "".join(
        f"  {name}: {{from: conv, training_only: true, body: [global_avg_pool]}}\n"
        for name in names
    )
    body = HEADS.partition("  aux:")[0] + heads
    lines = source_of(compiled(HEAD + body)).text.splitlines()
    assert "            auxiliary_classifier_0 is not None" in lines
    assert max(map(len, lines)) <= 88
    assert live(HEAD + body)(torch.zeros(2, 8, 8, 8))._fields == ("logits", *names)


def test_a_head_that_reads_both_outputs_of_a_block_is_lowered_once() -> None:
    body = """
blocks:
  parts:
    outputs: {second: second}
    body:
      - conv: {filters: 4, kernel: 1}
        id: second
      - conv: {filters: 4, kernel: 1}
network:
  - parts
  - conv: {filters: 8, kernel: 1}
outputs:
  aux:
    from: parts
    training_only: true
    body:
      - conv: {filters: 4, kernel: 1}
        id: inner
      - add: {}
        from: [inner, parts.second]
"""
    assert "\n".join(forward_of(body)).count("self.aux.inner(") == 1
