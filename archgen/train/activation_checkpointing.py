"""Memory for time: a block forgets its activations and computes them again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpoint_blocks(model: nn.Module) -> None:
    """Makes the blocks of `model` keep their inputs only, in training; nothing else changes.

    Gradients, dropout and the statistics of batch norms are as without. Copy a model before.
    """
    for block in blocks(model):
        forward = partial(_forward, block.forward, partial(_contexts, block))
        block.forward = forward  # of this instance alone


def blocks(model: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules that are made of others, lists of modules opened."""
    for child in model.children():
        if isinstance(child, (nn.ModuleList, nn.Sequential)):
            yield from blocks(child)
        elif next(child.children(), None) is not None:
            yield child


def _forward(
    forward: Callable[..., Any],
    contexts: Callable[[], tuple[AbstractContextManager[None], AbstractContextManager[None]]],
    *inputs: torch.Tensor,
) -> object:
    if not torch.is_grad_enabled():
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts)


def _contexts(
    block: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What the first pass and the second run in."""
    return nullcontext(), _statistics_kept(block)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Inside, batch norms do not count what they see: the first pass has done so."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked
