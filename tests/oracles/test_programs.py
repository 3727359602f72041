"""ONNX files run by onnxruntime, and checkpoints that TensorFlow itself wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
import torch
from torch import nn

from archgen.cli import main
from archgen.train import save_weights
from archgen.weights.checkpoint import open_checkpoint
from tests.compiling import live
from tests.weights.conftest import SPEC

pytestmark = pytest.mark.oracle


@pytest.fixture
def network() -> nn.Module:
    return live(SPEC).eval()


@pytest.mark.parametrize("opset", [18, 20, 22])
def test_onnxruntime_gives_our_logits_for_any_batch(
    tmp_path: Path, network: nn.Module, opset: int
) -> None:
    spec, weights, path = (tmp_path / name for name in ("n.yaml", "n.safetensors", "n.onnx"))
    spec.write_text(SPEC)
    save_weights(weights, network, {})
    command = ["export", str(spec), "--weights", str(weights), "-o", str(path)]
    assert main([*command, "--opset", str(opset)]) == 0
    model = onnx.load(path)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert len(facts["spec_sha256"]) == 64
    session = onnxruntime.InferenceSession(path)
    for batch in (1, 4):
        images = torch.rand(batch, 3, 16, 16)
        (logits,) = session.run(None, {"images": images.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), network(images).detach())


@pytest.mark.parametrize("version", [1, 2])
def test_what_tensorflow_writes_is_read_to_the_bit(tmp_path: Path, version: int) -> None:
    draw = np.random.default_rng(0)
    values: dict[str, np.ndarray] = {
        "Net/Conv2d_1a_3x3/weights": draw.random((3, 3, 2, 4), dtype=np.float32),
        "Net/Conv2d_1a_3x3/BatchNorm/beta": draw.random(4, dtype=np.float32),
        "Net/Logits/weights": draw.random((300, 500)),
        "global_step": np.asarray(123_456_789_012, dtype=np.int64),
    }
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(write_version=version)
        saver.save(session, str(tmp_path / "net.ckpt"), write_meta_graph=False)
    checkpoint = open_checkpoint(tmp_path / "net.ckpt")
    assert checkpoint.entries.keys() == values.keys()
    for name, value in values.items():
        assert np.array_equal(checkpoint.read(name).numpy(), value)
        assert checkpoint.entries[name].shape == value.shape
