"""Files that Keras itself wrote, and its networks' logits."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from archgen import build
from archgen.cli import main
from archgen.emit.module import build_class
from tests.compiling import shipped, source_of

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Keras' own
]

TWINS = {
    "inception_v3": keras.applications.InceptionV3,
    "inception_resnet_v2_tf": keras.applications.InceptionResNetV2,
}
SUFFIXES = (".h5", ".weights.h5", ".keras")
BOUND = 1e-5  # of the largest logit: TensorFlow adds in another order


def randomised(network: keras.Model) -> keras.Model:
    """The network with statistics that none has by default."""
    draw = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([draw.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return network


@pytest.fixture(scope="module", params=TWINS)
def twin(request: pytest.FixtureRequest) -> tuple[str, keras.Model, nn.Module]:
    spec: str = request.param
    keras.utils.set_random_seed(0)
    theirs = randomised(TWINS[spec](weights=None, classifier_activation=None))
    return spec, theirs, build_class(source_of(shipped(spec), spec))().eval()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_keras_writes_gives_its_logits(
    twin: tuple[str, keras.Model, nn.Module], suffix: str, tmp_path: Path
) -> None:
    spec, theirs, ours = twin
    path, output = tmp_path / f"theirs{suffix}", tmp_path / "ours.safetensors"
    save = theirs.save_weights if suffix == ".weights.h5" else theirs.save
    save(path)
    assert main(["weights", "import", spec, str(path), "-o", str(output)]) == 0
    ours.load_state_dict(load_file(output))
    images = np.random.default_rng(1).normal(0, 1, (1, 299, 299, 3)).astype("float32")
    wanted = np.asarray(theirs(images, training=False))
    with torch.no_grad():
        found = ours(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    assert np.abs(found - wanted).max() <= BOUND * np.abs(wanted).max()


def test_kernels_of_every_kind_have_their_place(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "archgen: 1\nname: net\ninput: {channels: 4, grid: 8}\n"
        "defaults: {conv: {padding: valid, norm: none, act: none, bias: false}}\n"
        "network:\n"
        "  - conv: {filters: in.channels, kernel: 3, groups: in.channels, bias: true}\n"
        "  - conv: {filters: in.channels, kernel: 3, groups: in.channels}\n"
        "  - conv: {filters: 6, kernel: 1, bias: true}\n"
        "  - conv_transpose: {filters: 5, kernel: 2, stride: 2, padding: 0}\n"
        "  - flatten\n"
        "  - linear: {features: 3}\n"
    )
    layers = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.DepthwiseConv2D(3, bias_initializer="random_normal"),
            layers.SeparableConv2D(6, 3, bias_initializer="random_normal"),
            layers.Conv2DTranspose(5, 2, strides=2, bias_initializer="random_normal"),
            layers.Flatten(),
            layers.Dense(3, bias_initializer="random_normal"),
        ]
    )
    images = np.random.default_rng(1).normal(0, 1, (2, 8, 8, 4)).astype("float32")
    wanted = np.asarray(theirs(images))
    for suffix in SUFFIXES:
        path, output = tmp_path / f"theirs{suffix}", tmp_path / "ours.safetensors"
        (theirs.save_weights if suffix == ".weights.h5" else theirs.save)(path)
        assert main(["weights", "import", str(spec), str(path), "-o", str(output)]) == 0
        ours = build(spec).eval()
        ours.load_state_dict(load_file(output))
        with torch.no_grad():
            found = ours(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
        assert np.abs(found - wanted).max() <= BOUND * np.abs(wanted).max()
