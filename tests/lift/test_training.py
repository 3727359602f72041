"""What lifting says of training: it is proved after a step, or told, or the network is refused."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.lift.matching import OutsideTheTable
from archgen.lift.proving import NotProved, Proof
from tests.lift.test_lifting import lifted

Change = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """Two convolutions with norms; `between` is done between them, `prepare` to the whole module."""

    def __init__(self, between: Change | None = None) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.drop, self.fc = nn.Dropout(0.25), nn.Linear(8, 5)
        self._between = between

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        if self._between is not None:
            x = self._between(self, x)
        x = x + self.bn2(self.conv2(x))
        made: Tensor = self.fc(self.drop(x.mean((2, 3))))
        return made


class Frozen(Net):
    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.bn1.eval()
        return self


def proof_of(module: nn.Module) -> Proof:
    proof = lifted(module, grid=8).proof
    assert proof is not None
    assert proof.is_exact
    return proof


def with_norm(**settings: float | None) -> Net:
    made = Net()
    for name, value in settings.items():
        setattr(made.bn1, name, value)
    return made


@pytest.mark.parametrize(
    "module",
    [
        *(Net(), with_norm(momentum=0.0), with_norm(momentum=0.03, eps=1e-3)),
        Net(lambda net, x: F.dropout(x, 0.3, net.training)),
    ],
)
def test_gradients_and_statistics_after_a_step_are_proved(module: nn.Module) -> None:
    assert not proof_of(module).untrained


def test_a_norm_that_averages_all_batches_is_refused() -> None:
    with pytest.raises(OutsideTheTable) as refused:
        lifted(with_norm(momentum=None), grid=8)
    assert "a batch norm whose `momentum` is None" in refused.value.problems[0].message


def in_training(change: Callable[[Tensor], Tensor]) -> Net:
    return Net(lambda net, x: change(x) if net.training else x)


def depth(x: Tensor) -> Tensor:
    return x * torch.rand(len(x), 1, 1, 1).add(0.8).floor() / 0.8


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (Frozen(), "norms of the module keep their statistics .*: `bn1`$"),
        (in_training(depth), r"draws random numbers in training \(`rand` \(tests.*\)\)"),
        (
            in_training(lambda x: x * (random.random() < 0.5)),  # noqa: S311  # as people do
            "draws random numbers in training, as",
        ),
        (in_training(lambda x: F.dropout(x, 0.5)), "has a dropout of 0.5 in training alone"),
        (in_training(lambda x: x[:1].double()), "does not run in training: `conv2` raises"),
    ],
)
def test_what_the_proof_does_not_cover_is_told(module: nn.Module, why: str) -> None:
    found = lifted(module, grid=8)
    assert found.remarks[-1].startswith("the proof covers evaluation alone, not training: ")
    assert re.search(why, found.remarks[-1])


@pytest.mark.parametrize(
    "module",
    [
        Net(lambda _net, x: x.detach()),
        in_training(lambda x: x * 0.5),
        in_training(lambda x: x.relu() - x.detach() * 0.1),
    ],
)
def test_a_network_that_is_another_in_training_is_refused(module: nn.Module) -> None:
    with pytest.raises(NotProved, match=r"after a training step the (logits|gradients)"):
        lifted(module, grid=8)


def test_the_module_is_as_it_was_after_the_proof() -> None:
    module = Net()
    module.conv1.requires_grad_(requires_grad=False)
    found = lifted(module, grid=8)
    assert found.remarks == (
        "`conv1` is frozen (`requires_grad` is false), and a spec trains its 224 parameters",
    )
    assert not module.training
    assert not module.conv1.weight.requires_grad
    assert module.conv2.weight.requires_grad
    assert module.conv2.weight.grad is None
    assert module.conv2.weight.dtype is torch.float32
