"""Modules that compute what their specs say: cases in which they once did not."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from tests.compiling import codes, compiled, live, network_of, source_of

HEAD = "archgen: 1\nname: net\ninput: {channels: 2, grid: 6}\n"
X = torch.arange(2 * 2 * 6 * 6, dtype=torch.float32).reshape(2, 2, 6, 6) / 50


def run(yaml: str, **arguments: object) -> torch.Tensor:
    module = live(HEAD + yaml, **arguments).eval()
    with torch.no_grad():
        result = module(X)
    assert isinstance(result, torch.Tensor)
    return result


def test_a_branch_may_begin_with_a_step_that_reads_another_value() -> None:
    steps = """
network:
  - act: {leaky_relu: {slope: 2.0}}
  - max_pool: {kernel: 3, stride: 1, padding: same}
  - concat:
      a: [{identity: {}, from: in}]
      b: [{act: tanh, from: in}, identity]
"""
    assert torch.equal(run(steps), torch.cat([X, torch.tanh(X)], 1))


def test_a_branch_may_end_in_a_concat_of_another_value() -> None:
    steps = """
network:
  - act: tanh
    id: kept
  - act: relu
  - concat:
      nested:
        - concat: {a: [], b: [{act: sigmoid}]}
          from: kept
      other: []
"""
    kept = torch.tanh(X)
    wanted = torch.cat([kept, torch.sigmoid(kept), torch.relu(kept)], 1)
    assert torch.equal(run(steps), wanted)


def test_a_sum_within_a_product_is_added_first() -> None:
    steps = """
network:
  - multiply:
      sum: [{add: {c: [], d: [{act: tanh}]}}]
      factor: [{act: sigmoid}]
"""
    assert torch.allclose(run(steps), (X + torch.tanh(X)) * torch.sigmoid(X))


def test_a_long_sum_that_begins_with_a_concat_stays_a_sum() -> None:
    branches = "".join(
        f"      a_branch_with_a_long_name_{i}: [{{concat: {{}}, from: [in, in]}}]\n"
        for i in range(4)
    )
    assert torch.allclose(run(f"network:\n  - add:\n{branches}"), 4 * torch.cat([X, X], 1))


def test_a_step_that_is_left_out_and_read_later_keeps_its_value() -> None:
    steps = """
network:
  - act: tanh
  - act: relu
    id: kept
    when: in.channels > 2
  - act: sigmoid
  - add: {}
    from: [kept, kept]
"""
    assert torch.allclose(run(steps), 2 * torch.tanh(X))


def test_a_condition_on_a_param_may_leave_out_a_step_that_could_not_be() -> None:
    steps = """
params: {wide: {type: int, default: 1}}
network:
  - max_pool: {kernel: 1, stride: 1, padding: 2}
    when: wide > 3
  - act: tanh
"""
    assert torch.allclose(run(steps), torch.tanh(X))


def test_instances_of_a_repeat_that_no_formula_covers_have_their_own_numbers() -> None:
    steps = """
network:
  - conv: {filters: "max(4 if 3 >= i else i, here.channels)", kernel: 1, padding: valid}
    repeat: 3
  - conv: {filters: "i + min(here.channels, 3)", kernel: 1, padding: valid}
    repeat: 3
"""
    module = live(HEAD + steps)
    channels = [layer.out_channels for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert channels == [4, 4, 4, 3, 4, 5]


@pytest.mark.parametrize("setting", ["bias: here.channels > 2", "norm: {batch: {eps: scale}}"])
def test_what_a_class_cannot_take_as_a_number_is_right_in_each_use(setting: str) -> None:
    steps = f"""
blocks:
  unit:
    params: {{scale: float}}
    body: [{{conv: {{filters: 3, kernel: 1, padding: valid, {setting}}}}}]
network:
  - unit: {{scale: 0.25}}
  - unit: {{scale: 0.5}}
"""
    module = live(HEAD + steps)
    convolutions = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    if "bias" in setting:
        assert [layer.bias is None for layer in convolutions] == [True, False]
    else:
        norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
        assert [layer.eps for layer in norms] == [0.25, 0.5]


def test_the_slope_of_an_activation_may_come_from_a_param() -> None:
    steps = """
blocks:
  unit:
    params: {slope: float}
    body: [{act: {leaky_relu: {slope: slope}}}]
network:
  - act: tanh
  - unit: {slope: 0.5}
  - unit: {slope: 0.25}
"""
    assert torch.allclose(run(steps), torch.tanh(X))
    assert "0.25" in source_of(compiled(HEAD + steps)).text


def test_paddings_that_are_equal_in_one_use_only_are_both_written() -> None:
    steps = """
params: {high: {type: int, default: 1}, wide: {type: int, default: 1}}
network:
  - conv: {filters: 1, kernel: 3, padding: [high, wide]}
"""
    assert tuple(run(steps, wide=2).shape) == (2, 1, 6, 8)


def test_channels_behind_tensorflows_padding_follow_the_stride() -> None:
    steps = """
params: {stride: {type: int, default: 1}}
network:
  - conv: {filters: 1, kernel: 3, stride: stride, padding: {same: tf}}
  - flatten
  - linear: {features: 3}
"""
    assert tuple(run(steps, stride=2).shape) == (2, 3)


def test_an_input_may_be_called_as_torch_calls_something() -> None:
    steps = """
blocks:
  sum:
    inputs: [F, torch]
    body:
      - act: relu6
        from: in.F
      - add: {}
        from: [in.F, in.torch]
network:
  - act: tanh
    id: other
  - sum: {}
    from: [in, other]
"""
    assert torch.allclose(run(steps), X + torch.tanh(X))


def test_a_block_with_further_outputs_may_be_left_out() -> None:
    steps = """
blocks:
  taps:
    body: [{act: tanh, id: t}]
    outputs: {tap: t}
  unit:
    params: {wide: int}
    body:
      - taps: {}
        when: wide > 3
network:
  - unit: {wide: 1}
  - unit: {wide: 5}
"""
    assert torch.allclose(run(steps), torch.tanh(X))


HEADS = """
network:
  - conv: {filters: 3, kernel: 1, padding: valid}
    id: first
  - act: tanh
    id: last
outputs:
  NetOutput:
    from: first
    training_only: true
    body:
      - act: relu
      - concat: {}
        from: [first, last]
  more:
    from: first
    training_only: true
    body: [{act: sigmoid}]
"""


def test_heads_may_read_later_steps_and_bear_the_name_of_a_class() -> None:
    module = live(HEAD + HEADS).train()
    result = module(X)
    assert torch.equal(result.NetOutput[:, 3:], result.logits)
    assert torch.allclose(torch.tanh(result.NetOutput[:, :3]), result.logits)


def test_a_network_called_branch_has_heads() -> None:
    module = live(HEAD.replace("name: net", "name: Branch") + HEADS).train()
    assert module(X).more.shape == (2, 3, 6, 6)


@pytest.mark.parametrize("name", ["logits", "self"])
def test_names_that_emitted_modules_need_are_refused(name: str) -> None:
    assert "AG108" in codes(HEAD + HEADS.replace("more:", f"{name}:"))


def test_an_eps_of_nothing_is_refused_as_torch_refuses_it() -> None:
    assert codes(HEAD + "network: [{norm: {batch: {eps: 0}}}]") == ["AG107"]
    assert network_of(HEAD + "network: [{norm: {batch: {eps: 1e-9}}}]").output is not None


def test_a_join_by_name_in_a_branch_that_does_not_fit_is_told() -> None:
    steps = """
network:
  - concat:
      a: [{add: {}, from: [in, in]}]
      b: [{max_pool: {kernel: 2, stride: 2, padding: valid}}]
"""
    assert codes(HEAD + steps) == ["AG301"]


PART = """
blocks:
  part:
    body: [{conv: {filters: 3, kernel: 1, padding: valid}}, {act: relu}]
"""


def test_a_param_may_be_called_as_a_class_would_be() -> None:
    steps = (
        f"params: {{Part: {{type: float, default: 0.5}}}}\n{PART}"
        """
network:
  - residual: {scale: Part, body: [part: {}, {conv: {filters: 2, kernel: 1, padding: valid}}]}
"""
    )
    assert run(steps).shape == X.shape
    assert run(steps, Part=0.0).equal(X)


def test_a_param_cannot_be_called_as_a_helper_of_modules_is() -> None:
    assert "AG108" in codes(
        f"{HEAD}params: {{Branch: {{type: int, default: 1}}}}\nnetwork:\n  - act: relu\n"
    )


def test_a_param_that_changes_the_grid_a_block_computes_with_is_no_argument() -> None:
    steps = """
params: {p: {type: int, default: 2}}
blocks:
  tall:
    body: [{conv: {filters: here.height, kernel: 1, padding: valid}}]
network:
  - conv: {filters: 4, kernel: p, padding: valid}
  - tall
"""
    assert run(steps).shape[1] == 5
    assert "p" not in inspect.signature(type(live(HEAD + steps))).parameters


def test_a_block_with_its_numbers_written_out_is_not_called_with_others() -> None:
    steps = """
blocks:
  tall:
    body: [{conv: {filters: here.channels + here.height, kernel: 1, padding: valid}}]
  outer:
    body: [tall: {}, {conv: {filters: here.channels, kernel: 1, padding: valid}}]
network:
  - outer
  - max_pool: {kernel: 2, stride: 2, padding: valid}
  - outer
"""
    assert run(steps).shape == (2, 2 + 6 + 3, 3, 3)


def test_a_step_may_be_called_as_a_value_that_its_class_keeps() -> None:
    steps = """
params: {much: {type: float, default: 0.5}}
network:
  - act: tanh
    id: scale_value
  - conv: {filters: 2, kernel: 1, padding: valid}
    id: scale
  - residual: {scale: much, body: [{conv: {filters: 2, kernel: 1, padding: valid}}]}
"""
    assert run(steps, much=0.25).shape == X.shape


def test_formulas_that_nobody_would_read_are_numbers_of_each_use() -> None:
    doubled = (
        "      - conv: {filters: 'max(here.channels, here.channels - 1)', kernel: 1, padding: 0}\n"
    )
    block = "blocks:\n  b:\n    body:\n      - act: relu\n" + doubled * 40
    uses = "network:\n  - b\n  - conv: {filters: 3, kernel: 1, padding: 0}\n  - b\n"
    assert run(block + uses).shape == (2, 3, 6, 6)
    source = source_of(compiled(HEAD + block + uses)).text
    assert max(len(line) for line in source.splitlines()) <= 100


def test_a_repeat_of_no_times_may_hold_a_join_that_does_not_fit() -> None:
    steps = """
params: {n: {type: int, default: 0}}
blocks:
  halved:
    body:
      - concat:
          one: [{max_pool: {kernel: 1, stride: 2, padding: 0}}]
          two: [{conv: {filters: 2, kernel: 1, stride: 2, padding: 0}}]
          odd: [{conv: {filters: 2, kernel: 1, stride: 3, padding: 0}}]
network:
  - halved: {}
    repeat: n
"""
    assert torch.equal(run(steps), X)


def test_a_stride_that_equals_the_kernel_of_one_use_only_is_written() -> None:
    steps = """
params: {k: {type: int, default: 1}}
network:
  - max_pool: {kernel: k, stride: 1, padding: valid}
"""
    assert torch.equal(run(steps, k=3), nn.MaxPool2d(3, stride=1)(X))


def test_a_concat_within_a_concat_may_depend_on_a_param() -> None:
    steps = """
params: {deep: {type: bool, default: true}}
network:
  - concat:
      plain: []
      more:
        - concat: {a: [], b: [{norm: batch}]}
          when: deep
"""
    module = live(HEAD + steps)
    assert module.eval()(X).shape[1] == 6
    assert "deep" not in inspect.signature(type(module)).parameters


@pytest.mark.parametrize(("k", "kernel"), [(1, (4, 4)), (2, (2, 3))])
def test_a_kernel_of_the_size_of_its_grid_has_two_sides_where_another_use_has(
    k: int, kernel: tuple[int, int]
) -> None:
    spec = """
params: {k: {type: int, default: 1}}
network:
  - conv: {filters: 2, kernel: 2x1, stride: 1, padding: [0, 0, 0, 0], dilation: k}
  - conv: {filters: 2, kernel: 1x2, padding: valid}
  - conv: {filters: 2, kernel: 2x2, padding: valid, dilation: k}
  - conv: {filters: 2, kernel: here.grid, padding: valid}
"""
    module = live(HEAD + spec, k=k)
    assert module(X).shape == (2, 2, 1, 1)
    assert tuple(module.state_dict()["conv_4.weight"].shape[2:]) == kernel
