"""Checkpoints from somebody else: no object is made of them, and none is read without end."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from archgen.cli import main
from archgen.weights.checkpoint import Unreadable, open_checkpoint


class Detonates:
    """An object whose unpickling writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("how", ["pickle", "archive", "legacy"])
def test_a_pickled_object_is_passed_over_and_never_made(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fuse, path = tmp_path / "exploded", tmp_path / "model.pth"
    held = {"weight": torch.zeros(2), "bomb": Detonates(fuse)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(Detonates(fuse)))
    else:
        torch.save(held, path, _use_new_zipfile_serialization=how == "archive")
    assert main(["weights", "show", str(path)]) == (1 if how == "pickle" else 0)
    said = capsys.readouterr()
    assert ("AG710" in said.err) if how == "pickle" else ("left bomb" in said.out)
    assert not fuse.exists()


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    plain = io.BytesIO()
    torch.save({"weight": torch.zeros(1000)}, plain)
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, old.read(part))
    with pytest.raises(Unreadable, match="compressed"):
        open_checkpoint(packed)


def _saved(tmp_path: Path, suffix: str) -> bytes:
    path = tmp_path / f"whole{suffix}"
    tensors = {"a.weight": torch.rand(30, 30), "a.bias": torch.rand(30)}
    if suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.3, 0.7, 0.99])
def test_a_file_that_is_cut_off_is_one_finding(
    tmp_path: Path, suffix: str, part: float, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _saved(tmp_path, suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(len(whole) * part)])
    assert main(["weights", "show", str(path)]) == 1
    assert capsys.readouterr().err.startswith("error[AG710]: ")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("place", range(0, 400, 37))
def test_a_byte_that_is_another_never_breaks_the_command(
    tmp_path: Path, suffix: str, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(_saved(tmp_path, suffix))
    content[place] ^= 0xFF
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(content)
    assert main(["weights", "show", str(path)]) in (0, 1)
    assert "bug in archgen" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"GGUF____________", "none of the formats"),
    ],
)
def test_what_is_no_checkpoint_is_told_as_what_it_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=words):
        open_checkpoint(path)


def test_names_in_a_checkpoint_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.pth"
    torch.save({"\x1b[2Jweight": torch.zeros(2), "::error::x": torch.zeros(1)}, path)
    assert main(["weights", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not any(line.startswith("::") for line in out.splitlines())


def test_a_tensor_that_states_more_than_it_holds_is_never_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One number seen as many by a stride of zero: shapes are compared before anything is read."""
    spec, path = tmp_path / "n.yaml", tmp_path / "model.pth"
    spec.write_text(
        "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\n"
        "network: [{global_avg_pool: {}}, {linear: {features: 4}}]\n"
    )
    vast = torch.zeros(1).expand(2**40)
    torch.save({"linear.weight": vast, "linear.bias": torch.zeros(4)}, path)
    assert main(["weights", "import", str(spec), str(path)]) == 1
    assert "AG713" in capsys.readouterr().err
