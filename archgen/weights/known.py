"""Checkpoints of which it is certain how their images are prepared.

torchvision publishes files whose names end in the first digits of their SHA-256; what each was measured
with is in its `Weights.transforms()`. Files of one network differ (256 or 232 pixels), and nothing in them
but the hash tells them apart. TF-slim's Inception networks have one preparation (inception_preprocessing.py):
the central 0.875 of each side, and pixels from -1 to 1.
"""

from __future__ import annotations

from archgen.train.preparation import PREPARATIONS, Preparation, ResizeAndCrop

# the first digits of a hash, and the pixels of the shorter side
_TORCHVISION: tuple[tuple[str, int], ...] = (
    ("7be5be79", 256),  # alexnet
    ("397923af", 256),  # vgg16
    ("dcbb9e9d", 256),  # vgg19
    ("1378be20", 256),  # googlenet
    ("0cc3c7bd", 342),  # inception_v3, 299x299
    ("f37072fd", 256),  # resnet18
    ("0676ba61", 256),  # resnet50, V1
    ("11ad3fa6", 232),  # resnet50, V2
    ("63fe2227", 256),  # resnet101, V1
    ("cd907fc2", 232),  # resnet101, V2
    ("394f9c45", 256),  # resnet152, V1
    ("f82ba261", 232),  # resnet152, V2
    ("7cdf4587", 256),  # resnext50_32x4d, V1
    ("1a0047aa", 232),  # resnext50_32x4d, V2
    ("95faca4d", 256),  # wide_resnet50_2, V1
    ("9ba9bcbe", 232),  # wide_resnet50_2, V2
    ("a639ec97", 256),  # densenet121
    ("b0353104", 256),  # mobilenet_v2, V1
    ("7ebf99e0", 232),  # mobilenet_v2, V2
    ("8738ca79", 256),  # mobilenet_v3_large, V1
    ("5c1a4163", 232),  # mobilenet_v3_large, V2
    ("7f5810bc", 256),  # efficientnet_b0, bicubic
    ("b66bff10", 256),  # squeezenet1_0
    ("5666bf0f80", 256),  # shufflenet_v2_x1_0
    ("c65dace8", 256),  # regnet_y_400mf, V1
    ("e6988f5f", 232),  # regnet_y_400mf, V2
    ("983f1562", 236),  # convnext_tiny
)
_BICUBIC = ("7f5810bc",)
_SLIM = ("tf_slim InceptionV3", "tf_slim InceptionV4", "tf_slim InceptionResnetV2")


def known_preparation(sha256: str, code: str) -> tuple[Preparation, str] | None:
    """How images are prepared for a checkpoint of that hash and that code, and why that is certain.

    `code` is that of a weight map that comes with archgen, or empty; None where nothing is certain.
    """
    for digits, shorter_side in _TORCHVISION:
        if sha256.startswith(digits):
            view = ResizeAndCrop(name="resize_and_crop", shorter_side=shorter_side)
            changed: dict[str, object] = {"view": view}
            if digits in _BICUBIC:
                changed["interpolation"] = "bicubic"
            made = PREPARATIONS["torchvision"].model_copy(update=changed)
            return made, f"this is the file that torchvision publishes as {digits}"
    if code in _SLIM:
        return PREPARATIONS["inception_tf"], f"`{code}` has one preparation"
    return None
