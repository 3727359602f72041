"""Networks of this project beside the implementations by others that they are held to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import NamedTuple

import timm
import torch
from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1
from pretrainedmodels.models.bninception import BNInception
from pretrainedmodels.models.inceptionresnetv2 import InceptionResNetV2
from pretrainedmodels.models.inceptionv4 import InceptionV4
from pretrainedmodels.models.xception import xception
from torch import Tensor, nn
from torchvision import models
from unet import UNet2D

from archgen.emit.module import build_class
from archgen.emit.source import ModuleSource
from tools.oracles import by_hand

# the params of specs that bring chance into training
CHANCES = ("dropout", "aux_dropout", "stochastic_depth")


class Oracle(NamedTuple):
    """A spec, another implementation of its network, and how many outputs that has in training.

    Where the two cannot be equal bit by bit, `reason` says why, and no number of one may be farther from
    the other's than the `bound`.
    """

    spec: str
    theirs: Callable[[], nn.Module]
    outputs: int = 1
    bound: float = 0.0
    reason: str = ""

    def is_held(self, ours: Tensor, theirs: Tensor) -> bool:
        """Whether two tensors are as near as they have to be."""
        return (
            bool(((ours - theirs).abs() <= self.bound).all())
            if self.bound
            else torch.equal(ours, theirs)
        )


torchvision_inception_v3 = partial(
    models.inception_v3, aux_logits=True, transform_input=False, init_weights=False, dropout=0.0
)
torchvision_googlenet = partial(
    models.googlenet, aux_logits=False, transform_input=False, init_weights=False, dropout=0.0
)


def without_chance(source: ModuleSource) -> nn.Module:
    """Our network, live, nothing of which is dropped in training."""
    made = build_class(source)
    taken = signature(made).parameters
    return made(**{name: 0.0 for name in CHANCES if name in taken})


def torchvision_regnet() -> nn.Module:
    """Works out its widths with tensors, which must have numbers."""
    with torch.device("cpu"):
        network: nn.Module = models.regnet_y_400mf()
        return network


CHANNELS_LAST = (
    "inside a block its channels are the last dimension, and ours only lie last in memory; torch's gelu "
    "differs between the two in the last digit"
)

# those with a weight map of their own, and those without
MAPPED = {
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
FURTHER = {
    "torchvision resnet18": Oracle("resnet_18", models.resnet18),
    "torchvision shufflenet_v2_x1_0": Oracle("shufflenet_v2", models.shufflenet_v2_x1_0),
    "torchvision efficientnet_b0": Oracle(
        "efficientnet_b0", partial(models.efficientnet_b0, dropout=0.0, stochastic_depth_prob=0.0)
    ),
    "torchvision convnext_tiny": Oracle(
        "convnext_tiny",
        partial(models.convnext_tiny, stochastic_depth_prob=0.0),
        bound=1e-4,
        reason=CHANNELS_LAST,
    ),
    "pretrainedmodels BNInception": Oracle("bn_inception_released", BNInception),
    "facenet-pytorch InceptionResnetV1": Oracle(
        "inception_resnet_v1_facenet", partial(InceptionResnetV1, dropout_prob=0.0)
    ),
    "unet UNet2D": Oracle("unet", partial(UNet2D, padding=1)),
    "by hand: network_in_network": Oracle("network_in_network", by_hand.network_in_network),
    "by hand: alexnet": Oracle("alexnet", by_hand.alexnet),
    "by hand: GoogLeNet": Oracle("googlenet", by_hand.GoogLeNet, outputs=3),
}
ORACLES = {**MAPPED, **FURTHER}


def _averaging(kind: Callable[..., nn.Module], pool: str) -> nn.Module:
    """A network with a global average in the place of an 8x8 pool, which differs in the last digit."""
    network = kind(num_classes=1000)
    setattr(network, pool, nn.AdaptiveAvgPool2d(1))
    return network


# the same networks under other names: only their weights and logits are compared
OTHER_NAMES = {
    "timm convnext_tiny": Oracle(
        "convnext_tiny",
        partial(timm.create_model, "convnext_tiny"),
        bound=1e-4,
        reason=CHANNELS_LAST,
    ),
    "pretrainedmodels InceptionV4": Oracle(
        "inception_v4_tf", partial(_averaging, InceptionV4, "avg_pool")
    ),
    "pretrainedmodels InceptionResNetV2": Oracle(
        "inception_resnet_v2_tf", partial(_averaging, InceptionResNetV2, "avgpool_1a")
    ),
    "pretrainedmodels xception": Oracle("xception", partial(xception, pretrained=None)),
}
