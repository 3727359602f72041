"""Convolutions and pools: shapes, params and MACs are those of torch, and what torch cannot do is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archgen.cost import Costs
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedNetwork
from tests.compiling import findings, live, network_of

HEAD = """
archgen: 1
name: net
input: {{channels: {channels}, height: {height}, width: {width}}}
allow: AG308
network:
  - {step}
"""


def spec(step: str, channels: int = 8, height: int = 14, width: int = 11) -> str:
    """A network of one step."""
    return HEAD.format(step=step, channels=channels, height=height, width=width)


def output_of(network: ShapedNetwork) -> tuple[int, ...]:
    """The shape that was inferred, as torch writes it."""
    shape = network.output
    assert isinstance(shape, Shape)
    return (shape.channels, shape.height, shape.width) if shape.grid else (shape.channels,)


def measured(module: nn.Module, height: int, width: int) -> tuple[tuple[int, ...], int]:
    """The output shape and the MACs of one sample of eight channels."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        out = module.eval()(torch.zeros(1, 8, height, width))
    return tuple(out.shape[1:]), counter.get_total_flops() // 2


# a step of the language, and the same layers written by hand
CONVOLUTIONS: list[tuple[str, nn.Module]] = [
    ("filters: 6, kernel: 1, padding: valid", nn.Conv2d(8, 6, 1)),
    ("filters: 6, kernel: 3, padding: valid", nn.Conv2d(8, 6, 3)),
    ("filters: 6, kernel: 3, padding: same", nn.Conv2d(8, 6, 3, padding=1)),
    ("filters: 6, kernel: 5, padding: same", nn.Conv2d(8, 6, 5, padding=2)),
    ("filters: 6, kernel: 1x7, padding: same", nn.Conv2d(8, 6, (1, 7), padding=(0, 3))),
    ("filters: 6, kernel: 7x1, padding: same", nn.Conv2d(8, 6, (7, 1), padding=(3, 0))),
    ("filters: 6, kernel: 3x5, padding: valid", nn.Conv2d(8, 6, (3, 5))),
    ("filters: 6, kernel: 3, padding: 2", nn.Conv2d(8, 6, 3, padding=2)),
    ("filters: 6, kernel: 3, padding: [0, 2]", nn.Conv2d(8, 6, 3, padding=(0, 2))),
    (
        "filters: 6, kernel: 3, padding: [1, 2, 0, 3]",
        nn.Sequential(nn.ZeroPad2d((0, 3, 1, 2)), nn.Conv2d(8, 6, 3)),
    ),
    ("filters: 6, kernel: 3, stride: 2, padding: valid", nn.Conv2d(8, 6, 3, 2)),
    ("filters: 6, kernel: 3, stride: 2, padding: 1", nn.Conv2d(8, 6, 3, 2, 1)),
    ("filters: 6, kernel: 3, stride: 1x2, padding: valid", nn.Conv2d(8, 6, 3, (1, 2))),
    ("filters: 6, kernel: 3, stride: 3, padding: [1, 0]", nn.Conv2d(8, 6, 3, 3, (1, 0))),
    ("filters: 6, kernel: 1, stride: 2, padding: same", nn.Conv2d(8, 6, 1, 2)),
    ("filters: 6, kernel: 2, stride: 2, padding: valid", nn.Conv2d(8, 6, 2, 2)),
    (
        "filters: 6, kernel: 3, stride: 2, padding: {same: tf}",
        nn.Sequential(nn.ZeroPad2d((1, 1, 0, 1)), nn.Conv2d(8, 6, 3, 2)),
    ),
    (
        "filters: 6, kernel: 2, padding: {same: tf}",
        nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(8, 6, 2)),
    ),
    ("filters: 6, kernel: 3, padding: {same: tf}", nn.Conv2d(8, 6, 3, padding=1)),
    ("filters: 6, kernel: 3, dilation: 2, padding: valid", nn.Conv2d(8, 6, 3, dilation=2)),
    (
        "filters: 6, kernel: 3, dilation: 2, padding: same",
        nn.Conv2d(8, 6, 3, dilation=2, padding=2),
    ),
    (
        "filters: 6, kernel: 3, dilation: 1x3, padding: 1",
        nn.Conv2d(8, 6, 3, dilation=(1, 3), padding=1),
    ),
    (
        "filters: 6, kernel: 3, stride: 2, dilation: 2, padding: 1",
        nn.Conv2d(8, 6, 3, 2, 1, dilation=2),
    ),
    ("filters: 6, kernel: 2, dilation: 2, padding: valid", nn.Conv2d(8, 6, 2, dilation=2)),
    ("filters: 6, kernel: 3, groups: 2, padding: same", nn.Conv2d(8, 6, 3, groups=2, padding=1)),
    ("filters: 16, kernel: 3, groups: 8, padding: 0", nn.Conv2d(8, 16, 3, groups=8)),
    (
        "filters: in.channels, kernel: 5, groups: in.channels, padding: same",
        nn.Conv2d(8, 8, 5, groups=8, padding=2),
    ),
    (
        "filters: 6, kernel: 3, padding: same, bias: false",
        nn.Conv2d(8, 6, 3, padding=1, bias=False),
    ),
    (
        "filters: 6, kernel: 3, padding: same, bias: false, norm: batch, act: relu",
        nn.Sequential(nn.Conv2d(8, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
    ),
    (
        "filters: 6, kernel: 3, padding: valid, bias: true, norm: batch",
        nn.Sequential(nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6)),
    ),
    ("filters: 6, kernel: 14x11, padding: valid", nn.Conv2d(8, 6, (14, 11))),
]


@pytest.mark.parametrize(("step", "expected"), CONVOLUTIONS, ids=[c[0] for c in CONVOLUTIONS])
def test_a_convolution_is_that_of_torch(step: str, expected: nn.Module) -> None:
    text = spec(f"conv: {{{step}}}")
    network = network_of(text)
    shape, macs = measured(expected, 14, 11)
    cost = Costs().network(network).cost
    assert output_of(network) == shape
    assert cost.params == sum(weights.numel() for weights in expected.parameters())
    assert cost.macs == macs
    assert measured(live(text), 14, 11) == (shape, macs)


# pools have neither weights nor MACs: the layers alone are compared
POOLS: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("kernel: 3, stride: 2, padding: valid", (3, 2), {}),
    ("kernel: 3, stride: 2, padding: valid, ceil: true", (3, 2), {"ceil_mode": True}),
    ("kernel: 3, stride: 2, padding: 1", (3, 2, 1), {}),
    ("kernel: 3, stride: 2, padding: 1, ceil: true", (3, 2, 1), {"ceil_mode": True}),
    ("kernel: 3, stride: 1, padding: same", (3, 1, 1), {}),
    ("kernel: 5, stride: 1, padding: same", (5, 1, 2), {}),
    ("kernel: 2, stride: 2, padding: valid", (2, 2), {}),
    ("kernel: 2, stride: 2, padding: valid, ceil: true", (2, 2), {"ceil_mode": True}),
    ("kernel: 2, stride: 2, padding: 1, ceil: true", (2, 2, 1), {"ceil_mode": True}),
    ("kernel: 2, stride: 3, padding: 1, ceil: true", (2, 3, 1), {"ceil_mode": True}),
    ("kernel: 1x3, stride: 1, padding: same", ((1, 3), 1, (0, 1)), {}),
    ("kernel: 3x2, stride: 2x1, padding: [1, 0]", ((3, 2), (2, 1), (1, 0)), {}),
    ("kernel: 3, stride: 1, padding: [0, 1]", (3, 1, (0, 1)), {}),
    ("kernel: 4, stride: 3, padding: 2", (4, 3, 2), {}),
    ("kernel: 14x11, stride: 1, padding: valid", ((14, 11), 1), {}),
    ("kernel: 3, stride: 5, padding: valid, ceil: true", (3, 5), {"ceil_mode": True}),
    ("kernel: 1, stride: 2, padding: same", (1, 2), {}),
]


@pytest.mark.parametrize(("step", "given", "more"), POOLS, ids=[pool[0] for pool in POOLS])
@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
@pytest.mark.parametrize(("height", "width"), [(14, 11), (15, 16)])
def test_a_pool_is_that_of_torch(
    op: str,
    step: str,
    given: tuple[object, ...],
    more: dict[str, object],
    height: int,
    width: int,
) -> None:
    text = spec(f"{op}: {{{step}}}", height=height, width=width)
    counting = {} if op == "max_pool" else {"count_include_pad": False}
    layer: Callable[..., nn.Module] = nn.MaxPool2d if op == "max_pool" else nn.AvgPool2d
    expected = layer(*given, **more, **counting)
    image = torch.rand(2, 8, height, width)
    wanted, out = expected(image), live(text)(image)
    assert output_of(network_of(text)) == tuple(wanted.shape[1:])
    assert torch.equal(out, wanted)
    assert Costs().network(network_of(text)).cost.params == 0


def test_padding_counts_in_the_mean_where_it_is_said() -> None:
    text = spec("avg_pool: {kernel: 3, stride: 1, padding: same, count_include_pad: true}")
    image = torch.rand(1, 8, 14, 11)
    assert torch.equal(live(text)(image), nn.AvgPool2d(3, 1, 1)(image))


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 8])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_padding_of_tensorflow_rounds_up(size: int, kernel: int, stride: int) -> None:
    step = f"conv: {{filters: 2, kernel: {kernel}, stride: {stride}, padding: {{same: tf}}}}"
    text = spec(step, height=size, width=size)
    out = -(-size // stride)
    assert output_of(network_of(text)) == (2, out, out)


def test_a_global_pool_is_a_vector_of_means() -> None:
    text = spec("global_avg_pool")
    image = torch.rand(2, 8, 14, 11)
    assert output_of(network_of(text)) == (8,)
    assert torch.allclose(live(text)(image), image.mean((2, 3)))


def test_a_convolution_behind_a_global_pool_sees_one_position() -> None:
    text = spec("global_avg_pool\n  - conv: {filters: 4, kernel: 1, padding: valid}")
    assert output_of(network_of(text)) == (4, 1, 1)


REFUSALS = [
    ("conv: {filters: 6, kernel: 3, stride: 2, padding: same}", "AG113", "a stride of 2"),
    ("conv: {filters: 6, kernel: 4, padding: same}", "AG113", "an even kernel of 4"),
    ("conv: {filters: 6, kernel: 1x4, padding: same}", "AG113", "an even kernel of 4"),
    ("conv: {filters: 6, kernel: 3, stride: 1x2, padding: same}", "AG113", "a stride of 2"),
    ("max_pool: {kernel: 3, stride: 2, padding: same}", "AG113", "a stride of 2"),
    ("conv: {filters: 6, kernel: 15, padding: valid}", "AG304", "15x15 window does not fit"),
    ("conv: {filters: 6, kernel: 1x12, padding: valid}", "AG304", "does not fit on a 14x11 grid"),
    ("conv: {filters: 6, kernel: 3, dilation: 7, padding: valid}", "AG304", "15x15 window"),
    ("conv: {filters: 6, kernel: 17, padding: 1}", "AG304", "(16x13 with padding)"),
    ("max_pool: {kernel: 12, stride: 1, padding: valid}", "AG304", "12x12 window"),
    ("conv: {filters: 6, kernel: 3, padding: same, groups: 3}", "AG305", "8 input channels"),
    ("conv: {filters: 6, kernel: 3, padding: same, groups: 4}", "AG305", "6 filters"),
    ("max_pool: {kernel: 3, stride: 2, padding: 2}", "AG107", "half its kernel"),
    ("avg_pool: {kernel: 2x4, stride: 2, padding: 2}", "AG107", "half its kernel"),
    ("max_pool: {kernel: 3, stride: 2, padding: {same: tf}}", "AG113", "pads both sides alike"),
    ("avg_pool: {kernel: 3, stride: 2, padding: [0, 1, 0, 1]}", "AG113", "pads both sides alike"),
    ("max_pool: {kernel: 3, padding: valid}", "AG114", "`stride`"),
    ("avg_pool: {kernel: 3, padding: valid}", "AG114", "`stride`"),
    ("conv: {filters: 6, kernel: 3}", "AG106", "`padding`"),
    ("conv: {filters: 0, kernel: 3, padding: same}", "AG107", "at least 1"),
    ("conv: {filters: 6, kernel: 0, padding: same}", "AG107", "at least 1"),
    ("conv: {filters: 6, kernel: 3, padding: -1}", "AG107", "at least 0"),
    ("conv: {filters: 6, kernel: 3, padding: [1, 1, 1]}", "AG107", "must be"),
    ("conv: {filters: 6, kernel: 3, padding: {same: pytorch}}", "AG107", "must be"),
    ("conv: {filters: 6, kernel: 3, padding: smae}", "AG107", "`smae` is no padding"),
    ("conv: {filters: 6, kernel: 1 x 7, padding: same}", "AG107", "must be"),
    ("global_avg_pool\n  - max_pool: {kernel: 1, stride: 1, padding: valid}", "AG306", "a vector"),
    ("global_avg_pool\n  - global_avg_pool", "AG306", "a vector"),
]


@pytest.mark.parametrize(("step", "code", "words"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_what_cannot_be_is_refused_with_one_finding(step: str, code: str, words: str) -> None:
    (finding,) = findings(spec(step))
    assert finding.rule.code == code
    assert words in finding.message
    assert finding.help or code == "AG304" or "at least" in finding.message


def test_groups_that_do_not_divide_are_told_with_those_that_do() -> None:
    (finding,) = findings(spec("conv: {filters: 6, kernel: 3, padding: same, groups: 4}"))
    assert "`groups: 2` on `conv`" in finding.help


def test_a_refusal_points_at_the_setting_and_shows_the_shape() -> None:
    (finding,) = findings(spec("conv: {filters: 6, kernel: 15, padding: valid}"))
    assert finding.span.start == (7, 32)
    assert finding.caption == "here is 8 x 14 x 11"


@pytest.mark.parametrize(
    ("step", "drops"),
    [
        ("conv: {filters: 6, kernel: 3, stride: 2, padding: valid}", True),
        ("conv: {filters: 6, kernel: 2, stride: 3, padding: valid}", False),
        ("max_pool: {kernel: 2, stride: 2, padding: valid}", False),
        ("max_pool: {kernel: 3, stride: 2, padding: valid}", True),
        ("max_pool: {kernel: 3, stride: 2, padding: valid, ceil: true}", False),
    ],
)
def test_a_strided_layer_that_ignores_rows_is_a_warning(step: str, drops: bool) -> None:
    text = spec(step, height=14, width=14).replace("allow: AG308\n", "")
    assert [finding.rule.code for finding in findings(text)] == ["AG308"] * drops
