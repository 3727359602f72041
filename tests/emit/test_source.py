"""Emitted source, construct by construct: YAML in, Python out."""

from __future__ import annotations

import pytest
import torch

from tests.compiling import compiled, live, source_of

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 16}
defaults:
  conv: {padding: same, bias: false, norm: batch, act: relu}
  max_pool: {padding: valid}
"""


def text(body: str) -> str:
    """The emitted source of a network."""
    return source_of(compiled(HEAD + body)).text


def test_a_param_becomes_an_argument() -> None:
    source = text(
        """
blocks:
  pair:
    params: {width: int, last: {type: int, default: 8}}
    body:
      - conv: {filters: 2 * width, kernel: 1}
      - conv: {filters: last, kernel: 3}
network:
  - pair: {width: 4}
"""
    )
    assert "def __init__(self, in_channels: int, width: int, last: int = 8) -> None:" in source
    assert "self.conv = ConvNormReLU(in_channels, 2 * width, kernel_size=1)" in source
    assert "self.pair = Pair(3, width=4)" in source


def test_a_condition_becomes_an_if() -> None:
    source = text(
        """
blocks:
  down:
    params: {filters: int, stride: {type: int, default: 1}}
    body:
      - residual:
          shortcut:
            - conv: {filters: filters, kernel: 1, stride: stride, padding: valid, act: none}
              when: stride > 1 or in.channels != filters
          body:
            - conv: {filters: filters, kernel: 3, stride: stride, padding: 1}
network:
  - down: {filters: 8, stride: 2}
    id: first
  - down: {filters: 8}
    id: second
"""
    )
    assert "if stride > 1 or in_channels != filters:" in source
    assert source.count("class Down(") == 1
    assert "F.relu" in source
    assert "return self.shortcut(x) + self.conv(x)" in source or "body" in source


def test_an_absent_step_is_an_identity_in_the_live_module() -> None:
    net = live(
        HEAD
        + """
blocks:
  maybe:
    params: {filters: int}
    body:
      - conv: {filters: filters, kernel: 1}
        when: in.channels != filters
      - conv: {filters: filters, kernel: 3}
network:
  - maybe: {filters: 4}
    id: a
  - maybe: {filters: 4}
    id: b
"""
    )
    assert "a.conv.weight" in net.state_dict()
    assert "b.conv.weight" not in net.state_dict()
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 4, 16, 16)


def test_words_decide_classes() -> None:
    source = text(
        """
blocks:
  act_conv:
    params: {act: [relu, hardswish]}
    body:
      - conv: {filters: 4, kernel: 1, act: act}
network:
  - act_conv: {act: relu}
    id: plain
  - act_conv: {act: hardswish}
    id: wavy
"""
    )
    assert "class ActConv(" in source
    assert "class Wavy(" in source


def test_a_repeat_whose_channels_grow_is_a_loop() -> None:
    source = text(
        """
blocks:
  dense_layer:
    params: {growth: int}
    body:
      - concat:
          keep: []
          new:
            - conv: {filters: growth, kernel: 3}
network:
  - dense_layer: {growth: 12}
    repeat: 4
"""
    )
    assert "DenseLayer(12 * i + 3, growth=12) for i in range(4)\n" in source
    assert "for block in self.dense_layer:" in source


def test_a_growing_repeat_inside_a_block_follows_its_count() -> None:
    spec = (
        HEAD
        + """
params: {n: {type: int, default: 3}}
blocks:
  layer:
    params: {growth: int}
    body:
      - concat: {keep: [], new: [{conv: {filters: growth, kernel: 1}}]}
  dense:
    params: {n: int, growth: int}
    body:
      - layer: {growth: growth}
        repeat: n
      - conv: {filters: 2, kernel: 1}
network:
  - dense: {n: n, growth: 5}
"""
    )
    assert live(spec)(torch.zeros(1, 3, 16, 16)).shape == (1, 2, 16, 16)
    longer = live(spec, n=5)
    assert longer(torch.zeros(1, 3, 16, 16)).shape == (1, 2, 16, 16)
    assert longer.get_parameter("dense.conv.weight").shape[1] == 3 + 5 * 5


def test_from_keeps_a_value_for_later() -> None:
    net = live(
        HEAD
        + """
network:
  - conv: {filters: 4, kernel: 3}
    id: early
  - conv: {filters: 4, kernel: 3}
  - conv: {filters: 4, kernel: 3}
  - concat: {}
    from: [conv_2, early]
"""
    )
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 8, 16, 16)


def test_an_instance_of_a_repeat_can_be_read() -> None:
    source = text(
        """
blocks:
  a:
    body:
      - conv: {filters: in.channels, kernel: 3}
network:
  - a: {}
    repeat: 5
  - concat: {}
    from: [a, a.1]
"""
    )
    assert "a_1 = self.a[0:2](x)" in source
    assert "a = self.a[2:](a_1)" in source


def test_squeeze_and_excitation_stretches_its_gate() -> None:
    net = live(
        HEAD
        + """
blocks:
  squeeze_excite:
    params: {squeeze: int}
    body:
      - multiply:
          keep: []
          gate:
            - global_avg_pool
            - conv: {filters: squeeze, kernel: 1, bias: true, norm: none}
            - conv: {filters: in.channels, kernel: 1, bias: true, norm: none, act: hardsigmoid}
network:
  - squeeze_excite: {squeeze: 2}
"""
    )
    assert net(torch.randn(2, 3, 16, 16)).shape == (2, 3, 16, 16)
    assert "squeeze_excite.gate.conv.weight" in net.state_dict()


@pytest.mark.parametrize("size", [15, 16])
def test_tensorflow_padding_follows_the_input(size: int) -> None:
    spec = (
        HEAD.replace("grid: 16", f"grid: {size}")
        + """
network:
  - conv: {filters: 4, kernel: 3, stride: 2, padding: {same: tf}}
"""
    )
    x = torch.zeros(1, 3, size, size)
    assert live(spec)(x).shape == (1, 4, 8, 8)


def test_asymmetric_padding_is_written_out() -> None:
    spec = (
        HEAD
        + """
network:
  - conv: {filters: 4, kernel: 2, padding: [0, 1, 0, 1]}
"""
    )
    assert "F.pad(x, (0, 1, 0, 1))" in text(
        """
network:
  - conv: {filters: 4, kernel: 2, padding: [0, 1, 0, 1]}
"""
    )
    assert live(spec)(torch.zeros(1, 3, 16, 16)).shape == (1, 4, 16, 16)


def test_a_tap_is_returned_in_evaluation_too() -> None:
    net = live(
        HEAD
        + """
network:
  - conv: {filters: 4, kernel: 3}
    id: early
  - global_avg_pool
  - linear: {features: 2}
outputs:
  features: {from: early}
  aux: {from: early, training_only: true, body: [global_avg_pool, {linear: {features: 2}}]}
"""
    )
    x = torch.zeros(2, 3, 16, 16)
    assert net.eval()(x).features.shape == (2, 4, 16, 16)
    assert net.eval()(x).aux is None
    assert net.train()(x).aux.shape == (2, 2)


def test_several_inputs_and_outputs_of_a_block() -> None:
    net = live(
        HEAD
        + """
blocks:
  join:
    inputs: [a, b]
    outputs: {sum: added}
    body:
      - add: {}
        id: added
        from: [in.a, in.b]
      - conv: {filters: in.a.channels, kernel: 1}
network:
  - conv: {filters: 4, kernel: 3}
    id: one
  - conv: {filters: 4, kernel: 3}
    id: two
  - join: {}
    from: [one, two]
  - concat: {}
    from: [join, join.sum]
"""
    )
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 8, 16, 16)


def test_hostile_words_stay_words() -> None:
    hostile = 'x\\"\\"\\"\\nimport os  # {} \\\\ \\u202e'
    source = text(
        f"""
note: "{hostile}"
network:
  - conv: {{filters: 4, kernel: 3}}
"""
    )
    assert "import os" not in [line.strip() for line in source.splitlines()]
    compile(source, "net.py", "exec")
