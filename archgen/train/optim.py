"""Optimizers as a recipe names them, with weight decay where it belongs."""

from __future__ import annotations

import torch
from torch import nn

from archgen.train.recipe import SGD, AdamW, Optimizer, RMSProp, RMSPropTF
from archgen.train.rmsprop_tf import RMSpropTF

__all__ = ["RMSpropTF", "build_optimizer", "decayed_names", "set_learning_rate"]

_DECAYED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def build_optimizer(model: nn.Module, recipe: Optimizer) -> torch.optim.Optimizer:
    """The optimizer of `recipe` over all parameters of `model` that are trained."""
    groups = _parameter_groups(model, recipe.weight_decay)
    match recipe:
        case SGD():
            return torch.optim.SGD(
                groups,
                lr=recipe.lr,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov,
                fused=True,
            )
        case AdamW():
            betas = (recipe.beta1, recipe.beta2)
            return torch.optim.AdamW(groups, lr=recipe.lr, betas=betas, eps=recipe.eps, fused=True)
        case RMSProp():
            return torch.optim.RMSprop(
                groups,
                lr=recipe.lr,
                alpha=recipe.decay,
                eps=recipe.eps,
                momentum=recipe.momentum,
                foreach=True,
            )
        case RMSPropTF():
            return RMSpropTF(
                groups,
                lr=recipe.lr,
                alpha=recipe.decay,
                eps=recipe.eps,
                momentum=recipe.momentum,
            )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> float:
    """Gives every parameter group the same rate, and returns it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def decayed_names(model: nn.Module) -> frozenset[str]:
    """The parameters that decay: the weights of convolutions and linear layers."""
    return frozenset(
        f"{name}.weight" if name else "weight"
        for name, module in model.named_modules()
        if isinstance(module, _DECAYED)
    )


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Two groups, decayed and not; weight decay is written into both, never left to a default."""
    names = decayed_names(model)
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for name, p in trained if name in names], "weight_decay": weight_decay},
        {"params": [p for name, p in trained if name not in names], "weight_decay": 0.0},
    ]
