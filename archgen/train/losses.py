"""The training loss of a classifier, with or without auxiliary heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from archgen.train.errors import TrainingError


@runtime_checkable
class NamedOutputs(Protocol):
    """What a network with auxiliary heads returns in training: a named tuple, logits first."""

    def _asdict(self) -> dict[str, Tensor]: ...


Outputs: TypeAlias = Tensor | NamedOutputs


@dataclass(frozen=True, slots=True)
class Objective:
    """Cross-entropy of the logits, plus each auxiliary head's cross-entropy times its weight."""

    classes: int
    label_smoothing: float = 0.0
    aux_weights: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, outputs: Outputs, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss to minimise and the logits it was computed from."""
        main, auxiliary = split_outputs(outputs)
        loss = self._cross_entropy(main, labels)
        for name, logits in auxiliary.items():
            loss = loss + self._weight(name) * self._cross_entropy(logits, labels)
        return loss, main

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        check_logits(logits, self.classes)
        exact = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return F.cross_entropy(exact, labels, label_smoothing=self.label_smoothing)

    def _weight(self, name: str) -> float:
        if name not in self.aux_weights:
            raise TrainingError(f"the network's auxiliary output `{name}` has no loss weight")
        return self.aux_weights[name]


def split_outputs(outputs: Outputs) -> tuple[Tensor, dict[str, Tensor]]:
    """The logits, and the auxiliary logits by name."""
    if isinstance(outputs, Tensor):
        return outputs, {}
    if not isinstance(outputs, NamedOutputs):
        raise TrainingError(f"the network returns a {type(outputs).__name__}, not logits")
    named = outputs._asdict()
    first = next(iter(named))
    return named[first], {name: logits for name, logits in named.items() if name != first}


def check_logits(logits: Tensor, classes: int) -> None:
    """Refuses outputs that are no logits for that many classes; more logits than classes may be."""
    if logits.ndim != 2:
        shape = " x ".join(str(size) for size in logits.shape)
        raise TrainingError(
            f"the network returns {shape}, where a classifier returns images x classes; "
            "end it in `global_avg_pool` and `linear`"
        )
    if logits.shape[1] < classes:
        raise TrainingError(
            f"the network tells {logits.shape[1]} classes apart, the data have {classes}: "
            f"give its last layer {classes} outputs "
            "(where a spec has a param `num_classes`, that is set by itself)"
        )
