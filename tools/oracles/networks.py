"""Networks of this project beside the implementations of timm and torchvision that they are held to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import timm
import torch
from torch import nn
from torchvision import models


class Oracle(NamedTuple):
    """A spec, another implementation of its network, and how many outputs that has in training."""

    spec: str
    theirs: Callable[[], nn.Module]
    outputs: int = 1


torchvision_inception_v3 = partial(
    models.inception_v3, aux_logits=True, transform_input=False, init_weights=False, dropout=0.0
)
torchvision_googlenet = partial(
    models.googlenet, aux_logits=False, transform_input=False, init_weights=False, dropout=0.0
)


def torchvision_regnet() -> nn.Module:
    """Works out its widths with tensors, which must have numbers."""
    with torch.device("cpu"):
        network: nn.Module = models.regnet_y_400mf()
        return network


ORACLES = {
    "timm inception_v4": Oracle("inception_v4_tf", partial(timm.create_model, "inception_v4")),
    "timm inception_resnet_v2": Oracle(
        "inception_resnet_v2_tf", partial(timm.create_model, "inception_resnet_v2")
    ),
    "torchvision inception_v3": Oracle("inception_v3_torch", torchvision_inception_v3, outputs=2),
    "timm inception_v3": Oracle(
        "inception_v3_torch", partial(timm.create_model, "inception_v3", aux_logits=True), outputs=2
    ),
    "torchvision resnet50": Oracle("resnet_50", models.resnet50),
    "torchvision resnet101": Oracle("resnet_101", models.resnet101),
    "torchvision resnet152": Oracle("resnet_152", models.resnet152),
    "torchvision resnext50_32x4d": Oracle("resnext_50", models.resnext50_32x4d),
    "torchvision wide_resnet50_2": Oracle("wide_resnet_50", models.wide_resnet50_2),
    "timm seresnet50": Oracle("se_resnet_50", partial(timm.create_model, "seresnet50")),
    "timm legacy_xception": Oracle("xception", partial(timm.create_model, "legacy_xception")),
    "torchvision alexnet": Oracle("alexnet_torch", partial(models.alexnet, dropout=0.0)),
    "torchvision vgg16": Oracle("vgg_16", partial(models.vgg16, dropout=0.0, init_weights=False)),
    "torchvision vgg19": Oracle("vgg_19", partial(models.vgg19, dropout=0.0, init_weights=False)),
    "torchvision googlenet": Oracle("googlenet_torch", torchvision_googlenet),
    "torchvision squeezenet1_1": Oracle("squeezenet", partial(models.squeezenet1_1, dropout=0.0)),
    "torchvision densenet121": Oracle("densenet_121", models.densenet121),
    "torchvision mobilenet_v2": Oracle("mobilenet_v2", partial(models.mobilenet_v2, dropout=0.0)),
    "torchvision mobilenet_v3_large": Oracle(
        "mobilenet_v3", partial(models.mobilenet_v3_large, dropout=0.0)
    ),
    "torchvision regnet_y_400mf": Oracle("regnet_y_400mf", torchvision_regnet),
}
