from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # everybody writes it so
from torch import Tensor, nn

from archgen.lift.flat import Call, Value
from archgen.lift.matching import OutsideTheTable, matched
from archgen.lift.recording import record, starts_of
from tests.lift.modules import Shuffle, Squeeze

IMAGES = torch.linspace(-1, 1, 2 * 4 * 8 * 8).view(2, 4, 8, 8)
Function = Callable[[Tensor], Tensor]


class Calling(nn.Module):
    """A module that is one function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self._function = function

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x)


def calls(module: nn.Module) -> tuple[Call, ...]:
    net = module.eval()
    return matched(record(net, IMAGES), starts_of(net), "net", "tests").calls


def steps(module: nn.Module) -> list[tuple[str, dict[str, Value]]]:
    return [(call.op, dict(call.settings)) for call in calls(module)]


CONV: dict[str, Value] = {"filters": 8, "kernel": 3}


@pytest.mark.parametrize(
    ("layer", "op", "settings"),
    [
        (nn.Conv2d(4, 8, 3), "conv", {**CONV, "padding": "valid"}),
        (nn.Conv2d(4, 8, 3, padding=1), "conv", {**CONV, "padding": "same"}),
        (nn.Conv2d(4, 8, 3, padding="same"), "conv", {**CONV, "padding": "same"}),
        pytest.param(
            nn.Conv2d(4, 8, 2, padding="same"),
            "conv",
            {"filters": 8, "kernel": 2, "padding": (0, 1, 0, 1)},
            marks=pytest.mark.filterwarnings("ignore:Using padding='same' with even"),
        ),
        (nn.Conv2d(4, 8, 3, 2, 1), "conv", {**CONV, "stride": 2, "padding": 1}),
        (
            nn.Conv2d(4, 8, (1, 7), padding=(0, 3), bias=False),
            "conv",
            {"filters": 8, "kernel": "1x7", "padding": "same", "bias": False},
        ),
        (
            nn.Conv2d(4, 8, 3, padding=(1, 2), dilation=(1, 2), groups=2),
            "conv",
            {**CONV, "padding": "same", "dilation": "1x2", "groups": 2},
        ),
        (nn.Conv2d(4, 8, 3, padding=(0, 1)), "conv", {**CONV, "padding": (0, 1)}),
        (
            nn.ConvTranspose2d(4, 8, 3, 2, 1, output_padding=1, bias=False),
            "conv_transpose",
            {**CONV, "stride": 2, "padding": 1, "bias": False, "extra": 1},
        ),
        (nn.MaxPool2d(2), "max_pool", {"kernel": 2, "stride": 2, "padding": "valid"}),
        (
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            "max_pool",
            {"kernel": 3, "stride": 2, "padding": 1, "ceil": True},
        ),
        (
            nn.AvgPool2d(3, 1, 1),
            "avg_pool",
            {"kernel": 3, "stride": 1, "padding": "same", "count_include_pad": True},
        ),
        (
            nn.AvgPool2d(3, 1, 1, count_include_pad=False),
            "avg_pool",
            {"kernel": 3, "stride": 1, "padding": "same"},
        ),
        (nn.AvgPool2d(2), "avg_pool", {"kernel": 2, "stride": 2, "padding": "valid"}),
        (nn.AdaptiveAvgPool2d(1), "global_avg_pool", {}),
        (nn.AdaptiveAvgPool2d(4), "avg_pool", {"kernel": 2, "stride": 2, "padding": "valid"}),
        (
            nn.AdaptiveMaxPool2d((1, 4)),
            "max_pool",
            {"kernel": "8x2", "stride": "8x2", "padding": "valid"},
        ),
        (nn.BatchNorm2d(4), "norm", {"kind": "batch"}),
        (
            nn.BatchNorm2d(4, 1e-3, 0.01, affine=False),
            "norm",
            {"kind": {"batch": {"eps": 1e-3, "momentum": 0.01, "affine": False}}},
        ),
        (nn.GroupNorm(2, 4), "norm", {"kind": {"group": {"groups": 2}}}),
        (nn.LocalResponseNorm(5, k=2.0), "lrn", {"size": 5, "k": 2.0}),
        (nn.ReLU6(), "act", {"function": "relu6"}),
        (nn.Hardtanh(0, 6), "act", {"function": "relu6"}),
        (nn.LeakyReLU(0.1), "act", {"function": {"leaky_relu": {"slope": 0.1}}}),
        (nn.PReLU(4), "act", {"function": "prelu"}),
        (nn.SiLU(), "act", {"function": "silu"}),
        (nn.GELU(), "act", {"function": "gelu"}),
        (nn.Hardswish(), "act", {"function": "hardswish"}),
        (nn.Hardsigmoid(), "act", {"function": "hardsigmoid"}),
        (nn.Sigmoid(), "act", {"function": "sigmoid"}),
        (nn.Tanh(), "act", {"function": "tanh"}),
        (nn.Softmax(dim=1), "act", {"function": "softmax"}),
        (nn.Dropout(0.3), "dropout", {"rate": 0.3}),
        (nn.Flatten(), "flatten", {}),
        (nn.ChannelShuffle(2), "channel_shuffle", {"groups": 2}),
        (nn.ZeroPad2d((1, 2, 3, 4)), "pad", {"amount": (3, 4, 1, 2)}),
        (nn.ReflectionPad2d(1), "pad", {"amount": 1, "mode": "reflect"}),
        (nn.Upsample(scale_factor=2), "upsample", {"factor": 2}),
        (
            nn.Upsample(size=(16, 8), mode="bilinear", align_corners=True),
            "upsample",
            {"factor": "2x1", "mode": "bilinear", "align_corners": True},
        ),
    ],
    ids=str,
)
def test_a_layer_is_an_op_with_its_settings(
    layer: nn.Module, op: str, settings: dict[str, Value]
) -> None:
    assert steps(layer) == [(op, settings)]


@pytest.mark.parametrize(
    ("function", "ops"),
    [
        (lambda x: x.clamp(min=0), ["act"]),
        (F.normalize, ["l2_normalize"]),
        (lambda x: x.mean(dim=(-2, -1), keepdim=True), ["global_avg_pool"]),
        (lambda x: x.view(2, 4, -1).mean(2), ["global_avg_pool"]),
        (lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), ["global_avg_pool"]),
        (lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1), ["global_avg_pool"]),
        (lambda x: x.mean((2, 3))[:, :, None, None] * x, ["global_avg_pool", "multiply"]),
        (lambda x: x.amax((2, 3)), ["max_pool", "flatten"]),
        (lambda x: x.view(x.size(0), -1), ["flatten"]),
        (lambda x: x.contiguous().clone().float() * 1.0 + 0, []),
        (lambda x: 2 * x - x / 4, ["scale", "scale", "scale", "add"]),
        (lambda x: torch.add(x, -x, alpha=0.5), ["scale", "scale", "add"]),
        (lambda x: torch.cat([x], 1), []),
        (lambda x: torch.cat((x, torch.relu(x)), dim=-3), ["act", "concat"]),
        (lambda x: x[:, :, :, :], []),
        (lambda x: sum(x.split(2, 1)), ["split", "add"]),
        (lambda x: x[:, 1:3] + x[:, :2].relu()[:, :2], None),
        (lambda x: F.dropout(x, 0.0, training=False), []),
        (lambda x: F.interpolate(x, size=(8, 8)), []),
        (lambda x: F.pad(x, (0, 0, 0, 0)), []),
        (lambda x: F.adaptive_avg_pool2d(x, 8), []),
        (lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2), []),
    ],
)
def test_what_a_function_does_is_said_by_as_few_steps(
    function: Function, ops: list[str] | None
) -> None:
    if ops is None:
        with pytest.raises(OutsideTheTable):
            calls(Calling(function))
    else:
        assert [call.op for call in calls(Calling(function))] == ops


def _half_in_place(x: Tensor) -> Tensor:
    x[:, :2].relu_()
    return x.sigmoid()


class Blurred(nn.Module):
    """A convolution that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", torch.ones(4, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.get_buffer("filter"), groups=4)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.ELU(), "`elu` is outside the op table"),
        (nn.GELU("tanh"), "`gelu` by an approximation"),
        (nn.Softmax(dim=2), "`softmax` over other dimensions than the channels"),
        (nn.MaxPool2d(2, dilation=2), "`max_pool2d` with a dilation"),
        (nn.AvgPool2d(2, divisor_override=3), "`avg_pool2d` with a divisor"),
        (nn.AdaptiveAvgPool2d(3), "`adaptive_avg_pool2d` from 8x8 to 3x3, whose windows differ"),
        (nn.PReLU(), "`prelu` with one slope for all channels"),
        (nn.BatchNorm2d(4, track_running_stats=False), "takes the statistics of the batch"),
        (nn.LayerNorm((4, 8, 8)), "`layer_norm` over other dimensions than the channels"),
        (nn.Linear(8, 8), "`linear` along the width of a grid"),
        (nn.PixelShuffle(2), "`pixel_shuffle` is outside"),
        (nn.ConstantPad2d(1, 3.0), "`pad` with other values"),
        (
            Calling(lambda x: F.interpolate(x, (4, 4), mode="bilinear", antialias=True)),
            "with `antialias`",
        ),
        (nn.Upsample(scale_factor=2, mode="bicubic"), "`interpolate` by the mode `bicubic`"),
        (Calling(lambda x: x + 1), "adding the number 1"),
        (Calling(lambda x: x[:, ::2]), "no row of channels"),
        (Calling(lambda x: x[:, :, 1:]), "no row of channels"),
        (Calling(lambda x: x + torch.ones(1)), "adding a constant tensor"),
        (Calling(lambda x: x + x.mean((2, 3), keepdim=True)), "different shapes"),
        (Calling(lambda x: x.transpose(2, 3)), "`transpose` of dimensions"),
        (Calling(lambda x: torch.cat([x, x], 2)), "along another dimension than the channels"),
        (Calling(lambda x: x.view(4, 2, 8, 8)), "`view` from 2x4x8x8 to 4x2x8x8"),
        (Calling(lambda x: F.pad(x, (-1, 0))), "`pad` that cuts off"),
        (Calling(lambda x: x if x.sum() > 0 else -x), "to go by the values of a tensor"),
        (Calling(lambda x: F.dropout(x, 0.5)), "`dropout` in evaluation"),
        (Calling(lambda x: x.permute(0, 2, 3, 1)), "an output of 2x8x8x4"),
        (Calling(lambda x: x.chunk(2, 1)[0]), "a part of the channels of a value"),
        (Calling(lambda x: x * float("inf")), "`factor` that is `inf`"),
        (Calling(lambda x: _half_in_place(torch.tanh(x))), "changed in place through a view"),
        (Blurred(), "`conv2d` with `filter`, which is no parameter"),
    ],
    ids=str,
)
def test_what_has_no_op_is_named(module: nn.Module, message: str) -> None:
    with pytest.raises(OutsideTheTable) as refused:
        calls(module)
    assert any(message in problem.message for problem in refused.value.problems)


def test_all_that_has_no_op_is_told_at_once_with_its_place() -> None:
    net = nn.Sequential(nn.ELU(), nn.Sequential(nn.Conv2d(4, 4, 1), nn.Mish()), nn.ELU())
    with pytest.raises(OutsideTheTable) as refused:
        calls(net)
    found = [(problem.message, problem.path) for problem in refused.value.problems]
    outside = "is outside the op table"
    assert found == [
        *((f"`elu` {outside}", "0"), (f"`mish` {outside}", "1.1"), (f"`elu` {outside}", "2")),
    ]


def test_weights_that_are_shared_are_refused() -> None:
    layer = nn.Conv2d(4, 4, 1)
    with pytest.raises(OutsideTheTable) as refused:
        calls(nn.Sequential(layer, layer))
    messages = {problem.message for problem in refused.value.problems}
    assert "the weight `0.weight` is used a second time, and steps share none" in messages


def test_a_weight_that_is_computed_is_refused() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1))
    with pytest.raises(OutsideTheTable) as refused:
        calls(layer)
    assert refused.value.problems


def test_a_gate_is_a_vector_until_it_is_multiplied() -> None:
    net = nn.Sequential(nn.Conv2d(4, 3, 1), Squeeze())
    shapes = {call.name: call.shape for call in calls(net)}
    assert shapes["global_avg_pool_1"] == (8,)
    assert shapes["multiply_1"] == (8, 8, 8)
    assert shapes["linear_2"] == (8,)


def test_parts_of_channels_are_those_of_one_split() -> None:
    found = calls(nn.Sequential(nn.Conv2d(4, 3, 1), Shuffle()))
    splits = [call for call in found if call.op == "split"]
    assert [dict(call.settings)["sizes"] for call in splits] == [{"a": 4, "b": 4}] * 2
    shuffle = next(call for call in found if call.op == "channel_shuffle")
    assert dict(shuffle.settings) == {"groups": 2}
    joins = [call.inputs for call in found if call.op == "concat"]
    assert joins[0][0] == "split_1.a"


def test_what_nothing_comes_of_is_left_out() -> None:
    def twice(x: Tensor) -> Tensor:
        torch.tanh(x)
        return torch.relu(x)

    assert [dict(call.settings)["function"] for call in calls(Calling(twice))] == ["relu"]


def test_a_factor_a_channel_starts_as_the_module_has_it() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gamma = nn.Parameter(torch.full((4,), 1e-6))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.gamma.view(1, -1, 1, 1)

    (call,) = calls(Scaled())
    assert dict(call.settings) == {"factor": 1e-6, "learned": True}
    assert call.tensors == (("weight", "gamma"),)
