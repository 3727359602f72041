"""RMSProp in TensorFlow's form, held against its rule written in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archgen.train.optim import RMSpropTF

STEPS = 200
Array = NDArray[np.float64]


def decaying_rate(step: int) -> float:
    """The paper's rate, on stairs short enough to fall ten times within the test."""
    return float(0.045 * 0.94 ** (step // 20))


def tensorflow(weight: Array, gradients: list[Array], weight_decay: float = 0.0) -> Array:
    """`tf.train.RMSPropOptimizer(rate, decay=0.9, momentum=0.9, epsilon=1.0)`."""
    mean_square, move = np.ones_like(weight), np.zeros_like(weight)
    for step, drawn in enumerate(gradients):
        gradient = drawn + weight_decay * weight
        mean_square = mean_square + (gradient**2 - mean_square) * (1 - 0.9)
        move = 0.9 * move + decaying_rate(step) * gradient / np.sqrt(mean_square + 1.0)
        weight = weight - move
    return weight


def drawn_gradients() -> list[Array]:
    """Gradients whose sizes span five orders of magnitude."""
    random = np.random.default_rng(0)
    return [random.normal(size=(3, 4)) * 10.0 ** random.uniform(-3, 2) for _ in range(STEPS)]


def moved(optimizer: RMSpropTF, weight: Tensor, gradients: list[Array]) -> Array:
    for step, gradient in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = decaying_rate(step)
        weight.grad = torch.from_numpy(gradient).to(weight.dtype)
        optimizer.step()
    return weight.detach().double().numpy()


@pytest.mark.parametrize("weight_decay", [0.0, 4e-5, 0.1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_two_hundred_steps_are_tensorflows(
    dtype: torch.dtype, tolerance: float, weight_decay: float
) -> None:
    weight = nn.Parameter(torch.ones(3, 4, dtype=dtype))
    gradients = drawn_gradients()
    optimizer = RMSpropTF([weight], lr=0.045, weight_decay=weight_decay)
    got = moved(optimizer, weight, gradients)
    expected = tensorflow(np.ones((3, 4)), gradients, weight_decay)
    assert np.abs(got - 1).max() > 0.1
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_it_is_not_torchs_rmsprop() -> None:
    ours, theirs = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    ours.grad, theirs.grad = torch.full((1,), 1e-3), torch.full((1,), 1e-3)
    RMSpropTF([ours], lr=0.045).step()
    torch.optim.RMSprop([theirs], lr=0.045, alpha=0.9, eps=1.0, momentum=0.9).step()
    assert float(theirs.detach() / ours.detach()) == pytest.approx(1.378, abs=1e-3)


def test_a_fallen_rate_leaves_the_moves_that_were_made_before() -> None:
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = RMSpropTF([weight], lr=1.0)
    weight.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    first = float(weight.detach())
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert float(weight.detach()) - first == pytest.approx(0.9 * first)


def test_a_saved_state_goes_on_bit_for_bit() -> None:
    gradients = drawn_gradients()
    whole = nn.Parameter(torch.ones(3, 4))
    moved(RMSpropTF([whole], lr=0.045), whole, gradients[:40])
    weight = nn.Parameter(torch.ones(3, 4))
    before = RMSpropTF([weight], lr=0.045)
    moved(before, weight, gradients[:20])
    again = nn.Parameter(weight.detach().clone())
    after = RMSpropTF([again], lr=1.0)
    after.load_state_dict(before.state_dict())
    for step in range(20, 40):
        after.param_groups[0]["lr"] = decaying_rate(step)
        again.grad = torch.from_numpy(gradients[step]).float()
        after.step()
    assert torch.equal(again, whole)


def test_weights_without_a_gradient_stay() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = RMSpropTF([used, unused], lr=0.1, weight_decay=0.5)
    used.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))
    assert torch.equal(used.grad, torch.ones(2))


@pytest.mark.parametrize(
    "wrong", [{"lr": -1.0}, {"eps": -0.1}, {"alpha": 1.0}, {"momentum": 1.5}, {"weight_decay": -1}]
)
def test_a_setting_out_of_its_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"`{name}` must be at least 0"):
        RMSpropTF([nn.Parameter(torch.ones(1))], **{"lr": 0.1, **wrong})


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="takes no closure"):
        RMSpropTF([nn.Parameter(torch.ones(1))], lr=0.1).step(lambda: 0.0)
