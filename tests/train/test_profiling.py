from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.train import Recipe
from archgen.train.losses import Objective
from archgen.train.profiling import Spent, StepProfile, is_within, profile_step


class Block(nn.Module):
    """A convolution that is made to be slow, and ops that are no module's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x) + x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heavy = nn.Conv2d(8, 64, 9, padding=4)
        self.back = nn.Conv2d(64, 8, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.unused = nn.Linear(2, 2)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.back(self.heavy(x))
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


@pytest.fixture(scope="module")
def found() -> StepProfile:
    torch.manual_seed(0)
    given = {"optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9}, "batch": 4, "steps": 1}
    recipe = Recipe.model_validate(given)
    return profile_step(Net(), recipe, Objective(3), (8, 32, 32), steps=2)


def spent(found: StepProfile, path: str) -> Spent:
    within = found.within(path)
    assert within is not None
    return within


def test_time_of_both_passes_goes_to_the_module_that_takes_it(found: StepProfile) -> None:
    """The first convolution has 54 times the work of any other; whoever is slow, it is the slowest."""
    heavy = spent(found, "heavy")
    assert heavy.forward == max(s.forward for s in found.modules.values())
    assert heavy.backward == max(s.backward for s in found.modules.values())


def test_every_module_that_is_called_is_there_and_no_other(found: StepProfile) -> None:
    inner = {f"blocks.{n}{part}" for n in range(3) for part in ("", ".conv")}
    assert set(found.modules) == {"", "heavy", "back", "linear", *inner}
    assert found.within("unused") is None


def test_a_module_has_what_its_own_forward_does_beside_its_parts(found: StepProfile) -> None:
    """The addition keeps its result for the ReLU, which keeps its own; so does the convolution."""
    numbers = 4 * 8 * 32 * 32 * 4
    assert found.modules["blocks.1.conv"].kept == pytest.approx(numbers, rel=0.02)
    assert found.modules["blocks.1"].backward > 0
    assert found.modules["heavy"].kept == pytest.approx(8 * numbers, rel=0.02)


def test_the_parts_add_up_to_no_more_than_a_step(found: StepProfile) -> None:
    assert 0 < found.total.seconds + found.optimizer <= 1.5 * found.profiled
    assert found.plain > 0
    assert found.peak is not None
    assert found.total.kept <= found.peak


def test_instances_of_a_repeat_are_taken_together(found: StepProfile) -> None:
    each = [spent(found, f"blocks.{n}") for n in range(3)]
    assert spent(found, "blocks").kept == pytest.approx(sum(s.kept for s in each))
    assert spent(found, "blocks.0..1").forward == pytest.approx(sum(s.forward for s in each[:2]))


@pytest.mark.parametrize(
    ("module", "path", "is_in"),
    [
        ("a.0.conv", "a", True),
        ("a.0.conv", "a.0..3.conv", True),
        ("a.4.conv", "a.0..3", False),
        ("a.12", "a.9..12", True),
        ("ab", "a", False),
        ("a", "a.0", False),
        ("", "a", False),
        ("a.b", "a.0..3", False),
    ],
)
def test_a_path_holds_what_is_at_it_and_below(module: str, path: str, is_in: bool) -> None:
    assert is_within(module, path) is is_in


def test_hooks_are_gone_afterwards() -> None:
    net = Net()
    given = {"optimizer": {"name": "sgd", "lr": 0.01}, "batch": 2, "steps": 1}
    profile_step(net, Recipe.model_validate(given), Objective(3), (8, 4, 4), steps=1)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
