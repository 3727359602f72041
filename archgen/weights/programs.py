"""A live network as a file that other programs run: ONNX, or what `torch.export` saves."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

INPUT, OUTPUT, BATCH = "images", "logits", "batch"
BOUND = 1e-4  # of the largest logit: what kernels that add in another order may differ by
FACTS = "archgen.json"


class Differs(Exception):
    """No program computes what the network does; the message says why, or by how much it is off."""


def noise(channels: int, height: int, width: int) -> Tensor:
    """Two images of noise, the same each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, channels, height, width, generator=generator)


def torch_program(network: nn.Module, images: Tensor, facts: Mapping[str, str]) -> bytes:
    """A `.pt2` file: the graph with its weights, for any batch; `facts` lie in it as a JSON text.

    Raises Differs where the program, read back, does not give the network's very logits.
    """
    batch = torch.export.Dim(BATCH, min=1)
    with torch.no_grad():
        program = torch.export.export(network.eval(), (images,), dynamic_shapes=({0: batch},))
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={FACTS: json.dumps(dict(facts))})
    read = torch.export.load(io.BytesIO(buffer.getvalue())).module()
    for some in (images, images[:1]):
        _demand_near(_numbers(network(some)), _numbers(read(some)))
    return buffer.getvalue()


def onnx_program(
    network: nn.Module, images: Tensor, facts: Mapping[str, str], opset: int | None
) -> bytes:
    """An `.onnx` file for any batch; `facts` are its metadata. Needs the extra `export`.

    Raises Differs where onnxruntime and torch differ by more than BOUND of the largest logit, or
    the file cannot be written for the opset.
    """
    proto = _onnx(network.eval(), images, opset)
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=value)
    content: bytes = proto.SerializeToString(deterministic=True)
    session = import_module("onnxruntime").InferenceSession(content)
    for some in (images, images[:1]):
        (logits,) = session.run(None, {INPUT: some.numpy()})
        _demand_near(_numbers(network(some)), torch.from_numpy(logits))
    return content


def _onnx(network: nn.Module, images: Tensor, opset: int | None) -> Any:  # noqa: ANN401  # not typed there
    """The network as onnx's ModelProto, whose types are onnx's own."""
    try:
        with warnings.catch_warnings(action="ignore"):  # the exporter warns about itself
            program = torch.onnx.export(
                network,
                (images,),
                dynamo=True,
                opset_version=opset,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim(BATCH, min=1)},),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise Differs(f"torch cannot write it: {str(error).partition(chr(10))[0]}") from None
    assert program is not None
    proto = program.model_proto
    written = max(entry.version for entry in proto.opset_import if not entry.domain)
    if opset is not None and written != opset:
        raise Differs(f"torch wrote it in opset {written}, and not in {opset}")
    return proto


def _numbers(out: object) -> Tensor:
    """The logits, without the graph that made them."""
    assert isinstance(out, Tensor)
    return out.detach()


def _demand_near(wanted: Tensor, found: Tensor) -> None:
    difference = float((wanted - found).abs().max())
    bound = BOUND * float(wanted.abs().max())
    if not difference <= bound:  # so that NaN differs
        raise Differs(f"logits differ by {difference:.2g}, and {bound:.2g} is the most that may be")
