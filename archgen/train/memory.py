"""Memory that does not suffice: how that is noticed, and what is kept so that a step can be tried again."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def is_out_of_memory(error: Exception) -> bool:
    """Whether an accelerator, the CPU's allocator or Python could not give the memory."""
    is_full = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_full or "DefaultCPUAllocator" in str(error)


def free_memory() -> None:
    """Gives back what PyTorch keeps of a GPU's memory for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class KeptBuffers:
    """The buffers of a network as they were: what a forward pass changes, statistics of norms above all.

    The buffers stay the same tensors from the first `keep` on. A copy takes one call for each type.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._pairs: list[tuple[list[Tensor], list[Tensor]]] = []

    def keep(self) -> None:
        """Copies what the buffers hold now."""
        if not self._pairs:
            by_type: dict[torch.dtype, list[Tensor]] = {}
            for buffer in self._model.buffers():
                by_type.setdefault(buffer.dtype, []).append(buffer)
            self._pairs = [(own, [each.clone() for each in own]) for own in by_type.values()]
            return
        for own, kept in self._pairs:
            torch._foreach_copy_(kept, own)

    def put_back(self) -> None:
        """Gives the buffers what was kept."""
        for own, kept in self._pairs:
            torch._foreach_copy_(own, kept)
