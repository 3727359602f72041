"""`weights import` from the command line: certain, or refused with the layers that nothing tells apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from archgen import build
from archgen.cli import main
from archgen.cli.weight_maps import shipped_map
from archgen.weights.leaves import leaves_of
from tests.compiling import shipped
from tests.weights.conftest import randomised

Run = pytest.CaptureFixture[str]
SPEC = """\
archgen: 1
name: small
input: {channels: 8, grid: 16}
defaults:
  conv: {padding: same, bias: false, norm: batch, act: relu}
network:
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - global_avg_pool
  - linear: {features: 5}
"""


class Three(nn.Module):
    """The network of SPEC with three units of one shape."""

    def __init__(self, names: tuple[str, str, str]) -> None:
        super().__init__()
        self.names = names
        for name in names:
            conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
            self.add_module(name, nn.Sequential(conv, nn.BatchNorm2d(8), nn.ReLU()))
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        for name in self.names:
            x = self.get_submodule(name)(x)
        out: Tensor = self.head(x.mean((2, 3)))
        return out


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return str(path)


def saved(net: nn.Module, path: Path, prefix: str = "", *, is_sorted: bool = False) -> str:
    state = {f"{prefix}{name}": tensor for name, tensor in net.state_dict().items()}
    state = dict(sorted(state.items())) if is_sorted else state
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return str(path)


def is_same(spec: str, weights: Path, net: nn.Module) -> bool:
    """Whether weights in our network give the logits of theirs."""
    ours = build(spec).eval()
    ours.load_state_dict(load_file(weights))
    images = torch.rand(2, 8, 16, 16)
    with torch.inference_mode():
        return torch.equal(ours(images), net(images))


WITHOUT_ORDER = pytest.mark.parametrize(
    ("name", "is_sorted"), [("net.safetensors", False), ("net.pth", True)]
)


@WITHOUT_ORDER
def test_what_only_a_lost_order_would_tell_apart_is_refused_with_both_names(
    small: str, tmp_path: Path, capsys: Run, name: str, is_sorted: bool
) -> None:
    net = randomised(Three(("stem", "body", "neck")))
    checkpoint = saved(net, tmp_path / name, is_sorted=is_sorted)
    output = tmp_path / "o.safetensors"
    assert main(["weights", "import", small, checkpoint, "-o", str(output)]) == 1
    told = capsys.readouterr().err
    assert "AG717" in told
    assert (
        "`conv`, `conv_2`, `conv_3` are each one of `body.0`, `neck.0`, `stem.0` (8x8x3x3)" in told
    )
    assert all(f"`{way}" in told for way in ("--map", "--write-map", "--trust-order"))
    assert not output.exists()


def test_the_order_of_a_module_tells_layers_apart_that_nothing_else_does(
    small: str, tmp_path: Path, capsys: Run
) -> None:
    net = randomised(Three(("stem", "body", "neck")))
    output = tmp_path / "o.safetensors"
    checkpoint = saved(net, tmp_path / "net.pth")
    assert main(["weights", "import", small, checkpoint, "-o", str(output)]) == 0
    assert "the order of the file" in capsys.readouterr().out
    assert is_same(small, output, net)


@WITHOUT_ORDER
@pytest.mark.parametrize("names", [("s2", "s9", "s10"), ("conv", "conv_1", "conv_2")])
def test_numbers_in_names_tell_layers_apart(
    small: str, tmp_path: Path, name: str, is_sorted: bool, names: tuple[str, str, str]
) -> None:
    net = randomised(Three(names))
    output = tmp_path / "o.safetensors"
    checkpoint = saved(net, tmp_path / name, is_sorted=is_sorted)
    assert main(["weights", "import", small, checkpoint, "-o", str(output)]) == 0
    assert is_same(small, output, net)


def test_numbers_that_contradict_the_order_of_the_file_are_refused(
    small: str, tmp_path: Path
) -> None:
    net = randomised(Three(("stage3", "stage1", "stage2")))
    checkpoint = saved(net, tmp_path / "net.pth")
    output = tmp_path / "o.safetensors"
    assert main(["weights", "import", small, checkpoint, "-o", str(output)]) == 1


def test_a_shuffled_file_has_no_order(small: str, tmp_path: Path) -> None:
    state = randomised(Three(("stem", "body", "neck"))).state_dict()
    names = sorted(state, key=lambda name: hash(name[::-1]) % 97)
    torch.save({name: state[name] for name in names}, tmp_path / "net.pth")
    assert main(["weights", "import", small, str(tmp_path / "net.pth")]) == 1


def test_an_order_that_a_person_trusts_is_taken_and_told(
    small: str, tmp_path: Path, capsys: Run
) -> None:
    net = randomised(Three(("a", "b", "c")))  # sorted, and right all the same
    checkpoint = saved(net, tmp_path / "net.safetensors")
    output = tmp_path / "o.safetensors"
    command = ["weights", "import", small, checkpoint, "-o", str(output)]
    assert main(command) == 1
    capsys.readouterr()
    assert main([*command, "--trust-order"]) == 0
    assert "which is trusted" in capsys.readouterr().out
    assert is_same(small, output, net)


def test_the_draft_of_a_map_is_written_corrected_and_followed(small: str, tmp_path: Path) -> None:
    net = randomised(Three(("stem", "body", "neck")))
    checkpoint = saved(net, tmp_path / "net.safetensors")
    chart, output = tmp_path / "map.yaml", tmp_path / "o.safetensors"
    command = ["weights", "import", small, checkpoint]
    assert main([*command, "--write-map", str(chart)]) == 1
    text = chart.read_text()
    assert "#   conv, conv_2, conv_3: body.0, neck.0, stem.0" in text
    assert "network: small.yaml" in text
    assert main(["check", str(chart)]) == 0
    pairs = (("conv", "stem"), ("conv_2", "body"), ("conv_3", "neck"))
    lines = (f"    {ours}{{,.norm}}: {theirs}.{{0,1}}\n" for ours, theirs in pairs)
    head = text[: text.index("  layers:")]
    chart.write_text(f"{head}  layers:\n{''.join(lines)}    linear: head\n")
    assert main([*command, "--map", str(chart), "-o", str(output)]) == 0
    assert is_same(small, output, net)


def test_every_pair_carries_its_reason(spec: str, checkpoint: Path, capsys: Run) -> None:
    assert main(["weights", "import", spec, str(checkpoint)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "ours theirs by" in lines
    assert "linear fc its shape" in lines
    assert (
        "unit.{0..1}.deep.conv_2{,.norm} blocks.{0..1}.left.{3,4} its block, the norm of its layer"
        in lines
    )


# --------------------------------------------------------------------------------------- prefixes


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.module.", "module.backbone."])
def test_a_prefix_of_all_names_is_taken_off_before_maps_are_looked_for(
    prefix: str, tmp_path: Path, capsys: Run
) -> None:
    leaves = leaves_of(shipped("resnet_18").sound_network())
    found = shipped_map("resnet_18", leaves, "torchvision")
    assert found is not None
    known = {leaf.path: leaf for leaf in leaves}
    state = {
        f"{prefix}{line.theirs}.{role}": torch.rand(tensor.shape)
        for line in found[1].layers
        for role, tensor in known[line.ours].tensors.items()
    }
    state = {k: t.long() if k.endswith("tracked") else t for k, t in state.items()}
    checkpoint, output, back = (tmp_path / name for name in ("n.pth", "o.safetensors", "b.pth"))
    torch.save(state, checkpoint)
    command = ["weights", "import", "resnet_18", str(checkpoint), "--from", "torchvision"]
    assert main([*command, "-o", str(output)]) == 0
    told = capsys.readouterr().out
    assert "by the map `weights/resnet_18_torchvision`" in told
    assert f"`{prefix}` is taken off" in told
    assert torch.equal(load_file(output)["linear.bias"], state[f"{prefix}fc.bias"])
    assert main(["weights", "export", "resnet_18", str(output), "-o", str(back)]) == 0
    assert torch.load(back, weights_only=True).keys() == state.keys()


def test_our_own_names_under_a_wrapper_are_believed(small: str, tmp_path: Path) -> None:
    ours = randomised(build(small))
    checkpoint = saved(ours, tmp_path / "net.safetensors", "module.")
    output = tmp_path / "o.safetensors"
    assert main(["weights", "import", small, checkpoint, "-o", str(output)]) == 0
    assert all(torch.equal(load_file(output)[k], t) for k, t in ours.state_dict().items())


def test_a_map_is_followed_whether_or_not_its_names_have_the_prefix(
    small: str, tmp_path: Path
) -> None:
    net = randomised(Three(("s1", "s2", "s3")))
    plain, wrapped = saved(net, tmp_path / "a.pth"), saved(net, tmp_path / "b.pth", "module.")
    chart, output = str(tmp_path / "map.yaml"), tmp_path / "o.safetensors"
    assert main(["weights", "import", small, plain, "--write-map", chart]) == 0
    command = ["weights", "import", small, wrapped, "--map", chart, "-o", str(output)]
    assert main(command) == 0
    assert is_same(small, output, net)


# ------------------------------------------------------------------------------ whose names they are


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("torchvision", "no map between `small` and torchvision comes with archgen"),
        ("timm", "no map between `small` and timm"),
        ("keras", "is written as keras writes names"),
        ("tf_slim", "is written as tf_slim writes names"),
    ],
)
def test_an_implementation_that_cannot_be_followed_is_an_error(
    small: str, tmp_path: Path, capsys: Run, code: str, words: str
) -> None:
    checkpoint = saved(Three(("s1", "s2", "s3")), tmp_path / "net.pth")
    assert main(["weights", "import", small, checkpoint, "--from", code]) == 2
    told = capsys.readouterr().err
    assert f"`--from {code}` cannot be followed" in told
    assert words in told


def test_names_of_another_implementation_than_was_said_are_an_error(
    tmp_path: Path, capsys: Run
) -> None:
    net = build("resnet_18")
    state = {
        f"layers.{i}.{n.rpartition('.')[2]}": t for i, (n, t) in enumerate(net.state_dict().items())
    }
    torch.save(state, tmp_path / "net.pth")
    command = ["weights", "import", "resnet_18", str(tmp_path / "net.pth")]
    assert main([*command, "--from", "torchvision"]) == 2
    assert "not those of torchvision's `resnet_18`" in capsys.readouterr().err


def test_one_class_more_is_answered_with_both_ways(spec: str, tmp_path: Path, capsys: Run) -> None:
    state = build(spec).state_dict()
    state = {
        n: torch.zeros(6, *t.shape[1:]) if n.startswith("linear") else t for n, t in state.items()
    }
    torch.save(state, tmp_path / "six.pth")
    assert main(["weights", "import", spec, str(tmp_path / "six.pth")]) == 1
    told = capsys.readouterr().err
    assert "`background:`" in told
    assert "`--set num_classes=6`" in told


@pytest.mark.parametrize("name", ["theirs.pt", "theirs.bin"])
def test_weights_of_torch_are_told_with_what_makes_ours_of_them(
    small: str, tmp_path: Path, capsys: Run, name: str
) -> None:
    checkpoint = saved(Three(("s1", "s2", "s3")), tmp_path / name)
    command = ["export", small, "--weights", checkpoint, "-o", str(tmp_path / "x.pt2")]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "this is a file of torch" in told
    assert f"`archgen weights import SPEC {name} -o theirs.safetensors`" in told
