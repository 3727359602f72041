"""Ops that are one layer of torch: with equal weights, both compute the same and cost what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archgen.cost import Costs
from archgen.layers import layers
from tests.compiling import codes, findings, live, network_of

HEAD = "archgen: 1\nname: net\ninput: {channels: 8, height: 6, width: 5}\nnetwork:\n"


def spec(*steps: str) -> str:
    """A network of these steps, each on one line."""
    return HEAD + "".join(f"  - {step}\n" for step in steps)


def sample() -> Tensor:
    """Three images of eight channels, some of their values negative."""
    return torch.randn(3, 8, 6, 5, generator=torch.Generator().manual_seed(1))


class ChannelsLast(nn.Module):
    """A layer that wants the channels last."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.movedim(1, -1)).movedim(-1, 1)
        return out


CONVOLUTIONS: list[tuple[str, nn.Module]] = [
    ("filters: 4, kernel: 2, stride: 2, padding: valid", nn.ConvTranspose2d(8, 4, 2, 2)),
    ("filters: 4, kernel: 3, padding: valid", nn.ConvTranspose2d(8, 4, 3)),
    ("filters: 4, kernel: 3, stride: 2, padding: 1", nn.ConvTranspose2d(8, 4, 3, 2, 1)),
    (
        "filters: 4, kernel: 3, stride: 2, padding: 1, extra: 1",
        nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1),
    ),
    (
        "filters: 4, kernel: 2x3, stride: 1x2, padding: [0, 1]",
        nn.ConvTranspose2d(8, 4, (2, 3), (1, 2), (0, 1)),
    ),
    (
        "filters: 4, kernel: 3, dilation: 2, extra: 1, padding: valid",
        nn.ConvTranspose2d(8, 4, 3, dilation=2, output_padding=1),
    ),
    (
        "filters: 6, kernel: 3, groups: 2, padding: valid, bias: false",
        nn.ConvTranspose2d(8, 6, 3, groups=2, bias=False),
    ),
    (
        "filters: 4, kernel: 2, stride: 2, padding: valid, bias: false, norm: batch, act: relu",
        nn.Sequential(nn.ConvTranspose2d(8, 4, 2, 2, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
    ),
]
LAYERS: list[tuple[tuple[str, ...], nn.Module]] = [
    *(((f"conv_transpose: {{{settings}}}",), layer) for settings, layer in CONVOLUTIONS),
    (("global_avg_pool", "norm: batch"), nn.Sequential(nn.AvgPool2d((6, 5)), nn.BatchNorm2d(8))),
    (("norm: layer",), ChannelsLast(nn.LayerNorm(8))),
    (("norm: {layer: {eps: 1e-3}}",), ChannelsLast(nn.LayerNorm(8, eps=1e-3))),
    (("norm: {layer: {affine: false}}",), ChannelsLast(nn.LayerNorm(8, elementwise_affine=False))),
    (("flatten", "norm: layer"), nn.Sequential(nn.Flatten(), nn.LayerNorm(240))),
    (("norm: {group: {groups: 4}}",), nn.GroupNorm(4, 8)),
    (("norm: {group: {groups: 2, eps: 0.1}}",), nn.GroupNorm(2, 8, eps=0.1)),
    (("norm: {group: {groups: 8, affine: false}}",), nn.GroupNorm(8, 8, affine=False)),
    (("act: prelu",), nn.PReLU(8)),
    (("act: {prelu: {start: 0.1}}",), nn.PReLU(8, init=0.1)),
    (
        ("conv: {filters: 4, kernel: 1, padding: valid, bias: false, norm: layer, act: prelu}",),
        nn.Sequential(nn.Conv2d(8, 4, 1, bias=False), ChannelsLast(nn.LayerNorm(4)), nn.PReLU(4)),
    ),
    (
        ("conv: {filters: 4, kernel: 1, padding: valid, norm: {group: {groups: 2}}, act: silu}",),
        nn.Sequential(nn.Conv2d(8, 4, 1), nn.GroupNorm(2, 4), nn.SiLU()),
    ),
    (("lrn: {size: 5}",), nn.LocalResponseNorm(5)),
    (("lrn: {size: 2, alpha: 0.5, beta: 0.5, k: 2}",), nn.LocalResponseNorm(2, 0.5, 0.5, 2.0)),
    (("pad: 2",), nn.ZeroPad2d(2)),
    (("pad: [1, 2]",), nn.ZeroPad2d((2, 2, 1, 1))),
    (("pad: {amount: [1, 0, 2, 3], mode: reflect}",), nn.ReflectionPad2d((2, 3, 1, 0))),
    (("pad: {amount: 3, mode: replicate}",), nn.ReplicationPad2d(3)),
    (("upsample: 2",), nn.Upsample(scale_factor=2)),
    (("upsample: 2x1",), nn.Upsample(scale_factor=(2, 1))),
    (
        ("upsample: {factor: 3, mode: bilinear}",),
        nn.Upsample(scale_factor=3, mode="bilinear", align_corners=False),
    ),
    (
        ("upsample: {factor: 2, mode: bilinear, align_corners: true}",),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    ),
    (("channel_shuffle: 2",), nn.ChannelShuffle(2)),
    (("channel_shuffle: {groups: 8}",), nn.ChannelShuffle(8)),
    (("stochastic_depth: 0.3",), nn.Identity()),
]


@pytest.mark.parametrize(("steps", "theirs"), LAYERS, ids=[" ".join(steps) for steps, _ in LAYERS])
def test_a_layer_is_that_of_torch(steps: tuple[str, ...], theirs: nn.Module) -> None:
    text = spec(*steps)
    ours, network = live(text).eval(), network_of(text)
    generator = torch.Generator().manual_seed(2)
    for weight in ours.parameters():
        nn.init.uniform_(weight, 0.5, 1.5, generator)
    weights = dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True))
    theirs.load_state_dict(weights)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        wanted = theirs.eval()(sample())
    found = ours(sample())
    assert network.output is not None
    assert found.shape[1:] == (network.output.channels, *(network.output.grid or ()))
    assert torch.allclose(found.flatten(), wanted.flatten(), atol=1e-6)
    cost = Costs().network(network).cost
    assert cost.params == sum(weight.numel() for weight in theirs.parameters())
    assert cost.macs * len(sample()) * 2 == counter.get_total_flops()


@pytest.mark.parametrize(
    "steps", [steps for steps, _ in LAYERS], ids=[" ".join(s) for s, _ in LAYERS]
)
def test_the_tensors_of_a_layer_are_known_by_name(steps: tuple[str, ...]) -> None:
    told = {
        f"{layer.path}.{name}": shape
        for layer in layers(network_of(spec(*steps)).block.graph)
        for name, shape in layer.tensors.items()
    }
    state = live(spec(*steps)).state_dict()
    found = {name: tuple(tensor.shape) for name, tensor in state.items() if tensor.dim()}
    assert told == found


FORMULAS: list[tuple[tuple[str, ...], Callable[[Tensor], Tensor]]] = [
    (("scale: 0.25",), lambda x: 0.25 * x),
    (("scale: {factor: -2}",), lambda x: -2 * x),
    (("scale: {factor: 0.5, learned: true}",), lambda x: 0.5 * x),
    (("global_avg_pool", "scale: {factor: 3, learned: true}"), lambda x: 3 * x.mean((2, 3))),
    (
        ("concat: {a: [scale: 2], b: [l2_normalize]}",),
        lambda x: torch.cat([2 * x, F.normalize(x)], 1),
    ),
    (("l2_normalize",), F.normalize),
    (("flatten", "l2_normalize"), lambda x: F.normalize(x.flatten(1))),
    (
        ("split: {a: 3, b: 5}", "concat: {b: [act: relu], a: []}"),
        lambda x: torch.cat([x[:, 3:].relu(), x[:, :3]], 1),
    ),
    (
        ("split: {a: here.channels // 2, b: 4}", "add: {a: [act: relu], b: [scale: 2]}"),
        lambda x: x[:, :4].relu() + 2 * x[:, 4:],
    ),
    (
        ("split: {shortcut: 4, body: 4}", "residual: {body: [act: relu]}"),
        lambda x: x[:, :4] + x[:, 4:].relu(),
    ),
    (
        ("global_avg_pool", "split: {a: 6, b: 2}", "concat: {a: [], b: []}"),
        lambda x: x.mean((2, 3)),
    ),
]


@pytest.mark.parametrize(("steps", "formula"), FORMULAS, ids=[" ".join(s) for s, _ in FORMULAS])
def test_a_step_computes_what_it_says(
    steps: tuple[str, ...], formula: Callable[[Tensor], Tensor]
) -> None:
    text = spec(*steps)
    with torch.no_grad():
        found = live(text)(sample())
    assert torch.allclose(found, formula(sample()))
    shape = network_of(text).output
    assert shape is not None
    assert found.shape[1:] == (shape.channels, *(shape.grid or ()))


def test_a_learned_scale_has_a_weight_a_channel() -> None:
    module = live(spec("scale: {factor: 1e-6, learned: true}"))
    assert {name: weight.tolist() for name, weight in module.named_parameters()} == {
        "scale.weight": pytest.approx([1e-6] * 8)
    }


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean() -> None:
    module = live(spec("stochastic_depth: 0.75")).train()
    torch.manual_seed(3)
    means = module(torch.ones(4000, 8, 6, 5)).mean((1, 2, 3))
    assert set(means.tolist()) == {0.0, 4.0}
    assert means.mean().item() == pytest.approx(1.0, abs=0.1)


def test_the_parts_of_a_split_can_be_named() -> None:
    text = spec("split: {a: 3, b: 5}", "act: {relu: {}}\n    from: split.b")
    assert torch.equal(live(text)(sample()), sample()[:, 3:].relu())
    assert codes(text) == ["AG403"]  # nothing reads the other part


REFUSALS = [
    ("split: {a: 3, b: 4}\n  - concat: {a: [], b: []}", "AG307", "3 + 4 = 7 channels of 8"),
    ("split: {a: 8}\n  - concat: {a: []}", "AG107", "two parts or more"),
    ("split: {a: 3, b: 5}", "AG407", "the end of a list is one value"),
    ("split: {a: 3, b: 5}\n  - act: relu", "AG407", "`act` takes one value"),
    ("split: {a: 3, b: 5}\n  - concat: {a: [], c: []}", "AG401", "no part `c`"),
    ("split: {a: 3, b: 5}\n  - act: relu\n    from: split.c", "AG401", "no output `c`"),
    (
        "split: {a: 3, a-b: 5}\n  - concat: {}\n    from: [split.a, split.a-b]",
        "AG108",
        "for a part",
    ),
    ("split: {a: 3, b: 5}\n    repeat: 2\n  - concat: {a: [], b: [act: relu]}", "AG112", "neither"),
    ("channel_shuffle: 3", "AG305", "8 channels cannot be divided into 3 groups"),
    ("norm: {group: {groups: 3}}", "AG107", "groups of a norm"),
    ("norm: {layer: {momentum: 0.1}}", "AG105", "`layer` has no setting `momentum`"),
    ("norm: layernorm", "AG107", "is no norm"),
    ("conv: {filters: 4, kernel: 1, padding: valid, norm: group}", "AG107", "32 groups"),
    ("residual: {body: [act: relu], act: prelu}", "AG107", "`prelu` has weights of its own"),
    ("conv_transpose: {filters: 4, kernel: 2, stride: 2}", "AG106", "`padding`"),
    ("conv_transpose: {filters: 4, kernel: 3, padding: same}", "AG113", "on both ends"),
    ("conv_transpose: {filters: 4, kernel: 3, padding: [0, 1, 0, 0]}", "AG113", "on both ends"),
    ("conv_transpose: {filters: 4, kernel: 1, padding: 4}", "AG304", "cuts off all"),
    ("conv_transpose: {filters: 4, kernel: 2, padding: valid, extra: 1}", "AG107", "`extra`"),
    ("conv_transpose: {filters: 4, kernel: 2, padding: valid, groups: 3}", "AG305", "groups"),
    ("pad: {amount: 6, mode: reflect}", "AG107", "cannot be mirrored"),
    ("pad: valid", "AG107", "a number, [h, w]"),
    ("pad: {amount: 1, mode: zero}", "AG107", "none of the words"),
    ("upsample: {factor: 2, align_corners: true}", "AG107", "`bilinear`"),
    ("upsample: 0", "AG107", "at least 1"),
    ("global_avg_pool\n  - upsample: 2", "AG306", "a vector"),
    ("global_avg_pool\n  - lrn: {size: 5}", "AG306", "a vector"),
    ("global_avg_pool\n  - channel_shuffle: 2", "AG306", "a vector"),
    ("flatten\n  - pad: 1", "AG306", "a vector"),
    ("scale: {factor: .inf}", "AG107", "finite"),
    ("stochastic_depth: 1", "AG107", "below 1"),
]


@pytest.mark.parametrize(("step", "code", "words"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_what_cannot_be_is_refused_with_one_finding(step: str, code: str, words: str) -> None:
    (finding,) = findings(spec(step))
    assert finding.rule.code == code
    assert words in finding.message
    assert finding.help or "at least" in finding.message or "finite" in finding.message
