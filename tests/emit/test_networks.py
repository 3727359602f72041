"""The emitted modules of this project's networks: counts, shapes, names, and how they read."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archgen.cost import Costs
from archgen.emit.module import build_class
from tests.compiling import NETWORKS, ROOT, shipped, source_of

# params, MACs, and params in training: facts of the papers and of the released implementations
COUNTS = {
    "inception_v4": (42_679_816, 12_253_974_624, 42_679_816),
    "inception_v4_tf": (42_679_816, 12_253_974_624, 46_039_280),
    "inception_resnet_v1": (22_756_328, 6_206_361_696, 22_756_328),
    "inception_resnet_v2": (32_433_928, 9_257_953_632, 32_433_928),
    "inception_resnet_v2_tf": (55_843_464, 13_155_794_016, 59_211_120),
    "inception_v3": (23_834_568, 5_713_216_096, 27_161_264),
    "inception_v3_torch": (23_834_568, 5_713_216_096, 27_161_264),
    "resnet_152": (60_192_808, 11_513_626_624, 60_192_808),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_network_has_the_params_and_macs_of_its_source(name: str) -> None:
    cost = Costs().network(shipped(name).sound_network())
    assert (cost.cost.params, cost.cost.macs, cost.params_training) == COUNTS[name]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    """Each network of the project, live, on the meta device."""
    source = source_of(shipped(request.param), f"{request.param}.yaml")
    with torch.device("meta"):
        return request.param, build_class(source)()


def test_the_live_module_has_the_params_that_were_counted(network: tuple[str, nn.Module]) -> None:
    name, module = network
    cost = Costs().network(shipped(name).sound_network())
    assert sum(p.numel() for p in module.parameters()) == cost.params_training


def test_the_live_module_makes_the_shape_that_was_inferred(network: tuple[str, nn.Module]) -> None:
    name, module = network
    shaped = shipped(name).sound_network()
    assert shaped.output is not None
    x = shaped.network.input
    out = module.eval()(torch.empty(2, x.channels, x.height, x.width, device="meta"))
    assert tuple(out.shape) == (2, shaped.output.channels, *(shaped.output.grid or ()))


def test_training_returns_the_heads_beside_the_logits(network: tuple[str, nn.Module]) -> None:
    name, module = network
    shaped = shipped(name).sound_network()
    x = shaped.network.input
    out = module.train()(torch.empty(2, x.channels, x.height, x.width, device="meta"))
    heads = [head.head.name for head in shaped.heads]
    expected = ("logits", *heads) if heads else None
    assert getattr(out, "_fields", None) == expected


def test_num_classes_changes_the_last_layer_alone() -> None:
    made = build_class(source_of(shipped("inception_resnet_v1")))
    with torch.device("meta"):
        ten, thousand = made(num_classes=10), made()
    changed = {
        key
        for key, value in thousand.state_dict().items()
        if value.shape != ten.state_dict()[key].shape
    }
    assert changed == {"linear.weight", "linear.bias"}


def test_parameter_names_are_the_names_in_the_spec() -> None:
    with torch.device("meta"):
        keys = build_class(source_of(shipped("inception_v4")))().state_dict().keys()
    assert {"stem.long.conv_3.weight", "stem.long.conv_3.norm.weight"} <= keys
    assert "inception_c.2.dbl3x3.b3x1.conv.weight" in keys


@pytest.mark.parametrize("name", NETWORKS)
def test_the_emitted_file_is_the_golden_one(name: str) -> None:
    golden = ROOT / "tests" / "golden" / f"{name}.py"
    text = source_of(shipped(name), f"specs/{name}.yaml").text
    assert text == golden.read_text(), "run tools/update_goldens and read the difference"


def test_the_emitted_files_are_formatted_and_clean(tmp_path: Path) -> None:
    for name in NETWORKS:
        (tmp_path / f"{name}.py").write_text(source_of(shipped(name), f"specs/{name}.yaml").text)
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_the_emitted_file_imports_torch_and_typing_only(name: str) -> None:
    tree = ast.parse(source_of(shipped(name)).text)
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        str(node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert imported <= {"torch", "typing", "__future__"}


def test_the_emitted_file_runs_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(source_of(shipped("inception_resnet_mini")).text)
    code = (
        "import json, torch, net; m = net.InceptionResNetMini().eval();"
        "print(json.dumps([list(m(torch.zeros(1, 1, 28, 28)).shape), len(m.state_dict())]))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0] == [1, 10]


def test_the_same_spec_gives_the_same_bytes() -> None:
    assert source_of(shipped("inception_v4")).text == source_of(shipped("inception_v4")).text


def test_one_training_step_of_inception_v4_at_full_size() -> None:
    torch.manual_seed(0)
    module = build_class(source_of(shipped("inception_v4")))(num_classes=10)
    before = module.get_parameter("stem.conv.weight").detach().clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    logits: Tensor = module(torch.randn(2, 3, 299, 299))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    optimizer.step()
    assert not torch.equal(before, module.get_parameter("stem.conv.weight"))
