"""One step of learning: accumulation, clipping, precision, skipped steps, and what is saved."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from archgen.train import Recipe
from archgen.train.computing import algorithms, autocast_type, seed_draws
from archgen.train.gradients import Gradients
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.schedule import Timeline
from archgen.train.state import TrainingState

Maker = Callable[..., nn.Module]
CPU = torch.device("cpu")
SGD: dict[str, Any] = {"name": "sgd", "lr": 0.1, "momentum": 0.0}
OPTIMIZERS = ("sgd", "adamw", "rmsprop", "rmsprop_tf")


class Block(nn.Module):
    """A network as a block of another."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        """What the inner network makes of the images."""
        result: Tensor = self.inner(images)
        return result


class Outer(nn.Module):
    """A network of one block."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.block = Block(inner)

    def forward(self, images: Tensor) -> Tensor:
        """What the block makes of the images."""
        result: Tensor = self.block(images)
        return result


def learner(model: nn.Module, **fields: object) -> Learner:
    recipe = Recipe.model_validate({"optimizer": SGD, "batch": 12, "steps": 20, **fields})
    return Learner.of(model, recipe, Timeline(20, 5))


class Learned(NamedTuple):
    """What one step told."""

    loss: Tensor
    logits: Tensor
    rate: float


def learn(made: Learner, step: int = 0, pieces: int = 1) -> Learned:
    """One step, as the loop takes it."""
    state = TrainingState(made.parts(), micro_batches=pieces)
    rate = made.set_rate()
    loss, logits = Gradients(made, Objective(3), state, print)(*batch(step), step)
    made.step()
    return Learned(loss, logits, rate)


def linear() -> nn.Module:
    """A network without batch norm."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))


def batch(step: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(12, 1, 8, 8, generator=generator), torch.arange(12) % 3


def weights(model: nn.Module) -> Tensor:
    return torch.cat([value.detach().double().flatten() for value in model.state_dict().values()])


@pytest.mark.parametrize("pieces", [2, 3, 4, 5, 12])
def test_a_batch_in_pieces_is_the_same_step(pieces: int) -> None:
    whole, parted = learner(linear()), learner(linear())
    for step in range(4):
        one, many = learn(whole, step), learn(parted, step, pieces)
        torch.testing.assert_close(many.loss, one.loss, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(many.logits, one.logits, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weights(parted.model), weights(whole.model), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_a_clipped_step_is_as_long_as_allowed(precision: str) -> None:
    made = learner(linear(), clip_norm=0.01, precision=precision)
    free = learner(linear(), clip_norm=1000.0)
    before = weights(made.model)
    learn(made)
    learn(free)
    assert float((weights(made.model) - before).norm()) == pytest.approx(0.1 * 0.01, rel=1e-3)
    assert float((weights(free.model) - before).norm()) > 0.1 * 0.01


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_an_overflow_in_fp16_skips_weights_schedule_and_average(
    name: str, clip_norm: float | None
) -> None:
    made = learner(
        linear(),
        optimizer={"name": name, "lr": 0.01},
        schedule={"name": "cosine"},
        precision="fp16",
        ema={"decay": 0.9},
        clip_norm=clip_norm,
    )
    assert made.averaged is not None
    learn(made, 0)
    second = learn(made, 1).rate
    model, average, scale = (
        weights(made.model),
        weights(made.averaged.module),
        made.scaler.get_scale(),
    )
    infinite = next(made.model.parameters()).register_hook(lambda gradient: gradient * torch.inf)
    third = learn(made, 2).rate
    assert third < second
    assert made.updates == made.averaged.updates == 2
    assert torch.equal(weights(made.model), model)
    assert torch.equal(weights(made.averaged.module), average)
    assert made.scaler.get_scale() == scale / 2
    infinite.remove()
    assert learn(made, 3).rate == third
    assert made.updates == 3
    assert not torch.equal(weights(made.model), model)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("auto", torch.float32),
        ("float32", torch.float32),
        ("bf16", torch.bfloat16),
        ("fp16", torch.float16),
    ],
)
def test_products_compute_at_the_precision_and_weights_stay_float32(
    precision: str, dtype: torch.dtype
) -> None:
    seen: list[torch.dtype] = []
    made = learner(linear(), precision=precision)
    made.model.register_forward_hook(lambda *at: seen.append(at[2].dtype))
    learned = learn(made)
    assert seen == [dtype]
    assert learned.loss.dtype == torch.float32
    assert {p.dtype for p in made.model.parameters()} == {torch.float32}
    assert made.scaler.is_enabled() == (precision == "fp16")


def test_auto_is_bf16_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, _has=has, **_: _has)
        assert autocast_type("auto", torch.device("cuda")) == dtype
        assert autocast_type("auto", CPU) == torch.float32


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_what_is_saved_loads_as_plain_data_and_goes_on_bit_for_bit(
    tiny: Maker, name: str, precision: str
) -> None:
    fields = {
        "optimizer": {"name": name, "lr": 0.01, "weight_decay": 0.01},
        "schedule": {"name": "cosine"},
        "precision": precision,
        "ema": {"decay": 0.99},
        "clip_norm": 1.0,
    }
    whole, first, second = (learner(tiny(seed), **fields) for seed in (0, 0, 1))
    for step in range(8):
        learn(whole, step, 2)
        if step == 4:
            file = io.BytesIO()
            torch.save({key: part.state_dict() for key, part in first.parts().items()}, file)
            saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
            for key, part in second.parts().items():
                part.load_state_dict(saved[key])
        learn(first if step < 4 else second, step, 2)
    assert torch.equal(weights(second.model), weights(whole.model))
    assert torch.equal(weights(second.evaluated), weights(whole.evaluated))
    assert second.updates == whole.updates
    assert second.scaler.state_dict() == whole.scaler.state_dict()


def test_the_averaged_network_is_evaluated_only_where_the_recipe_says_so() -> None:
    assert (plain := learner(linear())).evaluated is plain.model
    assert "ema" not in plain.parts()
    averaging = learner(linear(), ema={})
    assert averaging.averaged is not None
    assert averaging.averaged.decay == 0.9999
    assert averaging.evaluated is averaging.averaged.module


def test_compiling_keeps_the_names_and_leaves_the_average_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[nn.Module] = []

    def compile_in_place(model: nn.Module) -> None:
        compiled.append(model)

    monkeypatch.setattr(nn.Module, "compile", compile_in_place)
    model = linear()
    names = list(model.state_dict())
    made = learner(model, compile=True, ema={})
    assert compiled == [model]
    assert list(made.model.state_dict()) == list(made.evaluated.state_dict()) == names
    learner(model)
    assert compiled == [model]


def test_settings_of_algorithms_come_back_after_an_error() -> None:
    benchmark = torch.backends.cudnn.benchmark
    with pytest.raises(ZeroDivisionError), algorithms(deterministic=True):
        raise ZeroDivisionError
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark == benchmark


def test_activation_checkpointing_takes_the_same_steps(tiny: Maker) -> None:
    found = []
    passes: list[int] = []
    for saving, passed in ((False, 1), (True, 2)):
        made = learner(Outer(tiny(0)), activation_checkpointing=saving, ema={})
        passes.clear()
        made.model.get_submodule("block.inner.0").register_forward_hook(lambda *_: passes.append(1))
        learn(made)
        assert len(passes) == passed
        for step in range(3):
            learn(made, step)
        found.append((weights(made.model), weights(made.evaluated)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


def test_seeding_a_step_draws_what_seeding_all_of_torch_draws() -> None:
    torch.manual_seed(1602)
    wanted = torch.rand(4)
    seed_draws(1602, torch.device("cpu"))
    assert torch.equal(torch.rand(4), wanted)
