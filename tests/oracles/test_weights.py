"""Checkpoints of timm and torchvision, taken in and given back: the same logits, the same state dict."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision import models

from archgen.cli import main
from archgen.pipeline import Compilation
from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import Leaf
from archgen.weights.pairing import paired
from archgen.weights.structure import structure_of
from tests.compiling import shipped, source_of
from tools.oracles.maps import WITH_MAPS, library_of, maps
from tools.oracles.networks import ORACLES, Oracle, without_chance
from tools.oracles.pairing import pairs, randomise

pytestmark = pytest.mark.oracle

Shapes = dict[str, tuple[int, ...]]
# in the alphabet's order its flat names put a 3x3 before the 1x1 that reduces for it; it needs its map
UNSORTED = "pretrainedmodels BNInception"
# what pairs layers of modules takes `downsample` for a side path, and there it is none; logits tell
UNPAIRED = "timm convnext_tiny"


@pytest.fixture
def oracle(request: pytest.FixtureRequest) -> Oracle:
    return WITH_MAPS[request.param]


@pytest.fixture
def compilation(oracle: Oracle) -> Compilation:
    return shipped(oracle.spec)


every_oracle = pytest.mark.parametrize("oracle", WITH_MAPS, indirect=True)


def outlines(oracle: Oracle, compilation: Compilation) -> tuple[nn.Module, nn.Module]:
    """Ours and theirs without numbers."""
    with torch.device("meta"):
        return without_chance(source_of(compilation)), oracle.theirs()


@pytest.mark.parametrize("oracle", [code for code in WITH_MAPS if code != UNPAIRED], indirect=True)
@pytest.mark.parametrize("order", ["as defined", "by the alphabet"])
def test_layers_are_found_whatever_they_are_called(
    oracle: Oracle, compilation: Compilation, order: str
) -> None:
    if order == "by the alphabet" and oracle is WITH_MAPS[UNSORTED]:
        pytest.skip("only its map knows")
    ours, theirs = outlines(oracle, compilation)
    state: Shapes = {name: tuple(t.shape) for name, t in theirs.state_dict().items()}
    if order == "by the alphabet":
        state = dict(sorted(state.items()))
    pairing = paired(structure_of(compilation.sound_network()), their_leaves(state, TORCH))
    assert not pairing.extra
    assert all(leaf.training_only for leaf in pairing.missing)
    doubtful = {name for group in pairing.ambiguous for name in group.ours}
    found = {(pair.ours.path, owner(pair.theirs)) for pair in pairing.pairs}
    certain = {pair for pair in found if pair[0].removesuffix(".norm") not in doubtful}
    assert certain <= set(pairs(ours, theirs))
    assert len(certain) > 0.8 * len(found)  # equal branches need the map that comes along


def owner(leaf: Leaf) -> str:
    """The module that a layer is; factors that stand alone are a tensor of the module around."""
    return leaf.path.rpartition(".")[0] if leaf.stands_alone else leaf.path


def test_the_maps_that_come_with_archgen_are_what_is_found() -> None:
    assert [path for path, text in maps() if path.read_text(encoding="utf-8") != text] == []


def outputs(net: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        out = net.eval()(images)
    logits: Tensor = out if isinstance(out, Tensor) else out[0]
    return logits


@every_oracle
def test_a_checkpoint_gives_their_logits_and_comes_back_as_it_was(
    oracle: Oracle, compilation: Compilation, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ours, theirs = outlines(oracle, compilation)
    theirs = theirs.to_empty(device="cpu")
    randomise(theirs, seed=0)
    state = theirs.state_dict()
    library = library_of(request.node.callspec.params["oracle"])
    checkpoint, taken, back = (tmp_path / f"{name}.safetensors" for name in "abc")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, checkpoint)
    assert main(["weights", "import", oracle.spec, str(checkpoint), "-o", str(taken)]) == 0
    # copied and not assigned: a file does not lay tensors where MKL gives the same last digit
    ours = ours.to_empty(device="cpu")
    ours.load_state_dict(load_file(taken))
    size = compilation.sound_network().network.input
    images = torch.randn(1, size.channels, size.height, size.width)
    assert oracle.is_held(outputs(ours, images), outputs(theirs, images))
    command = ["weights", "export", oracle.spec, str(taken), "--to", library, "-o", str(back)]
    assert main(command) == 0
    returned = load_file(back)
    assert returned.keys() == state.keys()
    assert all(torch.equal(returned[name], state[name]) for name in state)


# -------------------------------------------------------------- files as their authors hand them out


def handed_out(theirs: nn.Module, path: Path) -> dict[str, Tensor]:
    """What a network of before torch 0.4.1 was saved as: no norm counts batches."""
    state = {name: t for name, t in theirs.state_dict().items() if not name.endswith("_tracked")}
    torch.save(state, path)
    return state


@pytest.mark.parametrize("code", ["InceptionV4", "InceptionResNetV2"])
def test_the_background_class_of_cadenes_files_is_left_out_as_his_code_does(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle = WITH_MAPS[f"pretrainedmodels {code}"]
    theirs = oracle.theirs()
    theirs.last_linear = nn.Linear(1536, 1001)
    randomise(theirs, seed=0)
    wider, plain = tmp_path / "wider.pth", tmp_path / "plain.pth"
    handed_out(theirs, wider)
    theirs.last_linear.weight = nn.Parameter(theirs.last_linear.weight[1:].clone())
    theirs.last_linear.bias = nn.Parameter(theirs.last_linear.bias[1:].clone())
    handed_out(theirs, plain)
    for path in (wider, plain):
        output = str(path.with_suffix(".safetensors"))
        command = ["weights", "import", oracle.spec, str(path), "--from", "cadene", "-o", output]
        assert main(command) == 0
        is_told = "`linear` leaves out their first class" in capsys.readouterr().out
        assert is_told == (path is wider)
    found, wanted = (load_file(path.with_suffix(".safetensors")) for path in (wider, plain))
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_heads_of_torchvisions_googlenet_are_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, taken, back = (tmp_path / n for n in ("t.pth", "o.safetensors", "b.pth"))
    theirs = models.googlenet(aux_logits=True, init_weights=False)
    randomise(theirs, seed=0)
    state = theirs.state_dict()
    torch.save(state, checkpoint)
    command = ["weights", "import", "googlenet_torch", str(checkpoint), "-o", str(taken)]
    assert main([*command, "--from", "torchvision"]) == 0
    told = capsys.readouterr().out
    heads = {name for name in state if name.startswith("aux")}
    assert f"{len(heads)} tensors of the file are left out" in told
    assert "aux2.fc1: weight, bias" in told
    ours = without_chance(source_of(shipped("googlenet_torch")))
    ours.load_state_dict(load_file(taken))
    images = torch.randn(2, 3, 224, 224)
    assert torch.equal(outputs(ours, images), outputs(theirs, images))
    command = ["weights", "export", "googlenet_torch", str(taken), "-o", str(back)]
    assert main([*command, "--to", "torchvision"]) == 0
    returned = torch.load(back, weights_only=True)
    assert returned.keys() == state.keys() - heads
    models.googlenet(aux_logits=False, init_weights=False).load_state_dict(returned)


def test_a_layer_that_has_two_names_is_told_checked_and_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle = ORACLES["unet UNet2D"]
    checkpoint, taken, back = (
        tmp_path / "theirs.pth",
        tmp_path / "o.safetensors",
        tmp_path / "b.pth",
    )
    theirs = oracle.theirs()
    randomise(theirs, seed=0)
    state = theirs.state_dict()
    torch.save(state, checkpoint)
    command = ["weights", "import", "unet", str(checkpoint), "-o", str(taken)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "layers stand there under a second name" in told
    assert "46 of 46 tensors are theirs" in told
    ours = without_chance(source_of(shipped("unet")))
    ours.load_state_dict(load_file(taken))
    images = torch.randn(1, 1, 128, 128)
    assert torch.equal(outputs(ours, images), outputs(theirs, images))
    assert main(["weights", "export", "unet", str(taken), "-o", str(back)]) == 0
    returned = torch.load(back, weights_only=True)
    assert returned.keys() == state.keys()
    assert all(torch.equal(returned[name], state[name]) for name in state)
    oracle.theirs().load_state_dict(returned)


def test_the_classifier_of_facenets_files_is_told_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, code = "inception_resnet_v1_facenet", "facenet-pytorch InceptionResnetV1"
    checkpoint, taken, back = tmp_path / "theirs.pt", tmp_path / "o.safetensors", tmp_path / "b.pth"
    theirs = WITH_MAPS[code].theirs()
    randomise(theirs, seed=0)
    theirs.logits = nn.Linear(512, 8631)  # people of VGGFace2
    state = handed_out(theirs, checkpoint)
    command = ["weights", "import", spec, str(checkpoint), "-o", str(taken)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "2 tensors of the file are left out:\n    logits: weight, bias" in told
    ours = without_chance(source_of(shipped(spec)))
    ours.load_state_dict(load_file(taken))
    images = torch.randn(2, 3, 160, 160)
    assert torch.equal(outputs(ours, images), outputs(theirs, images))
    assert main(["weights", "export", spec, str(taken), "-o", str(back)]) == 0
    returned = torch.load(back, weights_only=True)
    assert returned.keys() == state.keys() - {"logits.weight", "logits.bias"}
    assert all(torch.equal(returned[name], state[name]) for name in returned)
