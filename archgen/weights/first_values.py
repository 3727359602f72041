"""What a new network has in some of its tensors, without making the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def first_values(make: Callable[[], nn.Module], names: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of these names as a new network begins with them, drawn by torch's generator.

    The network is laid out without memory, and only the layers that own the tensors are given some.
    """
    with torch.device("meta"):
        network = make()
    owners = {name.rpartition(".")[0] for name in names}
    layers = [network.get_submodule(owner) for owner in sorted(owners)]
    is_begun = all(_begin(layer) for layer in layers)
    found = (network if is_begun else make()).state_dict()
    return {name: found[name] for name in names}


def _begin(layer: nn.Module) -> bool:
    """Gives a layer memory and its first values; False where only its constructor knows them."""
    reset = getattr(layer, "reset_parameters", None)
    if reset is None:
        return False
    layer.to_empty(device="cpu", recurse=False)
    reset()
    return True
