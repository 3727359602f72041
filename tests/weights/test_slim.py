"""TF-slim's real names: every layer of its networks has its place, whatever else a training has kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.cli import main
from archgen.cli.weight_maps import shipped_map
from archgen.emit.module import build_class
from archgen.weights.dialects import TF_SLIM, passed_over, their_leaves
from archgen.weights.leaves import Extents, Leaf, leaves_of
from archgen.weights.maps import WeightMap
from archgen.weights.plan import Named, adjusted, found_map, planned
from archgen.weights.structure import structure_of
from tests.compiling import shipped, source_of
from tests.weights.test_tensorflow import as_slim, write_bundle
from tools.oracles.slim import HEAD, SLIMS, slim_layers, slim_variables

Run = pytest.CaptureFixture[str]


def layers_of(spec: str) -> tuple[Leaf, ...]:
    return leaves_of(shipped(spec).sound_network())


def slim_shapes(spec: str) -> dict[str, Extents]:
    """The shapes of TF-slim's variables of a network, in the order in which its code makes them."""
    with torch.device("meta"):
        net = build_class(source_of(shipped(spec)))()
    return {name: tuple(tensor.shape) for name, tensor in slim_variables(net, SLIMS[spec]).items()}


def wanted(spec: str, ours: tuple[Leaf, ...]) -> dict[str, str]:
    """Which layer is which, counted through in the order of TF-slim's code."""
    norms = [leaf.path for leaf in ours if leaf.is_norm]
    return slim_layers([leaf.path for leaf in ours], norms, SLIMS[spec])


def pairs(chart: WeightMap) -> dict[str, str]:
    return {line.ours: line.theirs for line in chart.layers}


@pytest.mark.parametrize("spec", SLIMS)
def test_the_map_of_every_network_names_all_variables(spec: str) -> None:
    ours = layers_of(spec)
    shapes = slim_shapes(spec)
    theirs = their_leaves(shapes, TF_SLIM)
    found = shipped_map(spec, ours, "tf_slim", [leaf.path for leaf in theirs])
    assert found is not None
    chart = adjusted(found[1], ours, theirs)
    assert pairs(chart) == wanted(spec, ours)
    assert chart.background == ("linear", "aux.linear")
    assert chart.without == ("gamma", "count")
    plan = planned(chart, ours, theirs)
    assert plan.fits
    assert not plan.absent
    taken = {origin.name for origin in plan.origins.values() if not isinstance(origin, float)}
    assert taken == set(shapes)


@pytest.mark.parametrize("spec", SLIMS)
@pytest.mark.parametrize("order", ["as made", "by the alphabet"])
def test_layers_are_found_without_the_map(spec: str, order: str) -> None:
    """Files are sorted by the alphabet, which puts `block35_10` before `block35_2`."""
    ours = layers_of(spec)
    shapes = slim_shapes(spec)
    if order == "by the alphabet":
        shapes = dict(sorted(shapes.items()))
    structure = structure_of(shipped(spec).sound_network())
    theirs = their_leaves(shapes, TF_SLIM)
    found = found_map(Named(spec, "", TF_SLIM), structure, theirs, background=True)
    certain = pairs(found.chart)
    for (
        group
    ) in found.ambiguous:  # branches of one 1x1 convolution, told apart by their numbers alone
        for layer in group.ours:
            del certain[layer]
            certain.pop(f"{layer}.norm", None)
    assert certain.items() <= wanted(spec, ours).items()
    assert len(certain) > 0.8 * len(ours)


def test_a_head_may_be_absent_and_a_background_class_have_been_left_out() -> None:
    ours = layers_of("inception_v4_tf")
    shapes = {
        name: without_background(shape) if "Logits" in name else shape
        for name, shape in slim_shapes("inception_v4_tf").items()
        if HEAD not in name
    }
    theirs = their_leaves(shapes, TF_SLIM)
    found = shipped_map("inception_v4_tf", ours, "auto", [leaf.path for leaf in theirs])
    assert found is not None
    chart = adjusted(found[1], ours, theirs)
    assert chart.background == ()
    plan = planned(chart, ours, theirs)
    assert plan.fits
    assert {tensor.name.partition(".")[0] for tensor in plan.absent} == {"aux"}


def without_background(shape: Extents) -> Extents:
    return (*shape[:-1], shape[-1] - 1)


def test_what_a_training_keeps_is_told_and_no_layer() -> None:
    shapes: dict[str, Extents] = {
        "Net/Conv/weights": (3, 3, 2, 4),
        "Net/Conv/weights/LAMB": (3, 3, 2, 4),
        "Net/Conv/BatchNorm/moving_mean": (4,),
        "Net/Conv/BatchNorm/moving_mean/biased": (4,),
        "Net/Conv/BatchNorm/moving_mean/ExponentialMovingAverage": (4,),
        "beta1_power": (),
        "global_step": (),
    }
    leaves = their_leaves(shapes, TF_SLIM)
    assert [leaf.path for leaf in leaves] == ["Net/Conv", "Net/Conv/BatchNorm"]
    kept = passed_over(shapes, TF_SLIM)
    assert kept.total() + sum(len(leaf.tensors) for leaf in leaves) == len(shapes)


def test_the_averages_and_slots_of_a_training_are_named(
    spec: str, tmp_path: Path, theirs: nn.Module, capsys: Run
) -> None:
    weights = as_slim(theirs)
    step = weights.pop("global_step")
    slots: dict[str, Tensor] = {
        f"{name}/{slot}": torch.full_like(tensor, torch.nan)
        for name, tensor in weights.items()
        for slot in ("ExponentialMovingAverage", "Adam", "Adam_1")
    }
    write_bundle(
        tmp_path / "net.ckpt", {**weights, **slots, "beta1_power": step, "global_step": step}
    )
    output = tmp_path / "model.safetensors"
    assert main(["weights", "import", spec, str(tmp_path / "net.ckpt"), "-o", str(output)]) == 0
    slots_of_each = "30 Adam, 30 Adam_1, 30 ExponentialMovingAverage"
    kept = f"{slots_of_each}, beta1_power, global_step"
    assert f"what the training kept besides is not taken: {kept}" in capsys.readouterr().out
    with safe_open(output, framework="pt") as file:
        assert file.metadata()["passed_over"] == kept


def test_a_separable_convolution_is_two_with_the_bias_behind_the_last(tmp_path: Path) -> None:
    spec, output = tmp_path / "net.yaml", tmp_path / "model.safetensors"
    spec.write_text(
        "archgen: 1\nname: net\ninput: {channels: 3, grid: 8}\n"
        "defaults: {conv: {padding: valid, act: none}}\n"
        "network:\n"
        "  - conv: {filters: 2 * in.channels, kernel: 3, groups: in.channels, bias: false}\n"
        "  - conv: {filters: 5, kernel: 1, bias: true}\n"
    )
    depthwise, pointwise = torch.rand(3, 3, 3, 2), torch.rand(1, 1, 6, 5)
    write_bundle(
        tmp_path / "net.ckpt",
        {
            "Net/Conv2d_1a/biases": torch.arange(5.0),
            "Net/Conv2d_1a/depthwise_weights": depthwise,
            "Net/Conv2d_1a/pointwise_weights": pointwise,
        },
    )
    assert (
        main(["weights", "import", str(spec), str(tmp_path / "net.ckpt"), "-o", str(output)]) == 0
    )
    found = load_file(output)
    assert torch.equal(found["conv.weight"][3, 0], depthwise[:, :, 1, 1])
    assert torch.equal(found["conv_2.weight"][:, :, 0, 0], pointwise[0, 0].t())
    assert torch.equal(found["conv_2.bias"], torch.arange(5.0))


def test_where_the_map_is_known_what_is_wrong_is_told_by_its_right_name(
    tmp_path: Path, capsys: Run
) -> None:
    """Of blocks that are alike, only names tell which one lacks a layer."""
    spec, block = "inception_resnet_v2_tf", "InceptionResnetV2/Repeat/block35_3/Branch_2"
    empty = {name: torch.zeros(shape) for name, shape in slim_shapes(spec).items()}
    del empty["InceptionResnetV2/Repeat_1/block17_7/Branch_1/Conv2d_0b_1x7/weights"]
    empty[f"{block}/Conv2d_0b_3x3/weights"] = torch.zeros(3, 3, 32, 47)
    empty["InceptionResnetV2/Extra/weights"] = torch.zeros(3, 3)
    torch.save(empty, tmp_path / "net.pth")
    output = tmp_path / "model.safetensors"
    command = ["weights", "import", spec, str(tmp_path / "net.pth"), "-o", str(output)]
    assert main([*command, "--from", "tf_slim"]) == 1
    told = capsys.readouterr().err
    assert "`block17.6.b7x7.conv_2`: weight (160x128x1x7)" in told
    assert "`InceptionResnetV2/Extra`: weights (3x3)" in told
    assert f"`block35.2.dbl3x3.conv_2.weight` is 48x32x3x3, and `{block}" in told
    assert "num_classes" not in told
    assert not output.exists()
