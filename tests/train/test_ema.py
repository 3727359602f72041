"""The moving average of weights, held against TensorFlow's formula in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archgen.train.ema import AveragedModel, warmed_decay

Maker = Callable[..., nn.Module]


def drifting(model: nn.Module, step: int, generator: torch.Generator) -> None:
    """Changes every weight and statistic of `model` as a step of training would."""
    with torch.no_grad():
        for value in (*model.parameters(), *model.buffers()):
            if value.is_floating_point():
                value.add_(0.05 * torch.randn(value.shape, generator=generator))
            else:
                value.fill_(step + 1)


def as_double(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.double().clone() for name, value in model.state_dict().items()}


def test_a_thousand_updates_follow_the_formula_statistics_included(tiny: Maker) -> None:
    model = tiny(0)
    averaged, expected = AveragedModel(model, 0.99), as_double(model)
    generator = torch.Generator().manual_seed(0)
    for step in range(1000):
        drifting(model, step, generator)
        averaged.update(model)
        decay = min(0.99, (1 + step) / (10 + step))
        for name, value in as_double(model).items():
            expected[name] = decay * expected[name] + (1 - decay) * value
    found = averaged.module.state_dict()
    assert int(found.pop("1.num_batches_tracked")) == 1000
    assert "1.running_var" in found
    for name, value in found.items():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-6, atol=1e-6)
        assert not torch.equal(value, model.state_dict()[name])


def test_the_trained_weights_are_never_touched_and_never_shared(tiny: Maker) -> None:
    model = tiny(0)
    averaged = AveragedModel(model, 0.9)
    drifting(model, 0, torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    averaged.update(model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.data_ptr() != averaged.module.state_dict()[name].data_ptr()
    assert model.training
    assert not averaged.module.training
    assert not any(parameter.requires_grad for parameter in averaged.module.parameters())


def test_the_decay_warms_up_and_reaches_its_ceiling_where_tensorflows_does() -> None:
    assert [warmed_decay(0.9999, update) for update in (0, 1, 90)] == [0.1, 2 / 11, 0.91]
    assert warmed_decay(0.9999, 89_989) < 0.9999
    assert warmed_decay(0.9999, 89_990) == pytest.approx(0.9999, abs=1e-12)
    assert warmed_decay(0.9999, 10**9) == 0.9999


def test_a_saved_average_goes_on_bit_for_bit(tiny: Maker) -> None:
    model = tiny(0)
    averaged = AveragedModel(model, 0.9)
    generator = torch.Generator().manual_seed(0)
    for step in range(5):
        drifting(model, step, generator)
        averaged.update(model)
    again = AveragedModel(tiny(1), 0.9)
    again.load_state_dict(averaged.state_dict())
    drifting(model, 5, generator)
    for each in (averaged, again):
        each.update(model)
    for name, value in averaged.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])
