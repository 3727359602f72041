"""Weights in and out of files, through the command line: nothing lost, nothing silent, nothing half done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from archgen.cli import main
from archgen.cli.weight_maps import shipped_map
from archgen.emit.module import build_class
from archgen.weights.leaves import leaves_of
from tests.compiling import shipped, source_of
from tests.weights.conftest import Theirs, randomised
from tools.oracles.by_hand import GoogLeNet

Run = pytest.CaptureFixture[str]


def imported(spec: str, checkpoint: Path, *options: str) -> int:
    return main(["weights", "import", spec, str(checkpoint), *options])


def state_of(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def test_imported_weights_give_the_same_logits_to_the_bit(
    spec: str, checkpoint: Path, tmp_path: Path, ours: nn.Module, theirs: nn.Module
) -> None:
    output = tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "-o", str(output)) == 0
    ours.load_state_dict(load_file(output))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours(images), theirs(images))


def test_the_pairs_are_shown_and_the_absent_head_is_named(
    spec: str, checkpoint: Path, capsys: Run
) -> None:
    assert imported(spec, checkpoint) == 0
    out, err = capsys.readouterr()
    assert "unit.{0..1}.deep.conv{,.norm}" in out
    assert "blocks.{0..1}.left.{0,1}" in out
    assert "aux.linear: weight, bias" in out
    assert "nothing was written" in err


def test_the_file_says_where_its_weights_are_from(
    spec: str, checkpoint: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model.safetensors"
    imported(spec, checkpoint, "-o", str(output))
    with safe_open(output, framework="pt") as file:
        facts = file.metadata()
    assert facts["source"] == "theirs.pth"
    assert len(facts["source_sha256"]) == len(facts["spec_sha256"]) == 64
    assert "blocks.{0..1}" in facts["map"]
    assert facts["initialised"] == "aux.linear.weight, aux.linear.bias"


def test_the_same_checkpoint_makes_the_same_bytes(
    spec: str, checkpoint: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for output in (first, second):
        assert imported(spec, checkpoint, "-o", str(output)) == 0
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_export_gives_back_their_state_dict(
    spec: str, checkpoint: Path, tmp_path: Path, suffix: str
) -> None:
    output, back = tmp_path / "model.safetensors", tmp_path / f"back{suffix}"
    imported(spec, checkpoint, "-o", str(output))
    assert main(["weights", "export", spec, str(output), "-o", str(back)]) == 0
    theirs = state_of(checkpoint)
    found = state_of(back) if suffix == ".pth" else load_file(back)
    assert found.keys() == theirs.keys()
    assert all(torch.equal(found[name], theirs[name]) for name in theirs)


def test_a_written_map_imports_what_was_found(spec: str, checkpoint: Path, tmp_path: Path) -> None:
    chart = tmp_path / "map.yaml"
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    assert imported(spec, checkpoint, "-o", str(first), "--write-map", str(chart)) == 0
    assert imported(spec, checkpoint, "-o", str(second), "--map", str(chart)) == 0
    assert first.read_bytes() == second.read_bytes()


# ------------------------------------------------------------------------------- steps with a name


def save(tensors: dict[str, Tensor], path: Path) -> Path:
    torch.save(tensors, path)
    return path


def test_a_background_class_is_left_out_where_a_map_says_so(
    spec: str, tmp_path: Path, capsys: Run
) -> None:
    theirs = randomised(Theirs(classes=6))
    checkpoint = save(theirs.state_dict(), tmp_path / "six.pth")
    assert imported(spec, checkpoint) == 1
    assert "`background:`" in capsys.readouterr().err
    output = tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "--from", "cadene", "-o", str(output)) == 0
    assert torch.equal(load_file(output)["linear.bias"], theirs.get_parameter("fc.bias")[1:])
    assert "leaves out their first class" in capsys.readouterr().out
    assert main(["weights", "export", spec, str(output), "-o", str(tmp_path / "b.pth")]) == 1
    assert "AG716" in capsys.readouterr().err


@pytest.mark.parametrize(("lost", "value"), [("weight", 1.0), ("num_batches_tracked", 0)])
def test_norms_without_gamma_or_count_get_ones_and_zeros(
    spec: str, checkpoint: Path, tmp_path: Path, lost: str, value: float
) -> None:
    norms = {name.removesuffix(".running_mean") for name in state_of(checkpoint) if "_mean" in name}
    state = {
        name: tensor
        for name, tensor in state_of(checkpoint).items()
        if name not in {f"{norm}.{lost}" for norm in norms}
    }
    output, back = tmp_path / "model.safetensors", tmp_path / "back.pth"
    assert imported(spec, save(state, checkpoint), "-o", str(output)) == 0
    assert bool((load_file(output)[f"conv.norm.{lost}"] == value).all())
    assert main(["weights", "export", spec, str(output), "-o", str(back)]) == 0
    assert state_of(back).keys() == state.keys()


def test_a_fused_layer_is_split_into_rows_and_joined_again(tmp_path: Path) -> None:
    spec, chart = tmp_path / "two.yaml", tmp_path / "map.yaml"
    spec.write_text(
        "archgen: 1\nname: two\ninput: {channels: 3, grid: 8}\n"
        "network:\n  - concat:\n"
        "      a: [{conv: {filters: 4, kernel: 1, padding: valid}}]\n"
        "      b: [{conv: {filters: 2, kernel: 1, padding: valid}}]\n"
    )
    chart.write_text(
        "archgen: 1\nweights:\n  network: two.yaml\n  layers: {}\n"
        "  split: {fused: [a.conv, b.conv]}\n"
    )
    assert main(["check", str(chart)]) == 0
    fused = {"fused.weight": torch.rand(6, 3, 1, 1), "fused.bias": torch.rand(6)}
    checkpoint, output = save(fused, tmp_path / "fused.pth"), tmp_path / "model.safetensors"
    assert imported(str(spec), checkpoint, "--map", str(chart), "-o", str(output)) == 0
    assert torch.equal(load_file(output)["b.conv.weight"], fused["fused.weight"][4:])
    back = tmp_path / "back.pth"
    assert main(["weights", "export", str(spec), str(output), "-o", str(back)]) == 0
    assert all(torch.equal(state_of(back)[name], fused[name]) for name in fused)


# ---------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"blocks.0.left.3.weight": None}, "AG711", "`unit.0.deep.conv_2`: weight (6x4x3x3)"),
        ({"head.weight": torch.rand(3, 3)}, "AG712", "`head`: weight (3x3)"),
        ({"fc.weight": torch.rand(7, 12)}, "AG713", "`linear.weight` is 5x12, and `fc.weight`"),
        ({"fc.bias": torch.full((5,), torch.nan)}, "AG714", "`fc.bias`"),
        ({"bn.running_var": torch.full((8,), torch.inf)}, "AG714", "`bn.running_var`"),
        ({"fc.bias": torch.ones(5, dtype=torch.int8)}, "AG715", "`fc.bias` is of int8"),
        ({"fc.bias": torch.ones(5, dtype=torch.complex64)}, "AG715", "complex64"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(
    spec: str,
    checkpoint: Path,
    tmp_path: Path,
    capsys: Run,
    change: dict[str, Tensor | None],
    code: str,
    words: str,
) -> None:
    state = {**state_of(checkpoint), **change}
    save({name: tensor for name, tensor in state.items() if tensor is not None}, checkpoint)
    output = tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "-o", str(output)) == 1
    told = capsys.readouterr().err
    assert f"error[{code}]" in told
    assert words in told
    assert not output.exists()


def test_another_network_is_told_as_such_and_briefly(
    spec: str, tmp_path: Path, capsys: Run
) -> None:
    state = {f"layers.{i}.weight": torch.rand(9, 9, 3, 3) for i in range(60)}
    assert imported(spec, save(state, tmp_path / "other.pth")) == 1
    told = capsys.readouterr().err
    assert "these look like the weights of another network" in told
    assert len(told.splitlines()) < 30


def test_a_partial_import_says_what_it_skipped(
    spec: str, checkpoint: Path, tmp_path: Path, capsys: Run
) -> None:
    state = {**state_of(checkpoint), "fc.weight": torch.rand(7, 12), "fc.bias": torch.rand(7)}
    save({**state, "head.weight": torch.rand(2, 2)}, checkpoint)
    output = tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "--partial", "-o", str(output)) == 0
    out = capsys.readouterr().out
    assert "    linear: weight, bias" in out
    assert "3 tensors of the file are left out" in out
    assert "    head: weight" in out
    with safe_open(output, framework="pt") as file:
        assert file.metadata()["left_out"] == "head.weight, fc.weight, fc.bias"


def test_not_even_a_partial_import_takes_nan(spec: str, checkpoint: Path, tmp_path: Path) -> None:
    save({**state_of(checkpoint), "fc.bias": torch.full((5,), torch.nan)}, checkpoint)
    output = tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "--partial", "-o", str(output)) == 1
    assert not output.exists()


def test_another_count_of_classes_is_answered_with_what_to_type(
    spec: str, tmp_path: Path, capsys: Run
) -> None:
    checkpoint = save(Theirs(classes=9).state_dict(), tmp_path / "nine.pth")
    assert imported(spec, checkpoint) == 1
    assert "`--set num_classes=9`" in capsys.readouterr().err
    assert imported(spec, checkpoint, "--set", "num_classes=9") == 0


def test_the_checkpoint_itself_is_never_written_over(spec: str, checkpoint: Path) -> None:
    before = checkpoint.read_bytes()
    assert imported(spec, checkpoint, "-o", str(checkpoint)) == 2
    assert checkpoint.read_bytes() == before


def test_weights_of_another_network_are_not_exported(
    spec: str, checkpoint: Path, tmp_path: Path, capsys: Run
) -> None:
    output, back = tmp_path / "model.safetensors", tmp_path / "back.pth"
    imported(spec, checkpoint, "-o", str(output))
    state = load_file(output)
    with safe_open(output, framework="pt") as file:
        facts = file.metadata()
    del state["unit.1.wide.conv.weight"]
    save_file(state, output, facts)
    assert main(["weights", "export", spec, str(output), "-o", str(back)]) == 1
    assert "`unit.1.wide.conv`: weight" in capsys.readouterr().err
    assert not back.exists()


def test_without_a_map_nothing_is_exported(
    spec: str, tmp_path: Path, ours: nn.Module, capsys: Run
) -> None:
    path = tmp_path / "plain.safetensors"
    save_file(ours.state_dict(), path)
    assert (
        main(["weights", "export", spec, str(path), "--to", "timm", "-o", str(tmp_path / "x.pth")])
        == 2
    )
    assert "there is no map" in capsys.readouterr().err


# --------------------------------------------------------------------------------------- showing


@pytest.mark.parametrize("form", ["table", "json"])
def test_show_names_every_tensor_with_its_shape(checkpoint: Path, capsys: Run, form: str) -> None:
    assert main(["weights", "show", str(checkpoint), "--format", form]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in state_of(checkpoint))
    assert "sha256" in out


def test_a_state_dict_within_a_training_state_is_found(
    spec: str, checkpoint: Path, capsys: Run
) -> None:
    torch.save({"epoch": 3, "state_dict": state_of(checkpoint)}, checkpoint)
    assert imported(spec, checkpoint) == 0
    assert "took `state_dict` of it, and left epoch" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["gone.pth", "thiers.pth"])
def test_a_file_that_is_not_there_is_one_line(
    spec: str, checkpoint: Path, capsys: Run, name: str
) -> None:
    assert imported(spec, checkpoint.with_name(name)) == 2
    told = capsys.readouterr().err
    assert "there is no such file" in told
    assert ("did you mean" in told) == (name == "thiers.pth")


def test_a_pipe_is_not_waited_for(spec: str, tmp_path: Path, capsys: Run) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    assert imported(spec, tmp_path / "pipe.pth") == 1
    assert "no regular file" in capsys.readouterr().err


# --------------------------------------------------------------------------- files and their maps


def test_what_a_map_ignores_is_told_and_left_out(
    spec: str, checkpoint: Path, tmp_path: Path, capsys: Run
) -> None:
    chart, output = tmp_path / "map.yaml", tmp_path / "model.safetensors"
    assert imported(spec, checkpoint, "--write-map", str(chart)) == 0
    chart.write_text(chart.read_text().replace("  layers:", "  ignore: ['{old,new}.w']\n  layers:"))
    save({**state_of(checkpoint), "old.w": torch.full((2,), torch.nan)}, checkpoint)
    capsys.readouterr()
    assert imported(spec, checkpoint, "--map", str(chart), "-o", str(output)) == 0
    assert "1 tensor of the file is left out:\n    old: w" in capsys.readouterr().out
    with safe_open(output, framework="pt") as file:
        assert file.metadata()["left_out"] == "old.w"


@pytest.mark.parametrize("has_heads", [True, False])
def test_both_heads_of_googlenet_are_taken_or_named_and_begun_anew(
    has_heads: bool, tmp_path: Path, capsys: Run
) -> None:
    output, back = tmp_path / "model.safetensors", tmp_path / "back.pth"
    theirs = randomised(GoogLeNet()).state_dict()
    state = {name: t for name, t in theirs.items() if has_heads or not name.startswith("aux")}
    checkpoint = save(state, tmp_path / "theirs.pth")
    assert imported("googlenet", checkpoint, "-o", str(output)) == 0
    told = capsys.readouterr().out
    assert ("tensors keep their first values" in told) is not has_heads
    assert ("    aux2.head.linear_2: weight, bias" in told) is not has_heads
    ours = build_class(source_of(shipped("googlenet")))()
    ours.load_state_dict(load_file(output))
    images = torch.rand(1, 3, 224, 224)
    logits = GoogLeNet().eval()
    logits.load_state_dict(theirs)
    assert torch.equal(ours.eval()(images), logits(images))
    assert main(["weights", "export", "googlenet", str(output), "-o", str(back)]) == 0
    returned = state_of(back)
    assert returned.keys() == state.keys()
    assert all(torch.equal(returned[name], state[name]) for name in state)


def test_files_from_before_norms_counted_batches_need_no_other_map(
    tmp_path: Path, capsys: Run
) -> None:
    spec, output, back = "resnet_18", tmp_path / "model.safetensors", tmp_path / "back.pth"
    found = shipped_map(spec, leaves_of(shipped(spec).sound_network()), "torchvision")
    assert found is not None
    leaves = {leaf.path: leaf for leaf in leaves_of(shipped(spec).sound_network())}
    state = {
        f"{line.theirs}.{role}": torch.ones(tensor.shape)
        for line in found[1].layers
        for role, tensor in leaves[line.ours].tensors.items()
        if role != "num_batches_tracked"
    }
    checkpoint = save(state, tmp_path / "resnet18-5c106cde.pth")
    assert imported(spec, checkpoint, "-o", str(output)) == 0
    told = capsys.readouterr().out
    assert "by the map `weights/resnet_18_torchvision`" in told
    assert "norms count no batches there" in told
    assert (
        main(["weights", "export", spec, str(output), "--to", "torchvision", "-o", str(back)]) == 0
    )
    assert state_of(back).keys() == state.keys()
