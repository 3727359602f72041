from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archgen.lift.alignment import NotAligned, Traced, aligned
from archgen.lift.matching import matched
from archgen.lift.recording import record, tensors_of

IMAGES = torch.zeros(2, 4, 8, 8)


def traced(module: nn.Module) -> Traced:
    flat = matched(record(module.eval(), IMAGES), {}, "net", "tests")
    return Traced(flat, {name: tuple(tensor.shape) for name, tensor in tensors_of(module)})


class Branches(nn.Module):
    """Two branches, joined as `join` does; `order` is that in which they run."""

    def __init__(self, join: str, order: str, kernel: int = 3) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, kernel, padding=kernel // 2))
        self.b = nn.Conv2d(4, 4, 1)
        self._join, self._order = join, order

    def forward(self, x: Tensor) -> Tensor:
        values: dict[str, Tensor] = {name: getattr(self, name)(x) for name in self._order}
        first, second = values["a"], values["b"]
        match self._join:
            case "concat":
                return torch.cat([first, second], 1)
            case "nested":
                return torch.cat([torch.cat([x, first], 1), second, x], 1)
            case "flat":
                return torch.cat([x, first, second, x], 1)
            case _:
                return first + second if self._order == "ab" else second + first


def names(*pairs: str) -> dict[str, str]:
    return {f"{p}.{role}": f"{p}.{role}" for p in pairs for role in ("weight", "bias")}


@pytest.mark.parametrize("join", ["concat", "sum"])
def test_branches_are_found_whatever_the_order_in_which_they_run(join: str) -> None:
    found = aligned(traced(Branches(join, "ab")), traced(Branches(join, "ba")))
    assert found == names("a.0", "a.1", "b")


def test_a_concat_within_a_concat_is_one() -> None:
    found = aligned(traced(Branches("nested", "ab")), traced(Branches("flat", "ab")))
    assert found == names("a.0", "a.1", "b")


def test_layers_of_other_shapes_are_no_partners() -> None:
    with pytest.raises(NotAligned, match=r"stands where the module has"):
        aligned(traced(Branches("concat", "ab", 5)), traced(Branches("concat", "ab")))


def test_a_sum_of_other_values_is_another() -> None:
    with pytest.raises(NotAligned, match=r"of the spec reads what `add_1` does not"):
        aligned(traced(Branches("sum", "ab", 5)), traced(Branches("sum", "ab")))


def test_an_input_is_no_layer() -> None:
    with pytest.raises(NotAligned, match=r"`in` of the spec stands where the module has `conv_1`"):
        aligned(
            traced(nn.Conv2d(4, 4, 1)),
            traced(nn.Sequential(*(nn.Conv2d(4, 4, 1),) * 1, nn.Conv2d(4, 4, 1))),
        )
