"""Everything that a run carries from one step to the next: what a checkpoint holds.

The order of the images, augmentation, learning rate and dropout are functions of the step
(`keyed`, `schedule`), so they have no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from archgen.train.errors import TrainingError
from archgen.train.evaluation import Evaluation

# of tensors, numbers, texts, and lists and mappings of these: what loads with `weights_only`
Content: TypeAlias = dict[str, Any]
_SHOWN = 5


class Part(Protocol):
    """What a part of the state can do: a module, an optimizer, a scaler, averaged weights."""

    def state_dict(self) -> Content:
        """Tensors and plain Python values; the tensors are the live ones."""

    def load_state_dict(self, state_dict: Content) -> object:
        """Takes over what `state_dict` gave."""


@dataclass(slots=True)
class TrainingState:
    """Parts by name (`model` and `optimizer` above all) and how far they have come.

    `step` counts finished steps. `micro_batches` is in how many pieces a batch goes through the
    network. `evaluations` are those so far, by the number of steps before each.
    """

    parts: Mapping[str, Part]
    step: int = 0
    micro_batches: int = 1
    evaluations: dict[int, Evaluation] = field(default_factory=dict)

    def state_dict(self) -> Content:
        """The state as tensors and plain Python values; the tensors are the live ones."""
        return {
            "step": self.step,
            "micro_batches": self.micro_batches,
            "evaluations": {step: asdict(made) for step, made in self.evaluations.items()},
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
        }

    def load_state_dict(self, content: Content) -> None:
        """Takes over what `state_dict` gave. Raises `TrainingError`, unchanged, if it does not fit."""
        parts = content["parts"]
        differences = list(_differences({n: p.state_dict() for n, p in self.parts.items()}, parts))
        if differences:
            more = len(differences) - _SHOWN
            shown = "; ".join(differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            raise TrainingError(f"the checkpoint is another network's or recipe's: {shown}")
        for name, part in self.parts.items():
            part.load_state_dict(parts[name])
        self.step = content["step"]
        self.micro_batches = content["micro_batches"]
        self.evaluations = {
            step: Evaluation(**made) for step, made in content["evaluations"].items()
        }

    def is_finite(self) -> bool:
        """Whether every number in every part is one. Waits for the device."""
        found = [t for p in self.parts.values() for t in _tensors(p.state_dict())]
        flags = [t.isfinite().all() for t in found if t.is_floating_point() and t.numel()]
        by_device: dict[torch.device, list[Tensor]] = {}
        for flag in flags:
            by_device.setdefault(flag.device, []).append(flag)
        return all(bool(torch.stack(same).all()) for same in by_device.values())


def _tensors(content: object) -> list[Tensor]:
    if isinstance(content, Tensor):
        return [content]
    inner = content.values() if isinstance(content, dict) else content
    if not isinstance(inner, (str, bytes)) and hasattr(inner, "__iter__"):
        return [tensor for value in inner for tensor in _tensors(value)]
    return []


def _differences(wanted: Mapping[str, Content], found: Mapping[str, Content]) -> list[str]:
    """Where the two differ: parts that one of them lacks, then tensors of the model."""
    told = [
        f"`{name}` is {'not in the checkpoint' if name in wanted else 'in the checkpoint alone'}"
        for name in sorted(wanted.keys() ^ found.keys())
    ]
    if "model" in wanted and "model" in found:
        told += _differing_tensors(wanted["model"], found["model"])
    return told


def _differing_tensors(wanted: Content, found: Content) -> list[str]:
    told = []
    for name in dict.fromkeys((*wanted, *found)):
        want, have = (shape_in_words(each.get(name)) for each in (wanted, found))
        if want != have:
            told.append(f"`{name}` is {have} there and {want} here")
    return told


def shape_in_words(tensor: Tensor | None) -> str:
    """`32 x 3 x 3 x 3`, or `absent`."""
    return "absent" if tensor is None else " x ".join(map(str, tensor.shape)) or "a number"
