"""TensorFlow's files, written here byte by byte as its format is described; tests/oracles has real ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archgen.cli import main
from archgen.weights.checkpoint import TABLE_MAGIC, Unreadable, open_checkpoint
from archgen.weights.formats.protobuf import varint

LEAVES = {
    "weight": "weights",
    "bias": "biases",
    "running_mean": "BatchNorm/moving_mean",
    "running_var": "BatchNorm/moving_variance",
}


def number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(place: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return number(place << 3) + number(value)
    return number(place << 3 | 2) + number(len(value)) + value


def shape(tensor: Tensor) -> bytes:
    return b"".join(field(2, field(1, side)) for side in tensor.shape)


def table(rows: dict[bytes, bytes]) -> bytes:
    """One block of rows that share nothing, the index, and the footer."""
    data = b"".join(
        number(0) + number(len(key)) + number(len(value)) + key + value
        for key, value in sorted(rows.items())
    ) + struct.pack("<II", 0, 1)
    handle = number(0) + number(len(data))
    index = number(0) + number(1) + number(len(handle)) + b"~" + handle + struct.pack("<II", 0, 1)
    body = data + bytes(5) + index + bytes(5)
    footer = number(0) + number(0) + number(len(data) + 5) + number(len(index))
    return body + footer.ljust(40, b"\0") + TABLE_MAGIC


def raw(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def write_bundle(path: Path, tensors: dict[str, Tensor]) -> None:
    rows, data = {b"": field(1, 1)}, b""
    for name, tensor in tensors.items():
        content = raw(tensor)
        rows[name.encode()] = (
            field(1, 1) + field(2, shape(tensor)) + field(4, len(data)) + field(5, len(content))
        )
        data += content
    path.with_name(f"{path.name}.index").write_bytes(table(rows))
    path.with_name(f"{path.name}.data-00000-of-00001").write_bytes(data)


def write_slices(path: Path, tensors: dict[str, Tensor]) -> None:
    listed = b"".join(
        field(1, field(1, name.encode()) + field(2, shape(tensor)) + field(3, 1))
        for name, tensor in tensors.items()
    )
    rows = {b"": field(1, listed)}
    for name, tensor in tensors.items():
        values = field(1, 1) + field(2, shape(tensor)) + field(5, raw(tensor))
        rows[b"\0" + name.encode()] = field(2, field(1, name.encode()) + field(3, values))
    path.write_bytes(table(rows))


WRITERS = {"bundle": write_bundle, "slices": write_slices}


def as_slim(theirs: nn.Module) -> dict[str, Tensor]:
    """The state dict under TF-slim's names and in TensorFlow's layout: no gamma, a background class."""
    paths = {"stem": "Net/Conv2d_1a_3x3", "fc": "Net/Logits/Logits"}
    norms = {"bn": "Net/Conv2d_1a_3x3"}
    for block in range(2):
        mixed = f"Net/Mixed_{block + 2}a"
        for layer, path in (
            ("right.0", "Branch_0/Conv2d_0a_3x3"),
            ("left.0", "Branch_1/Conv2d_0a_1x1"),
            ("left.3", "Branch_1/Conv2d_0b_3x3"),
        ):
            paths[f"blocks.{block}.{layer}"] = f"{mixed}/{path}"
            norm = f"{layer[:-1]}{int(layer[-1]) + 1}"
            norms[f"blocks.{block}.{norm}"] = f"{mixed}/{path}"
    made: dict[str, Tensor] = {"global_step": torch.tensor(7.0)}
    for name, tensor in theirs.state_dict().items():
        layer, _, role = name.rpartition(".")
        if layer in norms and role in ("bias", "running_mean", "running_var"):
            leaf = "BatchNorm/beta" if role == "bias" else LEAVES[role]
            made[f"{norms[layer]}/{leaf}"] = tensor
        elif layer in paths:
            made[f"{paths[layer]}/{LEAVES[role]}"] = _turned(tensor, layer)
    return made


def _turned(tensor: Tensor, layer: str) -> Tensor:
    if tensor.dim() == 4:
        return tensor.permute(2, 3, 1, 0)
    with_background = torch.cat([torch.zeros_like(tensor[:1]), tensor]) if layer == "fc" else tensor
    return with_background.t() if tensor.dim() == 2 else with_background


@pytest.mark.parametrize("form", WRITERS)
def test_a_checkpoint_of_tf_slim_gives_the_same_logits(
    spec: str, tmp_path: Path, ours: nn.Module, theirs: nn.Module, form: str
) -> None:
    for name, tensor in theirs.state_dict().items():
        if name.endswith("weight") and tensor.dim() == 1:
            tensor.fill_(1.0)
    WRITERS[form](tmp_path / "net.ckpt", as_slim(theirs))
    output = tmp_path / "model.safetensors"
    assert main(["weights", "import", spec, str(tmp_path / "net.ckpt"), "-o", str(output)]) == 0
    ours.load_state_dict(load_file(output))
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("form", WRITERS)
def test_every_cut_of_a_table_is_told_and_none_breaks_the_reader(tmp_path: Path, form: str) -> None:
    path = tmp_path / "net.ckpt"
    WRITERS[form](path, {"a/weights": torch.rand(2, 3), "b/biases": torch.rand(3)})
    file = path.with_name("net.ckpt.index") if form == "bundle" else path
    whole = file.read_bytes()
    for place in range(0, len(whole), 3):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            checkpoint = open_checkpoint(file)
            for name in checkpoint.entries:
                checkpoint.read(name)
        except Unreadable:
            pass


def test_numbers_that_are_cut_off_are_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    write_bundle(path, {"a/weights": torch.rand(2, 3)})
    data = path.with_name("net.ckpt.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(Unreadable, match="`a/weights` is cut off"):
        open_checkpoint(path).read("a/weights")
    data.unlink()
    with pytest.raises(Unreadable, match="which holds its numbers, is not beside it"):
        open_checkpoint(path)


def test_a_number_that_does_not_end_is_refused() -> None:
    assert varint(memoryview(number(300)), 0) == (300, 2)
    with pytest.raises(Unreadable):
        varint(memoryview(b"\xff" * 20), 0)
