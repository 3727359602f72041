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


class Symmetric(nn.Module):
    """Layers of one shape in sums, told apart by what lies between or by who else reads them."""

    def __init__(self, form: str, order: str) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(4, 4, 1) for _ in range(4))
        self._form, self._order = form, order

    def forward(self, x: Tensor) -> Tensor:
        first = [name for name in self._order if self._form != "read" or name != "c"]
        v: dict[str, Tensor] = {name: getattr(self, name)(x) for name in first}
        match self._form:
            case "activated":
                parts = [torch.relu(v["a"]), torch.tanh(v["b"]), v["c"], v["d"] * 0.5]
            case "read":
                inner = v["a"] + v["b"]
                parts = [torch.relu(self.c(torch.relu(inner))), inner, v["d"]]
            case _:
                parts = [v["a"], v["b"], v["c"], v["d"]]
        if self._order == "dcba":
            parts.reverse()
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


@pytest.mark.parametrize("form", ["activated", "read"])
def test_equal_layers_are_told_apart_by_what_lies_between_and_by_who_reads_them(form: str) -> None:
    found = aligned(traced(Symmetric(form, "abcd")), traced(Symmetric(form, "dcba")))
    assert found == names("a", "b", "c", "d")


def test_layers_that_nothing_tells_apart_may_be_any() -> None:
    found = aligned(traced(Symmetric("plain", "abcd")), traced(Symmetric("plain", "dcba")))
    assert {*found} == {*found.values()} == {*names("a", "b", "c", "d")}


def test_a_choice_between_equal_layers_is_kept_to() -> None:
    """Two products of two layers: which is which is free, and then the layers of both are not."""
    weights = aligned(traced(Coupled("abcd")), traced(Coupled("cdab")))
    assert weights["a.weight"][0] in "ac"
    pairs = {"a": "b", "b": "a", "c": "d", "d": "c"}
    for name, other in weights.items():
        assert weights[f"{pairs[name[0]]}{name[1:]}"][0] == pairs[other[0]]


class Coupled(nn.Module):
    """A sum of two products, where a third use links the layers of each."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv2d(4, 4, 1) for _ in range(4))
        self._order = order

    def forward(self, x: Tensor) -> Tensor:
        v: dict[str, Tensor] = {name: getattr(self, name)(x) for name in self._order}
        first, second, third, fourth = (v[name] for name in self._order)
        return first * second + third * fourth


def test_one_layer_twice_in_the_spec_is_not_one_in_the_module() -> None:
    with pytest.raises(NotAligned):
        aligned(traced(Copied(2)), traced(Copied(1)))


class Copied(nn.Module):
    """Two results of one layer, or of two that are alike."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.stems = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(count))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found = [stem(x) for stem in self.stems]
        return torch.relu(found[0]), torch.tanh(found[-1])
