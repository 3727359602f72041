"""Keras' files, written here by h5py in both of their layouts; tests/oracles has real ones."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.cli import main
from archgen.weights.checkpoint import Unreadable, open_checkpoint
from tests.compiling import live
from tests.weights.conftest import randomised

Layers = dict[str, tuple[str, dict[str, Tensor]]]  # class and tensors by the name of the layer
BATCH = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def keras_layers(theirs: nn.Module, *, gamma: bool) -> Layers:
    """The state dict in Keras' names and layout, layers named in the order of their making."""
    made: Layers = {}
    counts: dict[str, int] = {}
    order = ["stem", "bn", *(f"blocks.{b}.{s}" for b in (0, 1) for s in ("right", "left")), "fc"]
    modules = dict(theirs.named_modules())
    for name in order:
        parts = modules[name] if isinstance(modules[name], nn.Sequential) else [modules[name]]
        for part in parts:
            if (found := as_keras(part, gamma=gamma)) is not None:
                kind, tensors = found
                number = counts.get(kind, 0)
                counts[kind] = number + 1
                made[f"{kind}_{number}" if number else kind] = (kind, tensors)
    return made


def as_keras(layer: nn.Module, *, gamma: bool) -> tuple[str, dict[str, Tensor]] | None:
    state = layer.state_dict()
    if isinstance(layer, nn.Conv2d):
        return "conv2d", {"kernel": state["weight"].permute(2, 3, 1, 0)}
    if isinstance(layer, nn.Linear):
        return "dense", {"kernel": state["weight"].t(), "bias": state["bias"]}
    if isinstance(layer, nn.BatchNorm2d):
        first = {"gamma": state["weight"]} if gamma else {}
        return "batch_normalization", {**first, **{BATCH[n]: state[n] for n in BATCH}}
    return None


def write_old(path: Path, layers: Layers) -> None:
    """As `save_weights("x.h5")` did: the names of layers in no order, those of tensors twice."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for name, (_, tensors) in layers.items():
            for role, tensor in tensors.items():
                file[f"{name}/{name}/{role}:0"] = tensor.numpy()
        file["optimizer_weights/Adam/momentum"] = np.zeros(3)


def write_legacy(path: Path, layers: Layers) -> None:
    """As Keras 3 saves a Sequential to `x.h5`: its name between, and `kernel` of every class."""
    with h5py.File(path, "w") as file:
        for name, (_, tensors) in layers.items():
            for role, tensor in tensors.items():
                word = role.removeprefix("depthwise_")
                file[f"model_weights/{name}/sequential/{name}/{word}"] = tensor.numpy()


def write_new(path: Path | io.BytesIO, layers: Layers, *, named: bool = True) -> None:
    """As `x.weights.h5`: numbered tensors, layers under their class, here in the order backwards."""
    counts: dict[str, int] = {}
    with h5py.File(path, "w") as file:
        for name, (kind, tensors) in reversed(layers.items()) if named else layers.items():
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            group = file.create_group(f"layers/{kind}_{number}" if number else f"layers/{kind}")
            for place, tensor in enumerate(tensors.values()):
                group[f"vars/{place}"] = tensor.numpy()
            if named:
                group["vars"].attrs["name"] = name
        file.create_group("layers/dropout/vars")
        file["optimizer/vars/0"] = np.int64(3)


def configuration(layers: Layers) -> dict[str, object]:
    """What `config.json` says of norms, in a model that also has a Lambda."""
    norms = [
        {
            "class_name": "BatchNormalization",
            "config": {"name": name, "scale": "gamma" in held, "center": "beta" in held},
        }
        for name, (kind, held) in layers.items()
        if kind == "batch_normalization"
    ]
    return {"config": {"layers": [*norms, {"class_name": "Lambda", "code": "boom()"}]}}


def write_archive(path: Path, layers: Layers) -> None:
    """As `model.save("x.keras")`; its configuration could make Keras run a Lambda."""
    content = io.BytesIO()
    write_new(content, layers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(configuration(layers)))
        archive.writestr("model.weights.h5", content.getvalue())


WRITERS: dict[str, Callable[[Path, Layers], None]] = {
    "net.h5": write_old,
    "legacy.h5": write_legacy,
    "net.weights.h5": write_new,
    "net.keras": write_archive,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("gamma", [True, False])
def test_a_file_of_keras_gives_the_same_logits(
    name: str,
    gamma: bool,
    tmp_path: Path,
    spec: str,
    ours: nn.Module,
    theirs: nn.Module,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not gamma:
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
    path, output = tmp_path / name, tmp_path / "model.safetensors"
    WRITERS[name](path, keras_layers(theirs, gamma=gamma))
    asked = ["weights", "import", spec, str(path), "-o", str(output)]
    if not gamma and name == "net.weights.h5":
        assert main(asked) == 1
        assert "--norms no_gamma" in capsys.readouterr().err
        asked += ["--norms", "no_gamma"]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    assert "kernels are turned from the order of keras to torch's" in shown
    assert ("norms have no gamma there: ours are ones" in shown) is not gamma
    ours.load_state_dict(load_file(output))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("lacking", ["gamma", "beta"])
@pytest.mark.parametrize("how", ["archive", "option", "map"])
def test_which_of_gamma_and_beta_a_norm_has_is_read_or_said(
    tmp_path: Path, spec: str, ours: nn.Module, theirs: nn.Module, lacking: str, how: str
) -> None:
    layers = keras_layers(theirs, gamma=True)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(
                module.weight if lacking == "gamma" else module.bias, lacking == "gamma"
            )
    for _, held in layers.values():
        held.pop(lacking, None)
    path, output, chart = (
        tmp_path / name for name in ("net.weights.h5", "o.safetensors", "m.yaml")
    )
    asked = ["weights", "import", spec, str(path), "-o", str(output)]
    if how == "archive":
        write_archive(path.with_suffix(".keras"), layers)
        asked[3] = str(path.with_suffix(".keras"))
    else:
        write_new(path, layers)
        assert main(asked) == 1
        said = ["--norms", f"no_{lacking}"]
        if how == "map":
            assert main([*asked[:4], *said, "--write-map", str(chart)]) == 0
            assert f"norms: no_{lacking}" in chart.read_text()
            said = ["--map", str(chart)]
        asked += said
    assert main(asked) == 0
    ours.load_state_dict(load_file(output))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours(images), theirs(images))


def test_norms_of_an_archive_may_lack_different_tensors(
    tmp_path: Path, spec: str, ours: nn.Module, theirs: nn.Module
) -> None:
    layers = keras_layers(theirs, gamma=True)
    held = [each for kind, each in layers.values() if kind == "batch_normalization"]
    held[0].pop("gamma").fill_(1)  # the tensors of the module itself
    held[1].pop("beta").fill_(0)
    write_archive(tmp_path / "net.keras", layers)
    output = tmp_path / "o.safetensors"
    asked = ["weights", "import", spec, str(tmp_path / "net.keras"), "-o", str(output)]
    assert main(asked) == 0
    ours.load_state_dict(load_file(output))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("kind", ["layer_normalization", "group_normalization"])
def test_the_one_tensor_of_another_norm_is_not_guessed_either(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.weights.h5"
    write_new(path, {kind: (kind, {"beta": torch.rand(4)})})
    assert list(open_checkpoint(path).entries) == [f"{kind}/gamma_or_beta"]


def test_layers_without_a_name_are_told_of(
    tmp_path: Path, spec: str, theirs: nn.Module, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.weights.h5"
    write_new(path, keras_layers(theirs, gamma=True), named=False)
    assert main(["weights", "import", spec, str(path), "--from", "keras"]) == 0
    assert "look at the pairs" in capsys.readouterr().out


VECTORS = """\
archgen: 1
name: net
input: {channels: 4, grid: 6}
defaults: {conv: {padding: same, norm: none, act: none, bias: true}}
network:
  - conv: {filters: in.channels, kernel: 3, groups: in.channels}
  - conv: {filters: 6, kernel: 1}
  - flatten
  - dropout: 0.5
  - linear: {features: 5}
  - linear: {features: 3}
"""


def test_depthwise_kernels_and_flattened_grids_are_turned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = randomised(live(VECTORS))
    state = network.state_dict()
    depthwise = state["conv.weight"].permute(2, 3, 0, 1)  # height, width, channels, one
    dense = state["linear.weight"].reshape(5, 6, 6, 6).permute(0, 2, 3, 1).reshape(5, -1)
    layers: Layers = {
        "depthwise_conv2d": (
            "depthwise_conv2d",
            {"depthwise_kernel": depthwise, "bias": state["conv.bias"]},
        ),
        "conv2d": (
            "conv2d",
            {"kernel": state["conv_2.weight"].permute(2, 3, 1, 0), "bias": state["conv_2.bias"]},
        ),
        "fc1": ("dense", {"kernel": dense.t(), "bias": state["linear.bias"]}),
        "fc2": ("dense", {"kernel": state["linear_2.weight"].t(), "bias": state["linear_2.bias"]}),
    }
    spec = tmp_path / "net.yaml"
    spec.write_text(VECTORS)
    for name, write in WRITERS.items():
        path, output = tmp_path / name, tmp_path / "model.safetensors"
        write(path, layers)
        assert main(["weights", "import", str(spec), str(path), "-o", str(output)]) == 0
        assert "`linear` takes a grid that they flatten" in capsys.readouterr().out
        made = load_file(output)
        assert {n for n, t in made.items() if not torch.equal(t, state[n])} == set()


def test_without_h5py_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: nn.Module
) -> None:
    write_old(tmp_path / "net.h5", keras_layers(theirs, gamma=True))
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "archgen.weights.formats.keras_file", raising=False)
    with pytest.raises(Unreadable, match="h5py") as raised:
        open_checkpoint(tmp_path / "net.h5")
    assert raised.value.help == "install it with `pip install 'archgen[keras]'`"


# -------------------------------------------------------------------------------- from somebody else


def read_all(path: Path) -> None:
    found = open_checkpoint(path)
    for name in found.entries:
        found.read(name)


def outside(group: h5py.Group, secret: Path) -> None:
    raw = secret.with_suffix(".raw")
    raw.write_bytes(bytes(24))
    group.create_dataset("vars/1", (3,), np.float64, external=[(str(raw), 0, 24)])


def virtual(group: h5py.Group, secret: Path) -> None:
    layout = h5py.VirtualLayout((3,), np.float64)
    layout[:] = h5py.VirtualSource(str(secret), "kernel", (3,))
    group.create_virtual_dataset("vars/1", layout)


def twice(group: h5py.Group, secret: Path) -> None:
    del secret
    for name in ("one", "two"):
        group[f"{name}/vars/0"] = np.ones(2)
        group[f"{name}/vars"].attrs["name"] = "same"


def put(value: object) -> Callable[[h5py.Group, Path], None]:
    return lambda group, _: group.__setitem__("vars/1", value)


def declared(**kind: object) -> Callable[[h5py.Group, Path], None]:
    return lambda group, _: group.create_dataset("vars/1", **kind)


HOSTILE: dict[str, tuple[Callable[[h5py.Group, Path], None], str]] = {
    "soft link": (put(h5py.SoftLink("/layers/dense/vars/0")), "is a link"),
    "external link": (
        lambda group, secret: group.__setitem__("vars/1", h5py.ExternalLink(secret, "kernel")),
        "is a link",
    ),
    "cycle": (
        lambda group, _: group.__setitem__("again", group.file["layers"]),
        "nested without end",
    ),
    "outside": (outside, "outside the file"),
    "virtual": (virtual, "outside the file"),
    "packed": (declared(data=np.zeros(10**6), compression="gzip"), "is packed"),
    "hollow": (declared(shape=(2**20, 2**20, 2**9), dtype=np.float64), "cut off"),
    "words": (put([b"one", b"two"]), "no tensor of numbers"),
    "twice": (twice, "two tensors of it are called `dense/same/vars/0`"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_only_numbers_that_lie_in_the_file_are_read(tmp_path: Path, kind: str) -> None:
    path, secret = tmp_path / "net.weights.h5", tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.ones(3)
    write, reason = HOSTILE[kind]
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense")
        group["vars/0"] = np.ones((2, 2))
        write(group, secret)
    with pytest.raises(Unreadable, match=reason):
        read_all(path)


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(10**6))
    with pytest.raises(Unreadable, match="compressed"):
        open_checkpoint(path)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, theirs: nn.Module, name: str) -> None:
    whole, path = tmp_path / f"whole.{name}", tmp_path / name
    WRITERS[name](whole, keras_layers(theirs, gamma=True))
    content = whole.read_bytes()
    for end in range(0, len(content) - 1, len(content) // 40):
        path.write_bytes(content[:end])
        with pytest.raises(Unreadable):
            read_all(path)


def test_bytes_that_are_changed_break_nothing(tmp_path: Path, theirs: nn.Module) -> None:
    whole, path = tmp_path / "whole.h5", tmp_path / "net.h5"
    write_new(whole, keras_layers(theirs, gamma=True))
    content = whole.read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        changed = bytearray(content)
        for place in draw.integers(8, len(content), 12):
            changed[place] = draw.integers(256)
        path.write_bytes(changed)
        try:
            read_all(path)
        except Unreadable:
            refused += 1
    assert 0 < refused < 60
