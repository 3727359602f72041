"""Runs a module in double precision on made-up weights and input: what comes out is data to compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

BATCH = 2
ATOL, RTOL = 1e-8, 1e-6


def fill(module: nn.Module, seed: int) -> nn.Module:
    """The module in double precision, every weight and statistic made up from the seed."""
    made = torch.Generator().manual_seed(seed)
    module.double()
    with torch.no_grad():
        for name, tensor in sorted(module.state_dict().items()):
            if tensor.is_floating_point():
                numbers = torch.rand(tensor.shape, generator=made, dtype=torch.float64)
                tensor.copy_(numbers + 0.5 if name.endswith("running_var") else numbers - 0.4)
    return module


def made_input(shape: tuple[int, int, int], seed: int) -> Tensor:
    """A small batch of a network's input."""
    made = torch.Generator().manual_seed(seed + 1)
    return torch.randn((BATCH, *shape), generator=made, dtype=torch.float64)


def outputs(result: Any) -> dict[str, Tensor]:  # noqa: ANN401  # a tensor or a named tuple of tensors
    """A network's results by name; its own is without a name."""
    if isinstance(result, Tensor):
        return {"": result}
    fields: Mapping[str, Tensor | None] = result._asdict()
    named = {name: value for name, value in fields.items() if value is not None}
    return {"": named.pop(next(iter(fields))), **named}


def differences(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Iterator[str]:
    """In which of its tensors `found` is not what is `wanted`."""
    if set(found) != set(wanted):
        yield f"{sorted(found)} instead of {sorted(wanted)}"
        return
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            yield f"`{name}` is {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        elif not torch.allclose(found[name], tensor, rtol=RTOL, atol=ATOL, equal_nan=True):
            worst = (found[name] - tensor).abs().max().item()
            yield f"`{name}` is off by {worst:.3g}"
