from __future__ import annotations

import torch
from torch import Tensor, nn

from archgen.weights.first_values import first_values


class Half(nn.Module):
    """A layer that only its constructor gives first values."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), 0.5))


def network() -> nn.Module:
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    return nn.Sequential(trunk, nn.Linear(4, 2), Half())


def drawn(*names: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return first_values(network, names)


def test_first_values_are_those_that_torch_draws_for_such_a_layer() -> None:
    torch.manual_seed(0)
    alone = nn.Linear(4, 2)
    found = drawn("1.weight", "1.bias")
    assert torch.equal(found["1.weight"], alone.weight)
    assert torch.equal(found["1.bias"], alone.bias)


def test_a_norm_begins_with_ones_zeros_and_a_count() -> None:
    found = drawn(*(f"0.1.{role}" for role in nn.BatchNorm2d(4).state_dict()))
    assert [tensor.tolist() for tensor in found.values()] == [[1] * 4, [0] * 4, [0] * 4, [1] * 4, 0]


def test_no_other_layer_is_given_values() -> None:
    made: list[nn.Module] = []

    def kept() -> nn.Module:
        made.append(network())
        return made[-1]

    first_values(kept, ["1.weight"])
    (one,) = made
    places = {name: tensor.device.type for name, tensor in one.state_dict().items()}
    assert places.pop("1.weight") == places.pop("1.bias") == "cpu"
    assert set(places.values()) == {"meta"}


def test_what_only_a_constructor_knows_is_made_by_it() -> None:
    assert drawn("2.weight")["2.weight"].tolist() == [0.5] * 3
    assert drawn("0.0.bias", "2.weight")["0.0.bias"].device.type == "cpu"
