"""The words of PyTorch, Keras, TensorFlow and timm for what a spec says, and what to write instead.

A word of foreign.txt has a meaning of its own, and is no slip for the nearest word of archgen's: of
`global_max_pool` no `global_avg_pool` is made. Where the meaning is provably the same, `SAME` has
archgen's word, and a fix may write it; otherwise the advice says how to write what is meant, or that
nothing does. Words are compared without case, underscores and the number of sides: `BatchNorm2d`,
`batch_norm` and `batchnorm` are one word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_OWNERS = re.compile(
    r"^(?:torch\.|tf\.|timm\.|keras\.|nn\.|functional\.|layers\.|activations\.|F\.)+"
)
_SIDES = re.compile(r"(?<=[a-z])[123]d(?=[a-z]|$)")


def _word(text: str) -> str:
    """A word without what frameworks write in different ways."""
    bare = _OWNERS.sub("", text).lower().replace("_", "").replace("-", "")
    return _SIDES.sub("", bare)


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    """By role, the advice for each word; read where the first word is unknown."""
    found: dict[str, dict[str, str]] = {}
    role = ""
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            role = line.strip("[]")
            found[role] = {}
        elif line and not line.startswith("#"):
            words, _, advice = line.partition(": ")
            found[role].update((_word(word), advice) for word in words.split(", "))
    return found


# words of one meaning: archgen's own may be written instead
SAME: Mapping[str, Mapping[str, str]] = {
    "op": {},  # what a step says by default differs, padding above all
    "activation": {
        "ReLU": "relu",
        "ReLU6": "relu6",
        "Sigmoid": "sigmoid",
        "Tanh": "tanh",
        "GELU": "gelu",
        "SiLU": "silu",
        "swish": "silu",
        "Swish": "silu",
        "Softmax": "softmax",
        "PReLU": "prelu",
        "Hardswish": "hardswish",
        "Hardsigmoid": "hardsigmoid",
        "linear": "none",
        "identity": "none",
        "Identity": "none",
    },
    "norm": {
        "batch_norm": "batch",
        "batchnorm": "batch",
        "batchnorm2d": "batch",
        "bn": "batch",
        "BatchNorm2d": "batch",
        "BatchNorm": "batch",
        "BN": "batch",
        "BatchNormalization": "batch",
        "batch_normalization": "batch",
        "layer_norm": "layer",
        "layernorm": "layer",
        "LayerNorm": "layer",
        "ln": "layer",
        "group_norm": "group",
        "groupnorm": "group",
        "GroupNorm": "group",
        "gn": "group",
        "identity": "none",
        "Identity": "none",
    },
    "setting": {
        "out_channels": "filters",
        "pad": "padding",
        "kernel_size": "kernel",
        "strides": "stride",
        "units": "features",
        "out_features": "features",
        "activation": "act",
        "use_bias": "bias",
        "p": "rate",
        "ceil_mode": "ceil",
        "normalization": "norm",
    },
}


def same(role: str, word: str) -> str | None:
    """Archgen's word for one of another framework that means the same in this role."""
    return SAME[role].get(word)


def advice(role: str, word: str) -> str | None:
    """What to write for a word of another framework, or None for a word that none has.

    `role` is op, activation, norm or setting: where the word stands.
    """
    return _tables()[role].get(_word(word))


def is_foreign(word: str) -> bool:
    """Whether any framework has the word, in whatever role: then it is no slip for another."""
    return any(_word(word) in table for table in _tables().values())
