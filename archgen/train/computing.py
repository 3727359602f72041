"""Where and how exactly a network computes, and the seed that its first weights are drawn from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from archgen.train.evaluation import device_of
from archgen.train.recipe import Precision

_TYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def seed_weights(seed: int) -> None:
    """Makes the weights of the networks that are constructed next depend on `seed` alone."""
    torch.manual_seed(seed)


def seed_draws(seed: int, device: torch.device) -> None:
    """Makes what a network on `device` draws next, in dropout say, depend on `seed` alone.

    As `torch.manual_seed`, which also seeds kinds of devices that are not there, and for each of them
    takes down the whole call stack: a millisecond or two a step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def described_device(model: nn.Module) -> str:
    """`2 CPU threads`, or the name of the accelerator."""
    device = device_of(model)
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} ({device})"
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"{threads} CPU thread{'s' if threads > 1 else ''}"


def autocast_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type that matrix products and convolutions compute in on `device`.

    `auto` is bf16 where an accelerator has it in hardware, and float32 everywhere else.
    """
    if precision != "auto":
        return _TYPES[precision]
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bf16 else torch.float32


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """A context in which networks compute at that precision; their weights stay float32."""
    dtype = autocast_type(precision, device)
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


@contextmanager
def algorithms(*, deterministic: bool) -> Iterator[None]:
    """Chooses between algorithms that repeat bit by bit and the fastest; afterwards all is as before.

    An operation that has no repeatable form raises `RuntimeError` where that is asked for.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(deterministic or before)
    cudnn = torch.backends.cudnn
    try:
        with cudnn.flags(
            enabled=cudnn.enabled,
            benchmark=not deterministic,
            deterministic=deterministic,
            allow_tf32=cudnn.allow_tf32,
        ):
            yield
    finally:
        torch.use_deterministic_algorithms(before)
