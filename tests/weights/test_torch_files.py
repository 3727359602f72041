"""Files of `torch.save` as trainers write them, read as data: the tensors are torch's own, nothing is run."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import io
import pathlib
import pickle
import random
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archgen.cli import main
from archgen.weights.checkpoint import Checkpoint, Unreadable, open_checkpoint
from archgen.weights.formats import pickles
from archgen.weights.formats.pickles import Global, Inert, PickleError, read_pickle

FIRED: list[str] = []


class Detonates:
    """An object whose unpickling is noticed."""

    def __reduce__(self) -> tuple[object, ...]:
        return (FIRED.append, ("reduce",))

    def __setstate__(self, state: object) -> None:
        FIRED.append("state")


@dataclasses.dataclass
class Config:
    """Settings as trainers keep them."""

    rate: float = 0.1
    name: str = "x"
    weight: Tensor | None = None


class Named(collections.UserDict[str, object]):
    """A mapping of somebody's own."""


class Plain(dict[str, object]):
    """A dict of somebody's own."""


class Trained(nn.Module):
    """A module that is saved whole, with a buffer that its state dict leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.again = self.layers[0]
        self.scale = nn.Parameter(torch.rand(3))
        self.register_buffer("grid", torch.rand(2), persistent=False)
        self.register_buffer("kept", torch.rand(2))


def state() -> dict[str, Tensor]:
    """Tensors of many kinds: views, strides, shared storages, no sides, no numbers."""
    base = torch.rand(6, 8)
    return {
        "weight": base,
        "turned": base.t(),
        "part": base[2:4, 1:7:2],
        "again": base,
        "wide": torch.rand(3, dtype=torch.float64),
        "half": torch.rand(5).half(),
        "brain": torch.rand(5).bfloat16(),
        "whole": torch.arange(4),
        "bytes": torch.arange(4, dtype=torch.uint8),
        "flags": torch.tensor([True, False]),
        "count": torch.tensor(7),
        "none": torch.empty(0, 3),
        "stretched": torch.rand(1, 3).expand(4, 3),
        "learned": nn.Parameter(torch.rand(2, 2)),
        "eighth": torch.rand(4).to(torch.float8_e4m3fn),
        "long": torch.arange(3).to(torch.uint16),
    }


def saved(path: Path, value: object, *, archive: bool = True, protocol: int = 2) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=archive, pickle_protocol=protocol)
    return path


def same(found: Checkpoint, wanted: dict[str, Tensor]) -> bool:
    assert list(found.entries) == list(wanted)
    for name, tensor in wanted.items():
        read = found.read(name)
        assert found.entries[name].shape == tuple(tensor.shape)
        assert read.dtype == tensor.dtype
        assert torch.equal(read.float(), tensor.detach().float()), name
    return True


def beside() -> dict[str, object]:
    """What trainers keep beside tensors."""
    return {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("/data")),
        "path": pathlib.PurePosixPath("/data/x"),
        "best": np.float64(71.3),
        "history": np.arange(5.0),
        "config": Config(),
        "named": Named(a=1),
        "own": Plain(b=2),
        "order": collections.OrderedDict(a=1),
        "counts": collections.Counter("abc"),
        "lists": collections.defaultdict(list, a=[1]),
        "set": {1, 2},
        "frozen": frozenset((1, 2)),
        "complex": 1j,
        "bytes": b"x" * 300,
        "raw": bytearray(b"y"),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "size": torch.Size((1, 2)),
        "slice": slice(1, 2),
        "class": Config,
        "bomb": Detonates(),
        "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}, "param_groups": [{"lr": 0.1}]},
        "callbacks": {"best": {"score": torch.rand(1)}},
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("archive", [True, False])
def test_tensors_are_those_of_torch_past_any_object(
    tmp_path: Path, archive: bool, protocol: int
) -> None:
    FIRED.clear()
    wanted = state()
    if not archive:  # older than types without a storage of their own
        wanted = {name: each for name, each in wanted.items() if name not in ("eighth", "long")}
    plain = saved(tmp_path / "plain.pth", wanted, archive=archive, protocol=protocol)
    assert same(open_checkpoint(plain), wanted)
    value = {**beside(), "state_dict": collections.OrderedDict(wanted)}
    path = saved(tmp_path / "full.pth", value, archive=archive, protocol=protocol)
    found = open_checkpoint(path)
    assert same(found, wanted)
    assert FIRED == []
    told = " ".join(found.notes)
    assert "took `state_dict`" in told
    assert "`args` (argparse.Namespace)" in told


def test_objects_among_the_tensors_are_named_with_their_keys(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pth", {"weight": torch.rand(3), "bomb": Detonates(), "epoch": 1})
    found = open_checkpoint(path)
    assert list(found.entries) == ["weight"]
    assert found.notes[0] == "left bomb, epoch"
    assert "`bomb` (" in found.notes[1]


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_module_that_was_saved_whole_gives_its_state_dict(
    tmp_path: Path, archive: bool, protocol: int
) -> None:
    module = Trained()
    value = {"epoch": 1, "model": module, "ema": None, "opt": "SGD"}
    found = open_checkpoint(saved(tmp_path / "best.pt", value, archive=archive, protocol=protocol))
    assert same(found, module.state_dict())
    assert any("Trained: its tensors are read, its code is not run" in note for note in found.notes)
    assert same(open_checkpoint(saved(tmp_path / "m.pt", module)), module.state_dict())


KEYS = (
    "state_dict",
    "state_dict_ema",
    "params",
    "params_ema",
    "weights",
    "model",
    "model_ema",
    "ema",
)


@pytest.mark.parametrize("key", [*KEYS, "student", "teacher", "net", "anything"])
def test_the_only_state_dict_is_taken_whatever_its_key(tmp_path: Path, key: str) -> None:
    wanted = state()
    assert same(open_checkpoint(saved(tmp_path / "x.pth", {"epoch": 1, key: wanted})), wanted)


@pytest.mark.parametrize("keys", [KEYS[:2], KEYS[2:4], KEYS[5:], ("student", "teacher")])
def test_of_several_state_dicts_the_part_is_chosen_by_its_key(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    held = {key: {"w": torch.rand(2, 3)} for key in keys}
    path = saved(tmp_path / "x.pth", {"epoch": 1, **held})
    with pytest.raises(Unreadable, match="several state dicts") as refused:
        open_checkpoint(path)
    for key in keys:
        assert f"`{key}` (1 tensor, 6 numbers)" in str(refused.value)
        assert same(open_checkpoint(path, key), held[key])
    with pytest.raises(Unreadable, match="no part `nothing`"):
        open_checkpoint(path, "nothing")


def test_a_part_may_lie_deeper_and_may_be_the_beginning_of_names(tmp_path: Path) -> None:
    names = {f"{who}.fc.{role}": torch.rand(2) for who in ("student", "teacher") for role in "ab"}
    deep = saved(tmp_path / "deep.pth", {"models": {"one": {"w": torch.rand(2)}, "two": names}})
    assert list(open_checkpoint(deep, "models.one").entries) == ["w"]
    assert list(open_checkpoint(deep, "models.two.student").entries) == ["fc.a", "fc.b"]
    flat = saved(tmp_path / "flat.ckpt", {"state_dict": names})
    found = open_checkpoint(flat, "teacher")
    assert torch.equal(found.read("fc.b"), names["teacher.fc.b"])
    assert "took the tensors below `teacher.`, and left the 2 others" in found.notes
    with pytest.raises(Unreadable, match="no part `teachers`"):
        open_checkpoint(flat, "teachers")


def test_the_counter_of_an_averaged_model_is_not_one_of_its_tensors(tmp_path: Path) -> None:
    averaged = torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    path = saved(tmp_path / "x.pth", {"model_ema": averaged.state_dict()})
    found = open_checkpoint(path)
    assert list(found.entries) == ["module.weight", "module.bias"]
    assert "model_ema.n_averaged" in found.notes[0]


def test_the_commands_take_a_part_and_say_what_they_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, out = tmp_path / "n.yaml", tmp_path / "o.safetensors"
    spec.write_text(
        "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\n"
        "network: [{global_avg_pool: {}}, {linear: {features: 4}}]\n"
    )
    held = {key: {"fc.weight": torch.rand(4, 3), "fc.bias": torch.rand(4)} for key in KEYS[:2]}
    path = saved(tmp_path / "x.pth", {**held, "args": argparse.Namespace()})
    assert main(["weights", "import", str(spec), str(path), "-o", str(out)]) == 1
    assert "--part state_dict" in capsys.readouterr().err
    assert not out.exists()
    asked = ["weights", "import", str(spec), str(path), "--part", "state_dict_ema", "-o", str(out)]
    assert main(asked) == 0
    assert "`args` (argparse.Namespace)" in capsys.readouterr().out
    assert torch.equal(
        open_checkpoint(out).read("linear.weight"), held["state_dict_ema"]["fc.weight"]
    )


# ----------------------------------------------------------------------------------- hostile files


def plain(content: bytes) -> object:
    return read_pickle(io.BytesIO(content), lambda *_: None, lambda found: found)


@pytest.mark.parametrize("protocol", range(6))
def test_what_would_be_called_is_kept_and_not_called(protocol: int) -> None:
    FIRED.clear()
    value = [Detonates(), Config(), {"a": (1, 2.5, "x", b"y", None, True, -(2**70))}, {3}]
    found = plain(pickle.dumps(value, protocol))
    assert FIRED == []
    assert isinstance(found, list)
    assert isinstance(found[0], Inert)
    assert found[0].arguments == ("reduce",)
    assert isinstance(found[1], Inert)
    assert found[1].attributes() == {"rate": 0.1, "name": "x", "weight": None}
    wanted = value[2]["a"] if isinstance(value[2], dict) else ()
    assert [each for each in found[2]["a"] if not isinstance(each, Inert)] == [
        each for each in wanted if protocol > 2 or not isinstance(each, bytes)
    ]


def test_every_way_to_call_is_inert() -> None:
    ways = {
        "reduce": b"cos\nsystem\n(S'x'\ntR.",
        "inst": b"(S'x'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nS'x'\no.",
        "newobj": b"\x80\x02cos\nsystem\nS'x'\n\x85\x81.",
        "newobj_ex": b"\x80\x04cos\nsystem\n)}\x92.",
        "stack_global": b"\x80\x04\x8c\x02os\x8c\x06system\x93S'x'\n\x85R.",
    }
    for content in ways.values():
        found = plain(content)
        assert isinstance(found, Inert)
        assert found.kind == "os.system"
    extension = plain(b"\x82\x07.")
    assert extension == Global("the extension 7")


def long_binary(size: int) -> bytes:
    return b"\x80\x04\x8e" + struct.pack("<Q", size) + b"abc."


BOMBS: dict[str, Callable[[], bytes]] = {
    "memo": lambda: b"\x80\x02Nr\xff\xff\xff\xff.",
    "bytes": lambda: long_binary(2**40),
    "more bytes": lambda: long_binary(2**62),
    "depth": lambda: b"\x80\x02" + b"N" + b"\x85" * 300_000 + b".",
    "depth as a key": lambda: b"\x80\x02}N" + b"\x85" * 300_000 + b"Ns.",
    "doubling": lambda: b"\x80\x02N" + b"2\x86" * 100_000 + b".",
    "itself": lambda: b"\x80\x02]q\x00" + b"h\x00a" * 100_000 + b".",
    "a list that grows": lambda: (
        b"\x80\x02]q\x00(" + b"N" * 1_000 + b"e" + b"(h\x00cx\ny\nh\x00Rt" * 1_000 + b"."
    ),
    "digits": lambda: b"I" + b"9" * 5_000_000 + b"\n.",
    "a line": lambda: b"V" + b"x" * (65 * 2**20),
    "no end": lambda: b"\x80\x02" + b"N0" * 100_000,
    "operations": lambda: b"\x80\x02" + b"]" * 300_000 + b".",
    "pops": lambda: b"\x80\x02000000.",
    "marks": lambda: b"\x80\x02" + b"(" * 1_000_000 + b".",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_ends_soon_and_in_little_memory(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 250_000)
    resource = pytest.importorskip("resource")
    content = BOMBS[kind]()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with suppress(PickleError):
        plain(content)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 900 * (1024 if sys.platform == "linux" else 2**20)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("archive", [True, False])
def test_damage_is_one_finding_and_never_another_error(tmp_path: Path, archive: bool) -> None:
    path = saved(
        tmp_path / "x.pth", {**beside(), "state_dict": {"w": torch.rand(3, 4)}}, archive=archive
    )
    whole, draws = path.read_bytes(), random.Random(archive)  # noqa: S311  # damage, not secrets
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(draws.randint(1, 4)):
            content[draws.randrange(len(content))] = draws.randrange(256)
        path.write_bytes(content[: draws.choice((len(content), draws.randrange(len(content))))])
        with suppress(Unreadable):
            found = open_checkpoint(path)
            for name in found.entries:
                found.read(name)
    assert FIRED == []


def test_a_tensor_never_reaches_out_of_its_storage(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pth", {"w": torch.arange(10.0)[:4], "secret": torch.rand(99)})
    whole = path.read_bytes()
    grown = whole.replace(b"QK\x00K\x04\x85", b"QK\x00K\x63\x85", 1)
    assert grown != whole
    path.write_bytes(grown)
    found = open_checkpoint(path)
    with pytest.raises(Unreadable, match="does not hold all of its numbers"):
        found.read("w")
