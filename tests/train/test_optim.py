from __future__ import annotations

import pytest
import torch
from torch import nn

from archgen.train.optim import RMSpropTF, build_optimizer, decayed_names, set_learning_rate
from archgen.train.recipe import SGD, AdamW, Optimizer, RMSProp, RMSPropTF


class EveryKind(nn.Module):
    """One parameter of every kind that a network can have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.act = nn.PReLU(2)
        self.up = nn.ConvTranspose2d(2, 2, 2)
        self.scale = nn.Parameter(torch.ones(2, 1, 1))
        self.linear = nn.Linear(2, 3)


def test_weight_decay_spares_everything_but_convolution_and_linear_weights() -> None:
    optimizer = build_optimizer(EveryKind(), SGD(name="sgd", lr=0.1, weight_decay=0.5))
    decayed, spared = optimizer.param_groups
    assert decayed["weight_decay"] == 0.5
    assert spared["weight_decay"] == 0.0
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3), (2, 2, 2, 2), (3, 2)]
    assert len(spared["params"]) == 7


def test_the_decayed_names_of_a_bare_layer_are_its_own() -> None:
    assert decayed_names(nn.Linear(2, 2)) == {"weight"}


def test_frozen_parameters_are_left_out() -> None:
    model = EveryKind()
    model.conv.weight.requires_grad_(False)
    groups = build_optimizer(model, SGD(name="sgd", lr=0.1)).param_groups
    assert sum(len(group["params"]) for group in groups) == 9


@pytest.mark.parametrize(
    ("recipe", "kind", "settings"),
    [
        (SGD(name="sgd", lr=0.1, nesterov=True), torch.optim.SGD, {"momentum": 0.9}),
        (AdamW(name="adamw", lr=0.1, beta2=0.99), torch.optim.AdamW, {"betas": (0.9, 0.99)}),
        (
            RMSProp(name="rmsprop", lr=0.1, decay=0.8, eps=1.0),
            torch.optim.RMSprop,
            {"alpha": 0.8, "eps": 1.0, "momentum": 0.0},
        ),
        (
            RMSPropTF(name="rmsprop_tf", lr=0.1, decay=0.8),
            RMSpropTF,
            {"alpha": 0.8, "eps": 1.0, "momentum": 0.9},
        ),
    ],
)
def test_each_optimizer_takes_its_settings(
    recipe: Optimizer, kind: type[torch.optim.Optimizer], settings: dict[str, object]
) -> None:
    optimizer = build_optimizer(EveryKind(), recipe)
    assert isinstance(optimizer, kind)
    for group in optimizer.param_groups:
        assert {name: group[name] for name in settings} == settings


def test_a_rate_reaches_every_group() -> None:
    optimizer = build_optimizer(EveryKind(), SGD(name="sgd", lr=0.1))
    assert set_learning_rate(optimizer, 0.025) == 0.025
    assert [group["lr"] for group in optimizer.param_groups] == [0.025, 0.025]
