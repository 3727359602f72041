"""Joins, and ops without a window: what they compute is what torch computes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.cost import Costs
from archgen.ops.attached import ACTIVATIONS
from tests.compiling import codes, live, network_of

HEAD = "archgen: 1\nname: net\ninput: {{channels: 4, height: {height}, width: {width}}}\nnetwork:\n"


def spec(*steps: str, height: int = 5, width: int = 3) -> str:
    """A network of these steps, each on one line."""
    lines = "".join(f"  - {step}\n" for step in steps)
    return HEAD.format(height=height, width=width) + lines


def computed(text: str, x: Tensor) -> Tensor:
    """What the emitted module makes of `x`; its shape must be the one that was inferred."""
    with torch.no_grad():
        out: Tensor = live(text).eval()(x)
    shape = network_of(text).output
    assert shape is not None
    assert out.shape[1:] == (shape.channels, *(shape.grid or ()))
    return out


def sample(height: int = 5, width: int = 3) -> Tensor:
    """Two inputs of four channels, some of them negative."""
    return torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(1))


JOINS: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("concat: {a: [], b: [act: relu]}", lambda x: torch.cat([x, x.relu()], 1)),
    ("concat: {b: [act: relu], a: []}", lambda x: torch.cat([x.relu(), x], 1)),
    ("concat: {a: [], b: [], c: [act: tanh]}", lambda x: torch.cat([x, x, x.tanh()], 1)),
    ("concat: {a: [global_avg_pool], b: [global_avg_pool]}", lambda x: _mean(x).repeat(1, 2)),
    ("add: {a: [], b: [act: relu]}", lambda x: x + x.relu()),
    ("add: {a: [], b: [act: relu], c: []}", lambda x: x + x.relu() + x),
    ("multiply: {a: [], b: [act: sigmoid]}", lambda x: x * x.sigmoid()),
    ("multiply: {a: [], gate: [global_avg_pool]}", lambda x: x * _mean(x)[:, :, None, None]),
    ("multiply: {gate: [global_avg_pool], a: []}", lambda x: x * _mean(x)[:, :, None, None]),
    ("residual: {body: [act: relu]}", lambda x: x + x.relu()),
    ("residual: {body: [act: relu], scale: 0.25}", lambda x: x + 0.25 * x.relu()),
    ("residual: {body: [act: relu], scale: -2}", lambda x: x - 2 * x.relu()),
    ("residual: {body: [act: tanh], act: relu}", lambda x: (x + x.tanh()).relu()),
    (
        "residual: {shortcut: [act: tanh], body: [act: relu], scale: 0.5}",
        lambda x: x.tanh() + 0.5 * x.relu(),
    ),
]


def _mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


@pytest.mark.parametrize(("step", "formula"), JOINS, ids=[step for step, _ in JOINS])
def test_a_join_computes_what_it_says(step: str, formula: Callable[[Tensor], Tensor]) -> None:
    x = sample()
    assert torch.allclose(computed(spec(step), x), formula(x))
    assert Costs().network(network_of(spec(step))).cost.params == 0


@pytest.mark.parametrize(
    "order", ["a: [], gate: [global_avg_pool]", "gate: [global_avg_pool], a: []"]
)
def test_a_product_on_one_position_stays_a_grid(order: str) -> None:
    x = sample(1, 1)
    assert torch.allclose(computed(spec(f"multiply: {{{order}}}", height=1, width=1), x), x * x)


def test_a_sum_is_not_stretched() -> None:
    assert codes(spec("add: {a: [], b: [global_avg_pool]}")) == ["AG301"]


def test_the_order_of_branches_is_the_order_of_channels() -> None:
    text = spec("concat: {z: [act: relu], a: [act: tanh], m: []}")
    x = sample()
    assert torch.allclose(computed(text, x), torch.cat([x.relu(), x.tanh(), x], 1))


LAYERS: list[tuple[tuple[str, ...], nn.Module]] = [
    (("identity",), nn.Identity()),
    (("dropout: 0.9",), nn.Identity()),
    (("flatten",), nn.Flatten()),
    (("act: none",), nn.Identity()),
    (("act: {leaky_relu: {slope: 0.3}}",), nn.LeakyReLU(0.3)),
    (("norm: none",), nn.Identity()),
    *(
        ((f"act: {name}",), getattr(nn, form.module)(*([1] if name == "softmax" else [])))
        for name, form in ACTIVATIONS.items()
    ),
]


@pytest.mark.parametrize(("steps", "layer"), LAYERS, ids=[" ".join(steps) for steps, _ in LAYERS])
def test_a_layer_without_weights_is_that_of_torch(steps: tuple[str, ...], layer: nn.Module) -> None:
    x = sample()
    assert torch.allclose(computed(spec(*steps), x), layer.eval()(x))


WEIGHTED: list[tuple[tuple[str, ...], nn.Module, int]] = [
    (("global_avg_pool", "linear: {features: 7}"), nn.Linear(4, 7), 28),
    (("global_avg_pool", "linear: {features: 7, bias: false}"), nn.Linear(4, 7, bias=False), 28),
    (("linear: {features: 7}",), nn.Linear(4, 7), 28 * 15),
    (("flatten", "linear: {features: 7}"), nn.Linear(60, 7), 420),
    (("norm: batch",), nn.BatchNorm2d(4), 0),
    (("norm: {batch: {affine: false}}",), nn.BatchNorm2d(4, affine=False), 0),
    (
        ("conv: {filters: 6, kernel: 3, padding: same, norm: batch}",),
        nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)),
        6 * 4 * 9 * 15,
    ),
]


@pytest.mark.parametrize(
    ("steps", "layer", "macs"), WEIGHTED, ids=[" ".join(steps) for steps, *_ in WEIGHTED]
)
def test_a_layer_costs_what_its_weights_are(
    steps: tuple[str, ...], layer: nn.Module, macs: int
) -> None:
    text = spec(*steps)
    cost = Costs().network(network_of(text)).cost
    assert computed(text, sample()).isfinite().all()
    assert cost.params == sum(weight.numel() for weight in layer.parameters())
    assert cost.params == sum(weight.numel() for weight in live(text).parameters())
    assert cost.macs == macs


def test_a_linear_layer_on_a_grid_works_on_each_position() -> None:
    module = live(spec("linear: {features: 7}")).eval()
    weight, bias = (
        dict(module.named_parameters())[f"linear.{name}"] for name in ("weight", "bias")
    )
    x = sample()
    with torch.no_grad():
        assert torch.allclose(module(x), F.conv2d(x, weight[:, :, None, None], bias), atol=1e-6)


def test_a_norm_takes_its_settings() -> None:
    module = live(spec("norm: {batch: {eps: 1e-3, momentum: 0.05}}"))
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert [(norm.eps, norm.momentum) for norm in norms] == [(1e-3, 0.05)]


def test_dropout_drops_in_training_alone() -> None:
    module, x = live(spec("dropout: 0.5")), torch.ones(1, 4, 5, 3)
    assert set(module.train()(x).unique().tolist()) <= {0.0, 2.0}
    assert torch.equal(module.eval()(x), x)
