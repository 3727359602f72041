"""TF-slim's variables: how its networks call the tensors of their layers, and lay them out.

Read off `research/slim/nets` of tensorflow/models, with the slips that names have there: `InceptionV3` calls
one 5x5 `Conv_1_0c_5x5`, and a 3x3 `Conv2d_1a_1x1`. Scopes stand in the order in which the code makes their
layers, but for the auxiliary head, which comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tools.oracles.pairing import NORMS, layer_names

HEAD = "AuxLogits"


class Slim(NamedTuple):
    """A network of TF-slim: its name, and the scopes of its layers."""

    name: str
    scopes: tuple[str, ...]


def _branches(*rows: str) -> tuple[str, ...]:
    """The layers of a module: for each branch, how their names end."""
    return tuple(
        f"Branch_{place}/Conv2d_{layer}" for place, row in enumerate(rows) for layer in row.split()
    )


def _module(scope: str, *rows: str) -> tuple[str, ...]:
    return tuple(f"{scope}/{name}" for name in _branches(*rows))


def _modules(prefix: str, letters: str, *rows: str) -> tuple[str, ...]:
    """Modules that are alike, `Mixed_5b`, `Mixed_5c` and so on."""
    return tuple(name for letter in letters for name in _module(f"{prefix}{letter}", *rows))


def _repeated(scope: str, layer: str, times: int, *rows: str) -> tuple[str, ...]:
    """Residual modules in a row, counted from one, each with the 1x1 behind its branches."""
    found: list[str] = []
    for number in range(1, times + 1):
        found += _residual(f"{scope}/{layer}_{number}", *rows)
    return tuple(found)


def _residual(scope: str, *rows: str) -> tuple[str, ...]:
    return (*_module(scope, *rows), f"{scope}/Conv2d_1x1")


def _network(name: str, *scopes: str) -> Slim:
    return Slim(name, tuple(f"{name}/{scope}" for scope in scopes))


_STEM = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    *("Conv2d_3b_1x1", "Conv2d_4a_3x3"),
)
_A = ("0a_1x1", "0a_1x1 0b_5x5", "0a_1x1 0b_3x3 0c_3x3", "0b_1x1")
_B = ("0a_1x1", "0a_1x1 0b_1x7 0c_7x1", "0a_1x1 0b_7x1 0c_1x7 0d_7x1 0e_1x7", "0b_1x1")

INCEPTION_V3 = _network(
    "InceptionV3",
    *_STEM,
    *_modules("Mixed_5", "b", *_A),
    *("Mixed_5c/Branch_0/Conv2d_0a_1x1", "Mixed_5c/Branch_1/Conv2d_0b_1x1"),
    "Mixed_5c/Branch_1/Conv_1_0c_5x5",
    *_module("Mixed_5c", "", "", *_A[2:]),
    *_modules("Mixed_5", "d", *_A),
    *_module("Mixed_6a", "1a_1x1", "0a_1x1 0b_3x3 1a_1x1"),
    *_modules("Mixed_6", "bcde", *_B),
    *_module("Mixed_7a", "0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
    *_module("Mixed_7b", "0a_1x1", "0a_1x1 0b_1x3 0b_3x1", "0a_1x1 0b_3x3 0c_1x3 0d_3x1", "0b_1x1"),
    *_module("Mixed_7c", "0a_1x1", "0a_1x1 0b_1x3 0c_3x1", "0a_1x1 0b_3x3 0c_1x3 0d_3x1", "0b_1x1"),
    "Logits/Conv2d_1c_1x1",
    *("AuxLogits/Conv2d_1b_1x1", "AuxLogits/Conv2d_2a_5x5", "AuxLogits/Conv2d_2b_1x1"),
)
INCEPTION_V4 = _network(
    "InceptionV4",
    *_STEM[:3],
    *_module("Mixed_3a", "", "0a_3x3"),
    *_module("Mixed_4a", "0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
    *_module("Mixed_5a", "1a_3x3"),
    *_modules("Mixed_5", "bcde", "0a_1x1", "0a_1x1 0b_3x3", *_A[2:]),
    *_module("Mixed_6a", "1a_3x3", "0a_1x1 0b_3x3 1a_3x3"),
    *_modules("Mixed_6", "bcdefgh", *_B),
    *_module("Mixed_7a", "0a_1x1 1a_3x3", "0a_1x1 0b_1x7 0c_7x1 1a_3x3"),
    *_modules(
        *("Mixed_7", "bcd", "0a_1x1", "0a_1x1 0b_1x3 0c_3x1"),
        *("0a_1x1 0b_3x1 0c_1x3 0d_1x3 0e_3x1", "0b_1x1"),
    ),
    "Logits/Logits",
    *("AuxLogits/Conv2d_1b_1x1", "AuxLogits/Conv2d_2a", "AuxLogits/Aux_logits"),
)
INCEPTION_RESNET_V2 = _network(
    "InceptionResnetV2",
    *_STEM,
    *_module("Mixed_5b", "1x1", *_A[1:]),
    *_repeated("Repeat", "block35", 10, "1x1", "0a_1x1 0b_3x3", "0a_1x1 0b_3x3 0c_3x3"),
    *_module("Mixed_6a", "1a_3x3", "0a_1x1 0b_3x3 1a_3x3"),
    *_repeated("Repeat_1", "block17", 20, "1x1", "0a_1x1 0b_1x7 0c_7x1"),
    *_module("Mixed_7a", "0a_1x1 1a_3x3", "0a_1x1 1a_3x3", "0a_1x1 0b_3x3 1a_3x3"),
    *_repeated("Repeat_2", "block8", 9, "1x1", "0a_1x1 0b_1x3 0c_3x1"),
    *_residual("Block8", "1x1", "0a_1x1 0b_1x3 0c_3x1"),
    *("Conv2d_7b_1x1", "Logits/Logits"),
    *("AuxLogits/Conv2d_1b_1x1", "AuxLogits/Conv2d_2a_5x5", "AuxLogits/Logits"),
)
# the specs that are the network, with TF-slim's name of it
SLIMS = {
    "inception_v3": INCEPTION_V3,
    "inception_v3_torch": INCEPTION_V3,
    "inception_v4_tf": INCEPTION_V4,
    "inception_resnet_v2_tf": INCEPTION_RESNET_V2,
}


# ------------------------------------------------------------------------- variables of a network


def slim_layers(names: Iterable[str], norms: Iterable[str], slim: Slim) -> dict[str, str]:
    """The scope of each layer of a network, whose layers are given in the order of TF-slim's code.

    `norms` are those among `names` that normalise the layer before them.
    """
    after, scopes, scope = set(norms), iter(slim.scopes), ""
    found = {}
    for name in names:
        scope = scope if name in after else next(scopes)
        found[name] = f"{scope}/BatchNorm" if name in after else scope
    if (left := next(scopes, None)) is not None:
        raise ValueError(f"`{left}` is left over")
    return found


def slim_variables(net: nn.Module, slim: Slim) -> dict[str, Tensor]:
    """A network's tensors as TF-slim saves them: without gamma, the kernels turned, a class more."""
    modules = dict(net.named_modules())
    names = layer_names(net)
    norms = [name for name in names if isinstance(modules[name], NORMS)]
    found: dict[str, Tensor] = {}
    for name, scope in slim_layers(names, norms, slim).items():
        found.update(_variables(modules[name], scope))
    return found


def _variables(layer: nn.Module, scope: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(layer, nn.BatchNorm2d):
        assert layer.running_mean is not None
        assert layer.running_var is not None
        yield f"{scope}/beta", layer.bias.detach()
        yield f"{scope}/moving_mean", layer.running_mean
        yield f"{scope}/moving_variance", layer.running_var
        return
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    is_last = isinstance(layer, nn.Linear)
    weight = _with_background(layer.weight.detach()) if is_last else layer.weight.detach()
    if is_last and "Conv2d" in scope:
        weight = weight[:, :, None, None]
    yield f"{scope}/weights", weight.permute(2, 3, 1, 0) if weight.dim() == 4 else weight.t()
    if layer.bias is not None:
        bias = layer.bias.detach()
        yield f"{scope}/biases", _with_background(bias) if is_last else bias


def _with_background(rows: Tensor) -> Tensor:
    return torch.cat([rows.new_full((1, *rows.shape[1:]), 0.25), rows])
