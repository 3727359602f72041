"""Where a network is trained: the device that a person names, or the best one there is."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from archgen.train.computing import autocast_type
from archgen.train.data import Images, ImageSet
from archgen.train.errors import TrainingError
from archgen.train.recipe import Precision

RESIDENT_BYTES = 2**30


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first GPU of CUDA where there is one, else the CPU.

    Raises `TrainingError` for a name that is none, and for a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    match = re.fullmatch(r"(cpu|mps|cuda)|cuda:(\d{1,4})", name)
    if match is None:
        raise TrainingError(f"`{name}` is no device; name auto, cpu, cuda, cuda:N or mps")
    if name.startswith("cuda"):
        return _gpu(int(match[2] or 0))
    if name == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("there is no Apple GPU that this PyTorch can use; name another device")
    return torch.device(name)


def check_gpus(count: int) -> None:
    """Refuses to have `count` GPUs of CUDA in this machine where there are fewer."""
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if there == 0:
        raise TrainingError(f"{_no_gpu()}; `--processes {count}` trains on the CPU")
    if there < count:
        raise TrainingError(f"there are not {count} GPUs in this machine: PyTorch sees {there}")


def check_precision(precision: Precision, device: torch.device) -> None:
    """Refuses a recipe's `bf16` on a GPU that only imitates it."""
    wanted = autocast_type(precision, device)
    if wanted != torch.bfloat16 or device.type != "cuda" or _has_bf16():
        return
    raise TrainingError(
        f"{torch.cuda.get_device_name(device)} does not compute in bf16; "
        "set the recipe's `precision` to fp16, float32 or auto"
    )


def resident(data: Images, device: torch.device) -> Images:
    """`data` on the device, if it is a small set in memory; otherwise as it is."""
    if not isinstance(data, ImageSet) or data.images.nbytes > RESIDENT_BYTES:
        return data
    return replace(data, images=data.images.to(device), labels=data.labels.to(device))


def _gpu(number: int) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise TrainingError(f"{_no_gpu()}; name `--device cpu`")
    if number >= count:
        there = ", ".join(f"cuda:{n}" for n in range(count))
        raise TrainingError(f"there is no GPU cuda:{number} in this machine; there is {there}")
    return torch.device("cuda", number)


def _no_gpu() -> str:
    reason = (
        "there is no GPU that it can use"
        if torch.backends.cuda.is_built()
        else "it was built without CUDA"
    )
    return f"PyTorch {torch.__version__} cannot use CUDA here: {reason}"


def _has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
