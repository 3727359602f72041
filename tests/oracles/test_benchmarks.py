"""What the benchmark of modules measures: equal work, and memory to the byte."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tools.benchmarks.memory import resident_bytes, tensor_bytes
from tools.benchmarks.ratios import Ratio, ratio_of_medians, take_turns
from tools.benchmarks.twins import COMPARED, LAYOUTS, STEPS, twins

pytestmark = pytest.mark.oracle
KILOBYTE = 1024


def kilobyte() -> Tensor:
    return torch.zeros(KILOBYTE, dtype=torch.uint8)


def test_tensors_count_from_when_they_are_made_to_when_they_are_freed() -> None:
    def two_and_then_one() -> Tensor:
        first, second = kilobyte(), kilobyte()
        del first, second
        return kilobyte()

    assert tensor_bytes(two_and_then_one) == 2 * KILOBYTE


def test_tensors_that_were_there_before_do_not_count() -> None:
    before = kilobyte()
    assert tensor_bytes(before.zero_) == 0


def test_a_process_grows_by_more_than_the_tensors_of_a_network() -> None:
    spec, step = "inception_v3_torch", "forward"
    pair = twins(spec)
    tensors = tensor_bytes(lambda: STEPS[step](pair.ours, pair.images))
    assert resident_bytes(spec, "ours", step, "contiguous") > tensors


@pytest.mark.parametrize("spec", COMPARED)
def test_a_network_needs_as_much_memory_as_theirs(spec: str) -> None:
    # A convolution and its norm are one layer, which holds its input until the norm is done:
    # in evaluation ResNet-152 holds 64 x 56 x 56 numbers for each image that torchvision's frees.
    more = {("resnet_152", "forward"): 2 * 64 * 56 * 56 * 4}
    for layout in LAYOUTS:
        pair = twins(spec).laid_out(layout)
        for name, step in STEPS.items():
            peaks = {}
            for side in ("ours", "theirs"):
                net: nn.Module = getattr(pair, side)
                peaks[side] = tensor_bytes(lambda: step(net, pair.images))  # noqa: B023  # run at once
                net.zero_grad()
            assert peaks["ours"] <= peaks["theirs"] + more.get((spec, name), 0)


def test_networks_with_other_weights_are_not_compared() -> None:
    pair = twins("inception_v3_torch")
    pair.require_equal_results()
    with torch.no_grad():
        pair.ours.get_parameter("linear.bias")[0] += 1
    with pytest.raises(SystemExit, match="do not do the same"):
        pair.require_equal_results()


def test_every_other_round_runs_backwards() -> None:
    ran: list[str] = []
    tasks = {"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}
    turns = take_turns(tasks, rounds=3, clock=lambda: float(len(ran)))
    assert ran == ["a", "b", "b", "a", "a", "b"]
    assert turns == {"a": [1.0] * 3, "b": [1.0] * 3}


def test_equal_turns_have_no_noise_and_different_ones_do() -> None:
    steady = ratio_of_medians("steady", [2.0] * 6, [4.0] * 6, aim=1.0)
    assert (steady.value, steady.noise) == (0.5, 0.0)
    shaky = ratio_of_medians("shaky", [1.0, 2.0, 3.0, 1.0, 2.0, 3.0], [2.0] * 6, aim=1.0)
    assert shaky.value == 1.0
    assert shaky.noise is not None
    assert 0.1 < shaky.noise <= 0.5


def test_a_ratio_is_within_its_aim_where_its_lower_end_is() -> None:
    assert Ratio("x", 1.02, 1.0, aim=1.0, noise=0.03).cells()[-1] == "ok"
    assert Ratio("x", 1.02, 1.0, aim=1.0, noise=0.01).cells()[-1] == "over"
    assert Ratio("x", 1.02, 1.0, aim=1.0).cells()[-1] == "over"
