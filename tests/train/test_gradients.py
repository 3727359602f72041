from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from archgen.train import Recipe, TrainingError
from archgen.train.gradients import Gradients
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.memory import is_out_of_memory
from archgen.train.schedule import Timeline
from archgen.train.state import TrainingState

Maker = Callable[..., nn.Module]
SEED = 7
RECIPE = Recipe.model_validate({"optimizer": {"name": "sgd", "lr": 0.1}, "batch": 16, "steps": 1})


class Cramped(nn.Module):
    """A network that has no memory for more than `room` images, and notices it half way."""

    def __init__(self, inner: nn.Module, room: int) -> None:
        super().__init__()
        self.inner, self.room = inner, room

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.inner(images)
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return logits


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(16, 1, 8, 8, generator=generator), torch.arange(16) % 3


def gradients(model: nn.Module, pieces: int = 1) -> tuple[Gradients, list[str]]:
    told: list[str] = []
    state = TrainingState({"model": model}, micro_batches=pieces)
    learner = Learner.of(model, RECIPE, Timeline(steps=1, steps_per_epoch=1))
    return Gradients(learner, Objective(3), state, told.append), told


def gradients_of(model: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def same(left: Iterable[Tensor], right: Iterable[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(left, right, strict=True))


def plain() -> nn.Module:
    """Without a batch norm, whose statistics are those of the pieces, and without dropout."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


@pytest.mark.parametrize("pieces", [2, 3, 5])
def test_a_batch_in_pieces_has_the_gradients_of_the_whole(pieces: int) -> None:
    whole, parted = plain(), plain()
    made = gradients(whole)[0](*batch(), SEED)
    made_of_pieces = gradients(parted, pieces)[0](*batch(), SEED)
    assert torch.allclose(made.loss, made_of_pieces.loss, rtol=1e-6)
    assert made.correct == made_of_pieces.correct
    for one, other in zip(gradients_of(whole), gradients_of(parted), strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)


def test_where_memory_runs_out_the_same_batch_goes_through_in_halves(tiny: Maker) -> None:
    model, wanted = tiny(0), tiny(0)
    cramped = Cramped(model, room=4)
    halved, told = gradients(cramped)
    halved(*batch(), SEED)
    gradients(wanted, pieces=4)[0](*batch(), SEED)
    assert halved.state.micro_batches == 4
    assert [line.partition(":")[0] for line in told] == ["out of memory at step 1"] * 2
    assert told[-1].endswith("a batch of 16 goes through the network in 4 pieces")
    assert same(gradients_of(model), gradients_of(wanted))
    assert same(model.buffers(), wanted.buffers())


def test_a_network_that_is_too_large_for_two_images_is_refused(tiny: Maker) -> None:
    with pytest.raises(TrainingError, match="does not suffice for 2 images at a time"):
        gradients(Cramped(tiny(0), room=1))[0](*batch(), SEED)


def test_other_errors_are_left_alone(tiny: Maker) -> None:
    images, labels = batch()
    with pytest.raises(RuntimeError, match="expected input"):
        gradients(tiny(0))[0](images[:, :, 0], labels, SEED)


def test_the_allocator_of_the_cpu_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
