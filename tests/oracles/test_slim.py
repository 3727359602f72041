"""Checkpoints with TF-slim's names, written by TensorFlow of timm's weights: the logits of timm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import tensorflow as tf
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.cli import main
from tests.compiling import shipped, source_of
from tools.oracles.networks import MAPPED, Oracle, without_chance
from tools.oracles.pairing import NORMS, randomise
from tools.oracles.slim import SLIMS, Slim, slim_variables

pytestmark = pytest.mark.oracle

TWINS = {
    oracle.spec: oracle
    for name, oracle in MAPPED.items()
    if name.startswith("timm") and oracle.spec in SLIMS
}
HEAD_LAYERS, TRAINED = (
    3,
    40,
)  # TRAINED: variables with averages and slots, fewer than all to be quick


def randomised(net: nn.Module) -> nn.Module:
    """A network with numbers that none has by default, but for gamma, which TF-slim's have not."""
    randomise(net, seed=0)
    for layer in net.modules():
        if isinstance(layer, NORMS):
            nn.init.ones_(layer.weight)
    return net.eval()


def variables(oracle: Oracle, theirs: nn.Module) -> dict[str, Tensor]:
    """All variables of TF-slim's network: timm's, and where timm has no auxiliary head, one of ours."""
    slim = SLIMS[oracle.spec]
    if oracle.outputs > 1:
        return slim_variables(theirs, slim)
    head = randomised(without_chance(source_of(shipped(oracle.spec))).get_submodule("aux"))
    ends = slim.scopes[:-HEAD_LAYERS], slim.scopes[-HEAD_LAYERS:]
    both = zip((theirs, head), ends, strict=True)
    return {k: v for net, scopes in both for k, v in slim_variables(net, Slim("", scopes)).items()}


def save(values: Mapping[str, Tensor], prefix: Path, version: int) -> None:
    """What a training by TensorFlow writes: variables, their averages, what RMSProp keeps, the step."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        weights = [
            v1.get_variable(name, initializer=value.contiguous().numpy(), use_resource=False)
            for name, value in values.items()
        ]
        step = v1.train.get_or_create_global_step()
        session.run(v1.variables_initializer(weights))
        v1.train.ExponentialMovingAverage(0.9999, step).apply(weights[:TRAINED])
        optimizer = v1.train.RMSPropOptimizer(0.1, momentum=0.9)
        optimizer.apply_gradients([(tf.ones_like(w), w) for w in weights[:TRAINED]], step)
        kept = [variable for variable in v1.global_variables() if variable.name[:-2] not in values]
        session.run(v1.variables_initializer(kept))
        v1.train.Saver(write_version=version).save(session, str(prefix), write_meta_graph=False)


@pytest.mark.parametrize(("spec", "version"), tuple(zip(TWINS, (1, 2, 2), strict=True)))
def test_a_training_of_tf_slim_gives_the_logits_of_timm(
    spec: str, version: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle, output = TWINS[spec], tmp_path / "ours.safetensors"
    with torch.device("meta"):
        outline = oracle.theirs()
    theirs = randomised(outline.to_empty(device="cpu"))
    values = variables(oracle, theirs)
    save(values, tmp_path / "model.ckpt-7", version)
    command = ["weights", "import", spec, str(tmp_path / "model.ckpt-7"), "--from", "tf_slim"]
    assert main([*command, "-o", str(output)]) == 0
    told = capsys.readouterr().out
    for kept in ("ExponentialMovingAverage", "RMSProp", "RMSProp_1"):
        assert f"{TRAINED} {kept}" in told
    assert "keep their first values" not in told
    ours = without_chance(source_of(shipped(spec))).eval()
    ours.load_state_dict(load_file(output))
    images = torch.randn(1, 3, 299, 299, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        logits = theirs(images)
        assert torch.equal(ours(images), logits if isinstance(logits, Tensor) else logits[0])
