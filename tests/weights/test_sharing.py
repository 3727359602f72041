"""Tensors that stand beside layers, and layers that stand in a file twice: taken, told, given back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.cli import main
from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import Extents, leaves_of
from archgen.weights.sharing import shared_layers
from tests.compiling import network_of

Run = pytest.CaptureFixture[str]
SCALED = """\
archgen: 1
name: net
input: {channels: 4, grid: 4}
blocks:
  unit:
    body:
      - residual:
          body:
            - conv: {filters: in.channels, kernel: 3, padding: same}
            - scale: {factor: 1e-6, learned: true}
network:
  - unit: {}
    repeat: 3
  - global_avg_pool
  - linear: {features: 2}
"""
TWICE = """\
archgen: 1
name: net
input: {channels: 4, grid: 4}
network:
  - conv: {filters: 4, kernel: 3, padding: same}
    repeat: 3
"""


class Unit(nn.Module):
    """A convolution that is an attribute, and in a sequence, too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 4, 3)
        self.block = nn.Sequential(self.layer, nn.ReLU())


def state_of(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    return state


def there_and_back(yaml: str, state: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """Our tensors; asserts that export gives the very state dict back."""
    spec, checkpoint, taken, back = (
        folder / n for n in ("n.yaml", "n.pth", "o.safetensors", "b.pth")
    )
    spec.write_text(yaml)
    torch.save(state, checkpoint)
    assert main(["weights", "import", str(spec), str(checkpoint), "-o", str(taken)]) == 0
    assert main(["weights", "export", str(spec), str(taken), "-o", str(back)]) == 0
    returned = state_of(back)
    assert returned.keys() == state.keys()
    assert all(torch.equal(returned[name], state[name]) for name in state)
    return load_file(taken)


def scaled_state(sides: Extents) -> dict[str, Tensor]:
    """The network of SCALED as somebody else has it, its factors with these sides."""
    state = {"fc.weight": torch.rand(2, 4), "fc.bias": torch.rand(2)}
    for block in range(3):
        state[f"blocks.{block}.layer_scale"] = torch.rand(sides)
        state[f"blocks.{block}.conv.weight"] = torch.rand(4, 4, 3, 3)
        state[f"blocks.{block}.conv.bias"] = torch.rand(4)
    return state


@pytest.mark.parametrize("sides", [(4,), (4, 1, 1), (1, 4, 1, 1)])
def test_factors_that_stand_alone_are_those_of_a_scale(
    sides: Extents, tmp_path: Path, capsys: Run
) -> None:
    state = scaled_state(sides)
    taken = there_and_back(SCALED, state, tmp_path)
    assert torch.equal(taken["unit.1.scale.weight"], state["blocks.1.layer_scale"].reshape(-1))
    shown = "x".join("C" if side == 4 else "1" for side in sides)
    assert f"`layer_scale` is a tensor of no layer there, of {shown}" in capsys.readouterr().out


def test_a_tensor_by_itself_is_told_by_its_name(tmp_path: Path, capsys: Run) -> None:
    spec, checkpoint = tmp_path / "n.yaml", tmp_path / "n.pth"
    spec.write_text(TWICE)
    state = nn.ModuleList([nn.Conv2d(4, 4, 3) for _ in range(3)]).state_dict()
    torch.save({**state, "logit_scale": torch.tensor(2.0)}, checkpoint)
    assert main(["weights", "import", str(spec), str(checkpoint)]) == 1
    assert "`logit_scale` (one number)" in capsys.readouterr().err
    assert main(["weights", "import", str(spec), str(checkpoint), "--partial"]) == 0
    assert "1 tensor of the file is left out:\n    logit_scale\n" in capsys.readouterr().out


def test_factors_of_another_length_are_no_count_of_classes(tmp_path: Path, capsys: Run) -> None:
    spec, chart, checkpoint = (tmp_path / name for name in ("n.yaml", "map.yaml", "n.pth"))
    spec.write_text(SCALED)
    state = scaled_state((4, 1, 1))
    torch.save(state, checkpoint)
    command = ["weights", "import", str(spec), str(checkpoint)]
    assert main([*command, "--write-map", str(chart)]) == 0
    torch.save({**state, "blocks.1.layer_scale": torch.rand(5, 1, 1)}, checkpoint)
    assert main([*command, "--map", str(chart)]) == 1
    told = capsys.readouterr().err
    assert "`unit.1.scale.weight` is 4, and `blocks.1.layer_scale` in its place 5" in told
    assert "num_classes" not in told


def test_a_map_that_does_not_say_factors_takes_none(tmp_path: Path, capsys: Run) -> None:
    spec, chart, checkpoint = (tmp_path / name for name in ("n.yaml", "map.yaml", "n.pth"))
    spec.write_text(SCALED.replace("    repeat: 3\n", ""))
    chart.write_text(
        "archgen: 1\nweights:\n  network: n.yaml\n"
        "  layers: {unit.conv: conv, unit.scale: gamma, linear: fc}\n"
    )
    layers = nn.ModuleDict({"conv": nn.Conv2d(4, 4, 3), "fc": nn.Linear(4, 2)})
    torch.save({**layers.state_dict(), "gamma": torch.rand(4)}, checkpoint)
    assert main(["weights", "import", str(spec), str(checkpoint), "--map", str(chart)]) == 1
    assert "`unit.scale`: weight (4; nearest is `gamma`, 4)" in capsys.readouterr().err
    chart.write_text(chart.read_text() + "  factors: {gamma: C}\n")
    assert main(["weights", "import", str(spec), str(checkpoint), "--map", str(chart)]) == 0


def test_a_layer_with_two_names_is_taken_once_and_given_back_twice(
    tmp_path: Path, capsys: Run
) -> None:
    state = nn.ModuleList([Unit() for _ in range(3)]).state_dict()
    taken = there_and_back(TWICE, state, tmp_path)
    assert torch.equal(taken["conv.2.weight"], state["2.layer.weight"])
    told = capsys.readouterr().out
    assert "layers stand there under a second name, too: `{0..2}.block.0` is `{0..2}.layer`" in told


def test_what_only_looks_like_a_second_name_is_refused(tmp_path: Path, capsys: Run) -> None:
    """With a map of the same network whose file has the layers once more, and otherwise."""
    spec, chart, checkpoint = (tmp_path / name for name in ("n.yaml", "map.yaml", "n.pth"))
    spec.write_text(TWICE)
    state = nn.ModuleList([Unit() for _ in range(3)]).state_dict()
    torch.save(state, checkpoint)
    command = ["weights", "import", str(spec), str(checkpoint)]
    assert main([*command, "--write-map", str(chart)]) == 0
    chart.write_text(chart.read_text().replace("network: net", "network: n.yaml"))
    assert main(["check", str(chart)]) == 0
    torch.save({**state, "1.block.0.bias": torch.rand(4)}, checkpoint)
    output = tmp_path / "o.safetensors"
    assert main([*command, "--map", str(chart), "-o", str(output)]) == 1
    assert "`1.block.0.bias` is not equal to `1.layer.bias`" in capsys.readouterr().err
    assert main([*command, "-o", str(output)]) == 1
    assert "AG712" in capsys.readouterr().err
    assert not output.exists()
    assert main([*command, "--map", str(chart), "--partial", "-o", str(output)]) == 0
    with safe_open(output, framework="pt") as file:
        assert file.metadata()["left_out"] == "1.block.0.bias"


def test_layers_that_are_not_too_many_are_not_read() -> None:
    """Norms that were never trained are all equal; only a file with more layers than ours is looked into."""
    ours = leaves_of(network_of(TWICE))
    shapes: dict[str, Extents] = {}
    for place in range(3):
        shapes |= {f"{place}.weight": (4, 4, 3, 3), f"{place}.bias": (4,)}

    def are_equal(one: str, other: str) -> bool:
        raise AssertionError((one, other))

    assert shared_layers(ours, their_leaves(shapes, TORCH), are_equal) == ()
    more = {**shapes, "3.weight": (4, 4, 3, 3), "3.bias": (4,)}
    assert shared_layers(ours, their_leaves(more, TORCH), lambda *_: True) == ()
