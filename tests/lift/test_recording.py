from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # everybody writes it so
from torch import Tensor, nn

from archgen.lift.flat import Scope
from archgen.lift.lifting import lift
from archgen.lift.matching import OutsideTheTable
from archgen.lift.recording import (
    ForwardFailed,
    Made,
    NotRecorded,
    Recording,
    Weight,
    make_lazy_layers,
    record,
    starts_of,
)
from archgen.lift.source import Original
from tests.lift.modules import ConvNorm, Residual

IMAGES = torch.zeros(2, 3, 8, 8)


def recorded(module: nn.Module) -> Recording:
    return record(module.eval(), IMAGES)


def test_calls_are_noted_as_the_module_makes_them() -> None:
    events = recorded(ConvNorm(3, 4)).events
    assert [event.function for event in events] == ["conv2d", "batch_norm", "relu"]
    assert events[0].args[:2] == (Made(0), Weight("0.weight", (4, 3, 3, 3)))
    assert events[0].scopes == (Scope("0", "Conv2d"),)


def test_a_call_knows_the_modules_around_it_and_its_line() -> None:
    event = next(e for e in recorded(Residual()).events if e.function == "add")
    assert event.scopes == (Scope("stages", "ModuleList"), Scope("0", "Basic"))
    path, _, line = event.place.rpartition(":")
    assert path.endswith("modules.py")
    assert line.isdecimal()


def test_where_only_torch_itself_runs_there_is_no_line() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    original = Original(module.eval(), "net", "tests", 3, (8, 8))
    with pytest.raises(OutsideTheTable) as refused:
        lift(original._replace(module=nn.Sequential(module, nn.ELU()).eval()), IMAGES)
    assert [(found.path, found.place) for found in refused.value.problems] == [("1", "")]


class Setting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(x)
        y.data = torch.ones(2, 3, 8, 8)
        return y


def test_numbers_that_are_set_are_noted() -> None:
    assert [event.function for event in recorded(Setting()).events] == ["tanh", "set"]


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        first = torch.tanh(x)
        kept = first
        first.relu_()
        return kept + x


def test_after_a_call_in_place_every_name_means_the_new_value() -> None:
    tanh, relu, add = recorded(InPlace()).events
    assert relu.args == (Made(tanh.results[0]),)
    assert add.args[0] == Made(relu.results[0])


def test_the_images_stay_as_they_are() -> None:
    images = torch.full((2, 3, 8, 8), -1.0)
    record(nn.ReLU(inplace=True).eval(), images)
    assert bool((images == -1).all())


class DropPath(nn.Module):
    """As timm has it: nothing is left of it in evaluation."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.drop_prob = rate

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rand(2, 1, 1, 1) if self.training else x


def test_what_drops_samples_in_training_is_noted_though_it_does_nothing() -> None:
    _, dropped = recorded(nn.Sequential(nn.ReLU(), DropPath(0.2))).events
    assert dropped.function == "stochastic_depth"
    assert dropped.args[1] == 0.2
    assert dropped.scopes == (Scope("1", "DropPath"),)


class Passing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def test_a_layer_that_passes_on_what_it_gets_is_remembered() -> None:
    found = recorded(nn.Sequential(nn.Identity(), nn.ReLU(), Passing()))
    assert found.idle == ("2",)


class Reading(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_a_look_at_values_is_noted() -> None:
    assert "__bool__" in [event.function for event in recorded(Reading()).events]


def test_what_the_module_raises_is_told_with_its_place_in_the_network() -> None:
    with pytest.raises(ForwardFailed, match=r"`1` raises RuntimeError: .*channels"):
        recorded(nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1)))


class Leaving(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit(3)


def test_a_module_cannot_end_the_command() -> None:
    with pytest.raises(ForwardFailed, match="`forward` raises SystemExit: 3"):
        recorded(Leaving())


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> int:
        return len(x)


def test_a_forward_without_tensors_is_refused() -> None:
    with pytest.raises(NotRecorded, match="gives no tensor but `int`"):
        recorded(Nothing())


class Elsewhere(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(2, 3)


def test_a_result_that_does_not_come_from_the_input_is_refused() -> None:
    with pytest.raises(NotRecorded, match="does not come from its input"):
        recorded(Elsewhere())


def test_lazy_layers_are_made_by_a_first_run() -> None:
    net = nn.LazyConv2d(4, 1)
    make_lazy_layers(net, IMAGES)
    (event,) = recorded(net).events
    assert event.args[1] == Weight("weight", (4, 3, 1, 1))


def test_parameters_of_one_number_are_told_with_it() -> None:
    net = nn.Sequential(nn.PReLU(4, init=0.1), nn.Conv2d(4, 4, 1))
    assert starts_of(net) == {"0.weight": 0.1}


def test_hooks_are_gone_afterwards() -> None:
    net = nn.Sequential(nn.ReLU())
    recorded(net)
    assert not net[0]._forward_hooks
    assert not net[0]._forward_pre_hooks
    assert bool((F.relu(IMAGES) == 0).all())
