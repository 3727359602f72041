"""Networks of this project beside the implementations of timm and torchvision that they are held to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import timm
from torch import nn
from torchvision.models import inception_v3, resnet152


class Oracle(NamedTuple):
    """A spec, another implementation of its network, and how many outputs that has in training."""

    spec: str
    theirs: Callable[[], nn.Module]
    outputs: int


torchvision_inception_v3 = partial(
    inception_v3, aux_logits=True, transform_input=False, init_weights=False, dropout=0.0
)
ORACLES = {
    "timm inception_v4": Oracle(
        "inception_v4_tf", partial(timm.create_model, "inception_v4"), outputs=1
    ),
    "timm inception_resnet_v2": Oracle(
        "inception_resnet_v2_tf", partial(timm.create_model, "inception_resnet_v2"), outputs=1
    ),
    "torchvision inception_v3": Oracle("inception_v3_torch", torchvision_inception_v3, outputs=2),
    "timm inception_v3": Oracle(
        "inception_v3_torch", partial(timm.create_model, "inception_v3", aux_logits=True), outputs=2
    ),
    "torchvision resnet152": Oracle("resnet_152", resnet152, outputs=1),
}
